"""The sentences of simulated answers."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import count, islice

_OPENING = "This is a simulated answer from `mmpipe sim`"
_QUOTED = 80
_GREETING = re.compile(r"\s*(?:(?:hi|hello|hey)\b|你好)", re.IGNORECASE)
_REMARKS = (
    "Nothing was thought about and nothing was looked up: the same question always gets these same words.",
    "A real model would now say something useful; this text is here so that you can watch it arrive.",
    "Every sentence comes from a small list, picked by the question, so a script can rely on it.",
    "It is a few sentences long, so that it comes in several pieces, as real answers do.",
    "If you can read this, your program has put the pieces together in the right order.",
    "Set another base URL and a key, and the very same command will ask the real service.",
)
_SENTENCES = (
    "The river was low that summer, and the ferry waited for the rain.",
    "Nobody had counted the steps of the tower since the clock was taken down.",
    "She wrote the date on the first page, closed the book, and went out to see the snow.",
    "An old map of the harbour hung in the hall; half of its names were wrong.",
    "“Take the early train,” he said, “and you will be there before the bread is cold.”",
    "Most of the garden is wall, and most of the wall is ivy.",
    "They measured the field twice: 340 paces one way, 338 the other.",
    "In the café on the corner the radio played softly, as it did every Tuesday.",
    "What the letter meant, and whether it was meant for them, they never learnt.",
    "It rained; it stopped; it rained again.",
)


def thinking(prompt: str) -> str:
    """Return the thinking before an answer."""
    return (
        f"The user says: “{_quote(prompt)}”. I am not a model, only a simulator of the API, so there is "
        "nothing to work out. I should say so in the first sentence, repeat what was asked, and stay brief."
    )


def thinking_of_results(results: Sequence[str]) -> str:
    """Return the thinking about the results of tools."""
    return (
        f"The tools returned: {_quotes(results)}. I am not a model, only a simulator of the API, so all I can do "
        "with it is to repeat it."
    )


def answer(prompt: str, model: str) -> str:
    """Return an answer to any prompt: it names the simulator, quotes the question and adds two remarks."""
    if _GREETING.match(prompt):
        return f"{_OPENING}: hello! I am fine, thank you, and I hope you are too. {_remarks(prompt, model)}"
    return f"{_OPENING}, in place of {model}. You asked: “{_quote(prompt)}”. {_remarks(prompt, model)}"


def answer_to_results(results: Sequence[str], model: str) -> str:
    """Return an answer that quotes the results of tools."""
    quotes = _quotes(results)
    return f"{_OPENING}, in place of {model}. The tools returned: {quotes}. {_remarks(quotes, model)}"


def of_length(characters: int) -> str:
    """Return prose of exactly so many characters, at least one."""
    needed = characters // min(map(len, _SENTENCES)) + 1
    text = "".join(islice(_story(), needed))[:characters]
    return text[:-1] + "." if text[-1].isspace() else text


def of_words(number: int) -> str:
    """Return so many different words."""
    return " ".join(str(index) for index in range(1, number + 1))


def _story() -> Iterator[str]:
    for index in count():
        chosen = _pick(f"story:{index}", len(_SENTENCES))
        yield _SENTENCES[chosen] + ("\n\n" if _pick(f"end:{index}", 6) == 0 else " ")


def _remarks(prompt: str, model: str) -> str:
    first = _pick(f"{model}:{prompt}", len(_REMARKS))
    return f"{_REMARKS[first]} {_REMARKS[(first + 2) % len(_REMARKS)]}"


def _quotes(texts: Sequence[str]) -> str:
    return ", ".join(f"“{_quote(text)}”" for text in texts)


def _quote(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= _QUOTED else line[:_QUOTED].rstrip() + " …"


def _pick(text: str, choices: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode(errors="replace")).digest()[:4]) % choices
