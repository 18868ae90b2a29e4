"""Find in a prompt what fits into JSON: its numbers, its quoted strings and names, and its words."""

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

Found = TypeVar("Found")

_MOST_CHARACTERS: Final = 10_000
_MOST_WORDS: Final = 200
_NUMBER: Final = re.compile(
    r"(?<![\w.])-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.[0-9]{1,15})?(?![0-9])"
)
_QUOTED: Final = re.compile(r"“([^”\n]+)”|«([^»\n]+)»|\"([^\"\n]+)\"|`([^`\n]+)`|(?<!\w)'([^'\n]+)'(?!\w)")
_WORD: Final = re.compile(r"[^\W\d_](?:[\w'\u2019-]*\w)?")
_SENTENCE_END: Final = re.compile(r"(?:^|[.!?\n])\s*\Z")
_PUNCTUATION: Final = ".,;:!?()[]{}<>\"'`“”«»"


class PromptValues:
    """The values of one prompt, each of which is taken once, in their order."""

    def __init__(self, text: str) -> None:
        self._text = text[:_MOST_CHARACTERS]
        self._folded = self._text.casefold()
        self._numbers = list(map(_read_number, _NUMBER.findall(self._text)))
        self._strings = [*_find_quoted(self._text), *_find_names(_QUOTED.sub("''", self._text))][:_MOST_WORDS]
        self._words = [word.strip(_PUNCTUATION) for word in self._text.split()][:_MOST_WORDS]

    def take_number(self, fits: Callable[[int | float], bool]) -> int | float | None:
        """Return the next number that fits; None if there is none."""
        return _take(self._numbers, fits)

    def take_string(self, fits: Callable[[str], bool]) -> str | None:
        """Return the next quoted string that fits, or else the next name; None if there is none."""
        return _take(self._strings, fits)

    def take_word(self, fits: Callable[[str], bool]) -> str | None:
        """Return the next word that fits; None if there is none."""
        return _take(self._words, fits)

    def mentions(self, value: object) -> bool:
        """Return True if the prompt holds the number, or the string as a word or words in any case."""
        if isinstance(value, str):
            folded = value.casefold()
            # The search for the plain text first: it is a hundred times faster.
            return (
                bool(folded) and folded in self._folded and bool(_compile_words(folded).search(self._folded))
            )
        return not isinstance(value, bool) and isinstance(value, int | float) and value in self._numbers


def _compile_words(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")


def _take(values: list[Found], fits: Callable[[Found], bool]) -> Found | None:
    place = next((place for place, value in enumerate(values) if fits(value)), None)
    return None if place is None else values.pop(place)


def _read_number(text: str) -> int | float:
    text = text.replace(",", "")
    return float(text) if "." in text else int(text)


def _find_quoted(text: str) -> Iterator[str]:
    for found in _QUOTED.finditer(text):
        yield found[found.lastindex or 0]


def _find_names(text: str) -> Iterator[str]:
    """The runs of words with a capital, without the first word of a sentence, which has one anyway."""
    name, end = "", 0
    for word in _WORD.finditer(text):
        is_name = word[0][0].isupper() and not _SENTENCE_END.search(
            text, max(end, word.start() - 20), word.start()
        )
        if name and is_name and text[end : word.start()] == " ":
            name = f"{name} {word[0]}"
        else:
            if name:
                yield name
            name = word[0] if is_name else ""
        end = word.end()
    if name:
        yield name
