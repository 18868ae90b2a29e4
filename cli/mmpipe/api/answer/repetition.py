"""Recognises chunks that repeat the one before byte for byte but for their text, so that most of a stream is not parsed.

A long answer comes in thousands of chunks of some hundred bytes, of which only the text is new. The pattern of one chunk is
proved once, with JSON's own rules; whatever chunk matches it has the same fields, with another text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

import msgspec

from mmpipe.api.answer.fields import DETAIL_FIELDS, THINKING_FIELDS, read_texts
from mmpipe.dataclass import dataclass
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import encode_json

# Fields whose text may differ: of a delta, and of the only item in a list of details.
OPEN_FIELDS: Final = ("content", *THINKING_FIELDS)
OPEN_DETAIL_FIELD: Final = "text"
_CALLS: Final = ("tool_calls", "function_call")
_PROBE: Final = "a text in place of any other"
_decode_string: Final = msgspec.json.Decoder(str).decode
# What may stand around the data of an event in one line. An event framed like this has these data alone.
_BEFORE: Final = (b"data: ", b"data:")
_AFTER: Final = (b"\n\n", b"\r\n\r\n")


@dataclass(frozen=True, slots=True)
class Repetition:
    """A delta that further chunks may repeat, the keys of the text in it, and the texts of the chunks that did."""

    delta: Mapping[str, object] = field(default_factory=dict)
    keys: Sequence[str] = ()
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChunkPattern:
    """The bytes around the text of a chunk, with its quotes; the text stands there `times` times, first at `begin`."""

    parts: Sequence[bytes]
    size: int  # bytes of all parts
    begin: int
    times: int

    @classmethod
    def of(cls, parts: Sequence[bytes]) -> "ChunkPattern":
        """Return the pattern of these parts, two or more."""
        return cls(parts, sum(map(len, parts)), len(parts[0]), len(parts) - 1)

    def frame(self, data: bytes, received: bytes) -> "ChunkPattern | None":
        """Return the pattern of the bytes that bring such a chunk as `received` brought `data`; None unless they are one event."""
        before, _, after = received.partition(data)
        if before not in _BEFORE or after not in _AFTER or b"\n" in data or b"\r" in data:
            return None
        first, *inner, last = self.parts
        return ChunkPattern.of((before + first, *inner, last + after))

    def read(self, data: bytes) -> str | None:
        """Return the text of a chunk that matches, not empty; None for any other chunk."""
        begin = self.begin
        literal = data[begin : begin + (len(data) - self.size) // self.times]
        if literal.join(self.parts) != data:
            return None
        try:
            # Exactly one string of JSON: nothing in it changes the meaning of the bytes around it, or is a value.
            return _decode_string(b'"%b"' % literal) or None
        except msgspec.DecodeError:
            return None


def find_repetition(choices: object) -> Repetition:
    """Return the repetition that a chunk with these choices may begin; without keys if more than its text may count again.

    Calls and messages count each time they come, and so do the items of a list of details if there are several.
    """
    match choices:
        case [{"delta": dict(delta), **rest}] if not rest.get("message"):
            details = [delta.get(name) for name in DETAIL_FIELDS]
            if not any(map(delta.get, _CALLS)) and all(map(_is_single, details)):
                return Repetition(delta, [key for key, _ in read_texts(delta)])
    return Repetition()


def learn_pattern(data: bytes, chunk: Mapping[str, object], texts: int) -> ChunkPattern | None:
    """Return the pattern of a chunk that `find_repetition` found to hold one text, in so many fields.

    It is None if the bytes of the text cannot be told from the rest.
    """
    found = [str(holder[name]) for holder, name in _find_texts(chunk)]
    if len(found) != texts or _PROBE in found:
        return None
    for literal in {encode_json(found[0]), json.dumps(found[0]).encode()}:
        pieces = data.split(literal)
        parts = [pieces[0] + b'"', *(b'"%b"' % piece for piece in pieces[1:-1]), b'"' + pieces[-1]]
        if len(pieces) == texts + 1 and _is_proved(parts, chunk, found[0]):
            return ChunkPattern.of(parts)
    return None


def _is_proved(parts: Sequence[bytes], chunk: Mapping[str, object], text: str) -> bool:
    """Return True if another text between the parts makes a chunk that has it wherever `chunk` has `text`, and is else the same."""
    try:
        probed: Any = strict_json.loads(_PROBE.encode().join(parts).decode())
    except ValueError:
        # Some servers write more than JSON into an event.
        return False
    for holder, name in _find_texts(probed):
        if holder[name] != _PROBE:
            return False
        holder[name] = text
    return bool(probed == chunk)


def _find_texts(chunk: Any) -> Iterator[tuple[dict[str, object], str]]:  # noqa: ANN401  its form is known
    """Yield the object and the name of each text, not empty, in the delta."""
    delta = chunk["choices"][0]["delta"]
    items = [item for name in DETAIL_FIELDS for item in delta.get(name) or ()]
    for holder, name in [(delta, name) for name in OPEN_FIELDS] + [
        (item, OPEN_DETAIL_FIELD) for item in items
    ]:
        if isinstance(holder.get(name), str) and holder[name]:
            yield holder, name


def _is_single(details: object) -> bool:
    """Return True for a list of one item, and for no details."""
    return not details or (isinstance(details, list) and len(details) == 1 and isinstance(details[0], dict))
