"""Distinguishes cumulative streams (each piece repeats all text so far) from incremental ones (each piece is new).

The service sends new text (FACTS.md, "Streams"); the official sample expects repeated text. A wrong guess
damages the answer, so one decision holds for the whole stream, and it needs evidence:

* A piece that does not begin with the whole piece before it, in the same field, proves the stream incremental.
  Nearly every stream proves it with its second piece.
* A piece that repeats the piece before it is held back until the kind of the stream is known. The stream is cumulative
  once a field has two such pieces. The repeated text must have at least 32 characters, and must not be periodic:
  "ha" * 50 begins with "ha" * 30 however it was cut.
* A stream that is still undecided at its end (`a`, `ab`, `abab`) is incremental: repeated text is better than lost text.
"""

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

from mmpipe.api.answer.surrogates import drop_first_surrogate

# A piece of a text, after the key of the text: the name of its field, or of a part of it.
Piece = tuple[str, str]

ENOUGH_CHARACTERS = 32
ENOUGH_REPEATS = 2
_TESTED = 4096  # characters


class StreamKind(Enum):
    """The kind of a stream, as far as it is known."""

    UNKNOWN = "unknown"
    INCREMENTAL = "incremental"
    CUMULATIVE = "cumulative"


class CumulativeDetector:
    """Takes the pieces of a stream's text fields; returns the new text in them."""

    def __init__(self) -> None:
        self.kind = StreamKind.UNKNOWN
        self._last: dict[str, str] = {}  # by field: the piece before
        self._repeats: defaultdict[str, int] = defaultdict(int)
        self._known: dict[str, str] = {}  # by field, once cumulative: all text returned
        self._held: list[Piece] = []

    def take(self, field: str, piece: str) -> list[Piece]:
        """Take the next piece, not empty; return the new text that is certain by now, oldest first."""
        if self.kind is StreamKind.INCREMENTAL:
            return [(field, piece)]
        if self.kind is StreamKind.CUMULATIVE:
            return self._new_text([(field, piece)])
        before = self._last.get(field)
        self._last[field] = piece
        if before is None and not self._held:
            self._known[field] = piece
            return [(field, piece)]
        self._held.append((field, piece))
        if before is not None and not piece.startswith(before):
            return self._decide(StreamKind.INCREMENTAL)
        if before is not None and len(piece) > len(before):
            self._repeats[field] += 1
            if self._repeats[field] >= ENOUGH_REPEATS and _is_evidence(before):
                return self._decide(StreamKind.CUMULATIVE)
        return []

    def settle(self) -> list[Piece]:
        """Return the text that was held back; the stream has ended."""
        return self._decide(StreamKind.INCREMENTAL) if self._held else []

    def _decide(self, kind: StreamKind) -> list[Piece]:
        self.kind = kind
        held, self._held = self._held, []
        return held if kind is StreamKind.INCREMENTAL else self._new_text(held)

    def _new_text(self, pieces: list[Piece]) -> list[Piece]:
        new: list[Piece] = []
        for field, piece in pieces:
            known = self._known.get(field, "")
            # A piece that does not continue the known text is new as a whole: nothing is lost.
            text = piece.removeprefix(known)
            self._known[field] = known + text
            if text:
                new.append((field, text))
        return new


def join_cumulative(pieces: Iterable[str]) -> str:
    """Return the text of pieces that each repeat the text so far; other pieces are new as a whole."""
    known = ""
    for piece in pieces:
        repeated = drop_first_surrogate(known)
        if piece.startswith(repeated):
            # The piece has the first surrogate of a pair again, joined with the second.
            known = repeated
        known += piece.removeprefix(known)
    return known


def join_undecided(pieces: Iterable[str]) -> str:
    """Return the text of pieces of either kind, by the rule of this module."""
    detector = CumulativeDetector()
    taken = [new for piece in pieces for new in detector.take("", piece)]
    return "".join(text for _, text in (*taken, *detector.settle()))


def _is_evidence(repeated: str) -> bool:
    # The beginning is enough, and the test takes quadratic time.
    return len(repeated) >= ENOUGH_CHARACTERS and not _is_periodic(repeated[:_TESTED])


def _is_periodic(text: str) -> bool:
    """True if `text` repeats a part of at most half its length."""
    half = len(text) // 2
    # The place where the first half occurs again is the shortest possible period (Fine and Wilf).
    shift = text.find(text[:half], 1)
    return 0 < shift <= half and text.startswith(text[shift:])
