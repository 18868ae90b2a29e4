"""Formats and parses recordings: a request with its answer or its error, as JSON that people can edit; pure."""

import codecs
import json
import re
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.endpoint import MASK
from mmpipe.core.request import Request, format_question
from mmpipe.dataclass import dataclass
from mmpipe.errors import (
    AuthError,
    BadResponse,
    Filtered,
    Forbidden,
    MmpipeError,
    NetworkError,
    QuotaError,
    Rejected,
    ServerError,
    TimedOut,
)
from mmpipe.text import strict_json
from mmpipe.text.escapes import escaped_pattern
from mmpipe.text.visible import visible_json

# Characters. A placeholder such as `x` or `test` is no secret, and is part of many words.
_SHORTEST_SECRET: Final = 8
_MASK: Final = MASK.encode()
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
# Classes that a code alone does not tell.
_BY_KIND: Final[Mapping[str, type[MmpipeError]]] = {"forbidden": Forbidden}


@dataclass(frozen=True, slots=True)
class Base64:
    """Bytes that are not text."""

    base64: bytes


# A piece of a body, after the milliseconds from the beginning of the request to its arrival.
Timed = tuple[int, bytes]
Piece = tuple[float, str | Base64]


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """A response with a status 2xx."""

    status: int
    content_type: str
    pieces: tuple[Piece, ...]
    request_id: str | None = None

    @property
    def arrivals(self) -> Iterator[ResponseHead | bytes]:
        """The head and the pieces, in the order of their arrival."""
        yield ResponseHead(ResponseInfo(self.status, self.request_id), self.content_type)
        for _, piece in self.pieces:
            # An editor may write a lone surrogate, which is then decoded as if the service had sent it.
            yield piece.encode(errors="surrogatepass") if isinstance(piece, str) else piece.base64


@dataclass(frozen=True, slots=True)
class RecordedError:
    """The fields of `MmpipeError.as_json`, without those for a retry: the retry of a replay brings the same error.

    `kind` names the class of the error where its code has several.
    """

    code: int
    message: str
    http: int | None = None
    api_code: int | None = None
    request_id: str | None = None
    kind: str | None = None

    def error(self) -> MmpipeError:
        """The error that was recorded."""
        kind = _BY_CODE[self.code]
        named = _BY_KIND.get(self.kind or "", kind)
        kind = named if issubclass(named, kind) else kind
        return kind(self.message, http=self.http, api_code=self.api_code, request_id=self.request_id)


@dataclass(frozen=True, slots=True)
class Recording:
    """An answer; or an error, with the part of an answer that came before it.

    `host` is the identity of the host that answered; None in recordings of older versions.
    """

    request: Mapping[str, object]
    answer: RecordedAnswer | None = None
    error: RecordedError | None = None
    host: str | None = None

    def answers(self, request: Request) -> bool:
        """True if the recorded request is this question; a key in it was masked."""
        first, *others = format_question(self.request).split(MASK)
        asked = format_question(request.body())
        if not others:
            return asked == first
        last, end = others[-1], len(asked) - len(others[-1])
        place = len(first) if asked.startswith(first) and asked.endswith(last) else -1
        for part in others[:-1]:
            if place < 0:
                break
            found = asked.find(part, place)
            place = -1 if found < 0 else found + len(part)
        return 0 <= place <= end


def parse_recording(content: bytes) -> Recording:
    """The recording in the content of a file; raises ValueError for anything else."""
    value = strict_json.loads(content.decode("utf-8-sig"))
    recording = msgspec.convert(value, Recording)
    if recording.error is not None and recording.error.code not in _BY_CODE:
        raise ValueError(f"no error of an answer has the code {recording.error.code}")
    if recording.answer is None and recording.error is None:
        raise ValueError("it holds neither an answer nor an error")
    if recording.answer is not None and not ResponseInfo(recording.answer.status).is_success:
        raise ValueError(f"an answer has no status {recording.answer.status}; write an error instead")
    return recording


def is_from_service(error: MmpipeError) -> bool:
    """True if the service reported the error; False if the service could not be reached or its response was damaged."""
    return error.http is not None or error.api_code is not None


def format_recording(
    request: Mapping[str, object],
    error: MmpipeError | None,
    answer: tuple[ResponseHead, Sequence[Timed]] | None,
    key: str | None = None,
    host: str | None = None,
) -> bytes:
    """The content of the file for a request to a host and its answer, head and pieces; the key is masked everywhere."""
    secret = key if key is not None and len(key) >= _SHORTEST_SECRET else None
    value: dict[str, object] = {"request": request} if host is None else {"host": host, "request": request}
    if error is not None:
        kind = next((name for name, known in _BY_KIND.items() if type(error) is known), None)
        value["error"] = error.as_json() | ({} if kind is None else {"kind": kind})
    rows: list[Piece] = []
    if answer is not None:
        head, pieces = answer
        rows += split_text(pieces if secret is None else mask_secret(pieces, secret))
        value["answer"] = {
            "status": head.info.http,
            "content_type": head.content_type,
            "request_id": head.info.request_id,
            "pieces": [],
        }
    page = _page(value, rows)
    if secret is not None:
        masked = _secret_pattern(secret).sub(_MASK, page.encode(errors="surrogatepass"))
        page = masked.decode(errors="surrogatepass")
    return visible_json(page).encode()


def split_text(pieces: Iterable[Timed]) -> Iterator[Piece]:
    """The pieces as text, each cut where a character ends; pieces that are not UTF-8 stay bytes."""
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


def mask_secret(pieces: Sequence[Timed], secret: str) -> list[Timed]:
    """The pieces with `***` for the secret in every form, also where it begins in one of them and ends in another."""
    body = b"".join(piece for _, piece in pieces)
    spans = [match.span() for match in _secret_pattern(secret).finditer(body)]
    starts = [begin for begin, _ in spans]
    # The bytes that are gone after each span.
    gone = [0, *accumulate(end - begin - len(_MASK) for begin, end in spans)]

    def moved(cut: int) -> int:
        """The new place of a cut; a cut inside a secret moves behind it."""
        before = bisect_left(starts, cut)
        behind = spans[before - 1][1] if before else 0
        return max(cut, behind) - gone[before]

    clean = _secret_pattern(secret).sub(_MASK, body)
    cuts = map(moved, accumulate((len(piece) for _, piece in pieces), initial=0))
    return [(ms, clean[begin:end]) for (ms, _), (begin, end) in zip(pieces, pairwise(cuts), strict=True)]


@lru_cache(4)
def _secret_pattern(secret: str) -> re.Pattern[bytes]:
    """A pattern for the secret, upper and lower case alike, each character as it is or escaped."""
    pattern = "".join(map(escaped_pattern, secret))
    return re.compile(pattern.encode(errors="surrogatepass"), re.IGNORECASE)


def _page(value: Mapping[str, object], rows: Iterable[Piece]) -> str:
    """`value` as indented JSON; the rows fill the empty list at its end, one row a line."""
    page = _PAGE.encode(value)
    lines = ",\n".join(f"      {_LINE.encode(_row(*row))}" for row in rows)
    if lines:
        end = "]\n  }\n}"
        page = f"{page.removesuffix(end)}\n{lines}\n    {end}"
    return f"{page}\n"


def _row(ms: float, piece: str | Base64) -> list[object]:
    text = piece if isinstance(piece, str) else {"base64": b64encode(piece.base64).decode()}
    return [ms, text]
