"""Distinguishes cumulative streams (each piece repeats all text so far) from incremental ones (each piece is new).

The service sends new text (FACTS.md, "Streams"); the official sample expects repeated text. A wrong guess
damages the answer, so one decision holds for the whole stream, and it needs evidence:

* A piece that does not begin with the whole piece before it in the same field, and go on, proves the stream incremental.
  Nearly every stream proves it with its second piece.
* Other pieces are held back until the kind of the stream is known. The stream is cumulative once a field has grown three
  times from its very first piece, without one exception. The repeated text must have at least 32 characters, and must
  not be periodic: "ha" * 50 begins with "ha" * 30 however it was cut.
* A stream that is still undecided at its end (`a`, `ab`, `abab`) is incremental: repeated text is better than lost text.
* The usage at the end may refute the guess (`is_refuted`), but not after eight growths: no text grows so by chance, and
  servers count thinking that they do not send. Who knows the server says so with `--pieces`.
"""

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

from mmpipe.api.answer.surrogates import drop_first_surrogate

# A piece of a text, after the key of the text: the name of its field, or of a part of it.
Piece = tuple[str, str]

ENOUGH_CHARACTERS = 32
ENOUGH_GROWTHS = 3
CERTAIN_GROWTHS = 8
_BYTES_OF_TOKEN = 1.5  # of UTF-8; a token of prose has 3 to 5, a digit of a number may have one
_TESTED = 4096  # characters


class StreamKind(Enum):
    """The kind of a stream, as far as it is known; the values are those of `--pieces`."""

    UNKNOWN = "auto"
    INCREMENTAL = "new"
    CUMULATIVE = "repeated"


class CumulativeDetector:
    """Takes the pieces of a stream's text fields; returns the new text in them. The `kind` may be known before."""

    def __init__(self, kind: StreamKind = StreamKind.UNKNOWN) -> None:
        self.kind = kind
        # Usage may refute the kind.
        self.is_guessed = kind is StreamKind.UNKNOWN
        self._last: dict[str, str] = {}  # by field: the piece before
        self._growths: defaultdict[str, int] = defaultdict(int)
        # By field: all text returned, unless the stream is incremental.
        self._known: defaultdict[str, _KnownText] = defaultdict(_KnownText)
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
            return [(field, self._known[field].add(piece))]
        self._held.append((field, piece))
        if before is None:
            return []
        if len(piece) <= len(before) or not piece.startswith(before):
            return self._decide(StreamKind.INCREMENTAL)
        self._growths[field] += 1
        if self._growths[field] >= ENOUGH_GROWTHS and _is_evidence(before):
            return self._decide(StreamKind.CUMULATIVE)
        return []

    def settle(self) -> list[Piece]:
        """Return the text that was held back; the stream has ended."""
        return self._decide(StreamKind.INCREMENTAL) if self._held else []

    def _decide(self, kind: StreamKind) -> list[Piece]:
        self.kind = kind
        held, self._held = self._held, []
        # What was held back is counted as it comes out.
        self._growths.clear()
        return held if kind is StreamKind.INCREMENTAL else self._new_text(held)

    def _new_text(self, pieces: list[Piece]) -> list[Piece]:
        new = [(field, self._known[field].add(piece)) for field, piece in pieces]
        for (field, piece), (_, text) in zip(pieces, new, strict=True):
            if text and self.is_guessed:
                self._growths[field] = self._growths[field] + 1 if len(text) < len(piece) else 0
                self.is_guessed = self._growths[field] < CERTAIN_GROWTHS
        return [(field, text) for field, text in new if text]


class _KnownText:
    """The text of one field so far; joined only when a piece is long enough to repeat it, so that the work is linear."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    def add(self, piece: str) -> str:
        """Return the new text of a piece. A piece that does not continue the known text is new as a whole: nothing is lost."""
        if len(piece) >= self._length:
            known = self.text()
            # A piece may have the first surrogate of a pair again, joined with the second.
            repeated = drop_first_surrogate(known)
            if not piece.startswith(known) and piece.startswith(repeated):
                known = repeated
            self._parts, self._length = [known], len(known)
            piece = piece.removeprefix(known)
        self._parts.append(piece)
        self._length += len(piece)
        return piece

    def text(self) -> str:
        """Return all text so far."""
        return "".join(self._parts)


def is_refuted(written: int, received: int, tokens: int) -> bool:
    """Return True if the text that was `written` is too short for so many tokens, and all that was received is not (in bytes)."""
    return written < _BYTES_OF_TOKEN * tokens <= received


def join_cumulative(pieces: Iterable[str]) -> str:
    """Return the text of pieces that each repeat the text so far; other pieces are new as a whole."""
    known = _KnownText()
    for piece in pieces:
        known.add(piece)
    return known.text()


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
