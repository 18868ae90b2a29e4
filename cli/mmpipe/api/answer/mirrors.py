"""Finds thinking that several fields of one answer repeat, so that it counts once and different thinking is not lost.

A server may send the same thinking in two or three fields (FACTS.md, "Streams"), each cut differently, and with other white
space between its parts. White space aside, a field mirrors another as long as its text is the beginning of the other's text,
or goes on where that ends. Only the new text of a mirror counts. With the first difference the field is no mirror: its whole
text counts, and is compared with the other fields that differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_BLOCK = 64  # characters that are compared at once


@dataclass(slots=True)
class _Reader:
    """Place that one field has reached: in which track, in which piece of it, after how many characters."""

    track: int = 0
    piece: int = 0
    offset: int = 0


class MirrorFilter:
    """Takes the thinking of all fields, piece by piece; returns the new text in each piece.

    A track is one thinking in pieces, which one or more fields repeat. There are at most as many tracks as fields.
    """

    def __init__(self) -> None:
        self._tracks: list[list[str]] = [[]]
        self._readers: dict[str, _Reader] = {}

    def take(self, field: str, text: str) -> str:
        """Return the new text in the next piece of `field`, not empty; "" if it was received from another field."""
        reader = self._readers.get(field)
        if reader is None:
            reader = self._readers[field] = _Reader()
        track = self._tracks[reader.track]
        if reader.piece == len(track):
            track.append(text)
            reader.piece += 1
            return text
        if not reader.offset and track[reader.piece] == text:
            reader.piece += 1
            return ""
        return self._compare(reader, text)

    def are_level(self, fields: Sequence[str]) -> bool:
        """Return True if all these fields are at the end of one track. Text that comes once in each of them is then new once."""
        first = self._readers.get(fields[0])
        if first is None or len({*fields}) < len(fields):
            return False
        end = _Reader(first.track, len(self._tracks[first.track]))
        return all(self._readers.get(field) == end for field in fields)

    def add(self, fields: Sequence[str], texts: Sequence[str]) -> None:
        """Take texts that came in each of these fields, which are level."""
        readers = [self._readers[field] for field in fields]
        track = self._tracks[readers[0].track]
        track += texts
        for reader in readers:
            reader.piece = len(track)

    def _compare(self, reader: _Reader, text: str) -> str:
        track, piece, offset = self._tracks[reader.track], reader.piece, reader.offset
        at = _follow(reader, track, text)
        while at is None:
            text = "".join((*track[:piece], track[piece][:offset], text))
            reader.track += 1
            if reader.track == len(self._tracks):
                self._tracks.append([])
            track = self._tracks[reader.track]
            piece = offset = reader.piece = reader.offset = 0
            at = _follow(reader, track, text)
        if at < len(text):
            track.append(text[at:])
            reader.piece += 1
        return text[at:]


def _follow(reader: _Reader, track: list[str], text: str) -> int | None:
    """Move the reader along `text`; return the number of characters that the track has too, None at a difference."""
    at = 0
    while at < len(text) and reader.piece < len(track):
        piece = track[reader.piece]
        block = text[at : at + min(_BLOCK, len(piece) - reader.offset)]
        if piece.startswith(block, reader.offset):
            at += len(block)
            reader.offset += len(block)
        elif text[at] == piece[reader.offset]:
            at += 1
            reader.offset += 1
        elif text[at].isspace():
            at += 1
        elif piece[reader.offset].isspace():
            reader.offset += 1
        else:
            return None
        if reader.offset == len(piece):
            reader.piece += 1
            reader.offset = 0
    return at
