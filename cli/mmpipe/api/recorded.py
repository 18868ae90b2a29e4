"""What a recording holds: a request, and the answer or the failure that it brought, as a file that people edit; pure."""

import codecs
import json
import re
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from mmpipe.api.codes import Source
from mmpipe.api.reception import Head
from mmpipe.errors import (
    AuthError,
    BadResponse,
    Filtered,
    MmpipeError,
    NetworkError,
    QuotaError,
    Rejected,
    ServerError,
    TimedOut,
)
from mmpipe.text import strict_json
from mmpipe.text.visible import visible_json

MASK: Final = "***"
_SHORTEST_SECRET: Final = 8  # a placeholder such as `x` or `test` hides nothing, and stands in many a word
_PAGE: Final = json.JSONEncoder(ensure_ascii=False, indent=2)
_LINE: Final = json.JSONEncoder(ensure_ascii=False)
FAILURES: Final[tuple[type[MmpipeError], ...]] = (
    AuthError,
    QuotaError,
    TimedOut,
    NetworkError,
    ServerError,
    BadResponse,
    Rejected,
    Filtered,
)
_BY_CODE: Final = {int(kind.status): kind for kind in FAILURES}
_SUCCESSES: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Base64:
    """What is no text."""

    base64: bytes


# A piece of a body, behind the milliseconds from the beginning of the request to its coming.
Timed = tuple[int, bytes]
Piece = tuple[float, str | Base64]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response in 2xx."""

    status: int
    content_type: str
    pieces: tuple[Piece, ...]
    request_id: str | None = None

    @property
    def arrivals(self) -> Iterator[Head | bytes]:
        """The head and the pieces, as they came."""
        yield Head(Source(self.status, self.request_id), self.content_type)
        for _, piece in self.pieces:
            # An editor can write half a character, which is then judged as if the service had sent it.
            yield piece.encode(errors="surrogatepass") if isinstance(piece, str) else piece.base64


@dataclass(frozen=True, slots=True)
class Failure:
    """What `as_json` tells of an error, without what would have it asked again: that brings the same."""

    code: int
    message: str
    http: int | None = None
    api_code: int | None = None
    request_id: str | None = None

    def error(self) -> MmpipeError:
        """The error, made anew."""
        kind = _BY_CODE[self.code]
        return kind(self.message, http=self.http, api_code=self.api_code, request_id=self.request_id)


@dataclass(frozen=True, slots=True)
class Recording:
    """An answer; or an error, and as much of an answer as came before it."""

    request: Mapping[str, object]
    answer: Answer | None = None
    error: Failure | None = None


def parse(content: bytes) -> Recording:
    """The recording that a file holds; raises ValueError for anything else."""
    value = strict_json.loads(content.decode("utf-8-sig"))
    recording = msgspec.convert(value, Recording)
    if recording.error is not None and recording.error.code not in _BY_CODE:
        raise ValueError(f"no failure to answer has the code {recording.error.code}")
    if recording.answer is None and recording.error is None:
        raise ValueError("there is neither an answer nor an error in it")
    if recording.answer is not None and recording.answer.status not in _SUCCESSES:
        raise ValueError(f"an answer has no status {recording.answer.status}; a failure is kept as an error")
    return recording


def is_told(error: MmpipeError) -> bool:
    """Whether the service told of the failure, and would again; not that it could not be reached or heard."""
    return error.http is not None or error.api_code is not None


def document(
    request: Mapping[str, object],
    error: MmpipeError | None,
    head: Head | None,
    pieces: Sequence[Timed],
    key: str | None = None,
) -> bytes:
    """The file for what a request brought; the key is nowhere in it."""
    secret = key if key is not None and len(key) >= _SHORTEST_SECRET else None
    value: dict[str, object] = {"request": request}
    if error is not None:
        value["error"] = error.as_json()
    rows: list[Piece] = []
    if head is not None:
        rows += text_pieces(pieces if secret is None else masked(pieces, secret.encode()))
        value["answer"] = {
            "status": head.source.http,
            "content_type": head.content_type,
            "request_id": head.source.request_id,
            "pieces": [],
        }
    page = _page(value, rows)
    if secret is not None:
        page = page.replace(_LINE.encode(secret)[1:-1], MASK)
    return visible_json(page).encode()


def text_pieces(pieces: Iterable[Timed]) -> Iterator[Piece]:
    """The pieces as text, each cut where a character ends; what is no UTF-8 stays bytes."""
    waiting, ms = b"", 0
    for ms, piece in pieces:
        received = waiting + piece
        try:
            text, read = codecs.utf_8_decode(received, "strict", False)
        except UnicodeDecodeError:
            waiting = b""
            yield ms, Base64(received)
        else:
            waiting = received[read:]
            if text:
                yield ms, text
    if waiting:
        yield ms, Base64(waiting)


def masked(pieces: Sequence[Timed], secret: bytes) -> list[Timed]:
    """The pieces with `***` for the secret, also where it begins in one of them and ends in another."""
    body = b"".join(piece for _, piece in pieces)
    found = [match.start() for match in re.finditer(re.escape(secret), body)]

    def moved(cut: int) -> int:
        """Where the cut is afterwards; one inside a secret goes behind it."""
        before = bisect_left(found, cut)
        behind = found[before - 1] + len(secret) if before else 0
        return max(cut, behind) - before * (len(secret) - len(MASK))

    clean = body.replace(secret, MASK.encode())
    cuts = map(moved, accumulate((len(piece) for _, piece in pieces), initial=0))
    return [(ms, clean[begin:end]) for (ms, _), (begin, end) in zip(pieces, pairwise(cuts), strict=True)]


def _page(value: Mapping[str, object], rows: Iterable[Piece]) -> str:
    """`value` laid out over many lines, with the rows in the empty list at its end, each on one line."""
    page = _PAGE.encode(value)
    lines = ",\n".join(f"      {_LINE.encode(_row(*row))}" for row in rows)
    if lines:
        end = "]\n  }\n}"
        page = f"{page.removesuffix(end)}\n{lines}\n    {end}"
    return f"{page}\n"


def _row(ms: float, piece: str | Base64) -> list[object]:
    text = piece if isinstance(piece, str) else {"base64": b64encode(piece.base64).decode()}
    return [ms, text]
