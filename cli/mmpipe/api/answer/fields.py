"""Fields of a delta or message that hold text: tables of their names, and the readers of the texts; no state.

Servers of these models put thinking into fields of several names, and text into parts (FACTS.md, "Fields of other servers").
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

from mmpipe.api.answer.cumulative import Piece
from mmpipe.errors import BadResponse
from mmpipe.text.json_encoding import format_json
from mmpipe.text.visible import one_line


class TextKind(Enum):
    """Meaning of the text in a part."""

    ANSWER = "answer"
    THINKING = "thinking"
    REFUSAL = "refusal"


# Fields of thinking: a string, or parts.
THINKING_FIELDS: Final = (
    "reasoning_content",  # MiniMax, DeepSeek, SGLang, llama.cpp, litellm, older vLLM
    "reasoning",  # newer vLLM, OpenRouter, Ollama, Groq
    "thinking",  # Ollama's own name, which gateways keep
)
# Lists of thinking: one piece of each item in a delta, and the items told apart by type, index and id.
DETAIL_FIELDS: Final = (
    "reasoning_details",  # MiniMax, OpenRouter
    "thinking_blocks",  # litellm
)
# Members of a part that hold its text, as a string or in further parts; None: of the same kind as the part.
_MEMBERS: Final[tuple[tuple[str, TextKind | None], ...]] = (
    ("text", None),
    ("thinking", TextKind.THINKING),  # Mistral: a list of parts; Anthropic: a string
    ("reasoning", TextKind.THINKING),
    ("reasoning_content", TextKind.THINKING),
    ("refusal", TextKind.REFUSAL),
    ("content", None),
    ("parts", None),  # Gemini
)
_SUMMARY: Final = (
    "summary",
    None,
)  # of thinking alone. OpenRouter: a string; Databricks: a list of summary_text
# Words in the type of a part, and the kind of its text; None: it holds no text for people.
_TYPES: Final[tuple[tuple[str, TextKind | None], ...]] = (
    ("encrypted", None),
    ("redacted", None),
    ("tool", None),
    ("think", TextKind.THINKING),
    ("reason", TextKind.THINKING),
    ("refusal", TextKind.REFUSAL),
)
_MAX_DEPTH: Final = 16  # levels of parts within parts; real ones have two
_CONTENT_KEYS: Final = {
    TextKind.ANSWER: "content",
    TextKind.THINKING: "content/thinking",
    TextKind.REFUSAL: "content/refusal",
}
# Keys whose text is written as the answer; any other text is thinking.
ANSWER_KEYS: Final = frozenset({"content", "refusal", "content/refusal"})


def read_texts(message: Mapping[str, object]) -> Sequence[Piece]:
    """Return the texts of a delta or message, none of them empty, thinking first.

    Raises BadResponse for `content` that can hold no text, such as a number.
    """
    found: list[Piece] = []
    for name in DETAIL_FIELDS:
        if details := message.get(name):
            found += _read_details(name, details)
    for name in THINKING_FIELDS:
        if thinking := message.get(name):
            if isinstance(thinking, str):
                found.append((name, thinking))
            else:
                found += ((name, text) for _, text in _read_part(thinking, TextKind.THINKING))
    content = message.get("content")
    if isinstance(content, str):
        if content:
            found.append(("content", content))
    elif content is not None:
        found += _read_content(content)
    if refusal := message.get("refusal"):
        found += (("refusal", text) for _, text in _read_part(refusal, TextKind.REFUSAL))
    return found


def _detail_index(detail: Mapping[str, object], position: int) -> int:
    """Return the index of an item of a list of details: its own, or its position in the list of the delta."""
    index = detail.get("index")
    return index if isinstance(index, int) else position


def _read_details(name: str, details: object) -> Iterator[Piece]:
    for position, detail in enumerate(details if isinstance(details, list) else ()):
        if not isinstance(detail, dict):
            continue
        key = f"{name}/{detail.get('type')}/{_detail_index(detail, position)}"
        text = detail.get("text")
        if isinstance(text, str):
            if text:
                yield key, text
        else:
            for _, text in _read_part(detail, TextKind.THINKING):
                yield key, text


def _read_content(content: object) -> Iterator[Piece]:
    """Yield the texts of content in parts; an object that is no part is JSON, which the server has parsed."""
    if not isinstance(content, list | dict):
        raise BadResponse(f"content is not text: {one_line(repr(content), 60)}")
    if isinstance(content, dict) and content and not _is_part(content):
        yield "content", format_json(content)
    for kind, text in _read_part(content, TextKind.ANSWER):
        yield _CONTENT_KEYS[kind], text


def _read_part(part: object, kind: TextKind, depth: int = _MAX_DEPTH) -> Iterator[tuple[TextKind, str]]:
    """Yield the texts of a part, of a list of parts, and of the parts within."""
    if isinstance(part, str):
        if part:
            yield kind, part
    elif isinstance(part, list) and depth:
        for inner in part:
            yield from _read_part(inner, kind, depth - 1)
    elif isinstance(part, dict) and depth:
        of_part = _kind_of_part(part, kind)
        if of_part is None:
            return
        seen: list[object] = []
        for name, of_member in (*_MEMBERS, _SUMMARY) if of_part is TextKind.THINKING else _MEMBERS:
            member = part.get(name)
            # Some servers name one text twice.
            if member and member not in seen:
                seen.append(member)
                yield from _read_part(member, of_member or of_part, depth - 1)


def _kind_of_part(part: Mapping[str, object], inherited: TextKind) -> TextKind | None:
    name = part.get("type")
    if part.get("thought") is True:  # Gemini
        return TextKind.THINKING
    if isinstance(name, str):
        return next((kind for word, kind in _TYPES if word in name.lower()), inherited)
    return inherited


def is_text_part(part: Mapping[str, object]) -> bool:
    """Return True if the part holds text for people: only such a part can come in pieces."""
    name = part.get("type")
    if not isinstance(name, str):
        return _is_part(part)
    return name.endswith("text") or _kind_of_part(part, TextKind.ANSWER) not in (None, TextKind.ANSWER)


def _is_part(value: Mapping[str, object]) -> bool:
    return "type" in value or any(name in value for name, _ in _MEMBERS)
