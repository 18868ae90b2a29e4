"""Turns requests and results into groups of plain values, and back, so that they cross a cluster whole.

Groups are pickled, as everything in Ray is; but they hold only numbers, texts, bytes, lists, tuples and mappings. A pickled
exception would lose its keywords.
"""

import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from typing import Any, Final

from mmpipe import errors
from mmpipe.api.attempt import Observer
from mmpipe.api.encoded_request import EncodedRequest
from mmpipe.api.response_head import RequestFacts, ResponseHead, ResponseInfo
from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError

# Ray carries a value of up to 100 KiB with the call itself, and a larger one through its object store.
MOST_BYTES: Final = 64 * 1024

_KINDS: Final[Sequence[type[Event]]] = (Start, Thinking, Text, ToolCall, Usage, Stop, ToolResult)
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}


def _read_fields(kind: type[Event]) -> Callable[[Event], tuple[object, ...]]:
    names = [field.name for field in fields(kind)]
    read: Callable[[Event], Any] = attrgetter(*names)
    return read if len(names) > 1 else lambda event: (read(event),)


_READERS: Final = tuple(map(_read_fields, _KINDS))

Record = tuple[tuple[object, ...], list[bytes]]  # the head of a response, and the pieces of its body


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """One request on its way: its number, and what the worker needs to ask it. `takes_bytes` wants the response, too."""

    number: int
    request: EncodedRequest
    limits: Limits
    takes_bytes: bool


@dataclass(frozen=True, slots=True)
class ClusterResult:
    """The events of one attempt, or its error; `record` is the response as it came, if that was wanted."""

    number: int
    events: Sequence[Event]
    error: MmpipeError | None = None
    record: Record | None = None

    def replay(self, observer: Observer) -> None:
        """Show the observer the response as it came."""
        if self.record is not None:
            head, pieces = self.record
            observer.began(_unpack_head(head))
            for piece in pieces:
                observer.received(piece)


def pack_questions(questions: Iterable[ClusterRequest]) -> Iterator[bytes]:
    """Yield groups of questions. A deadline crosses as the seconds that are left: each machine has a clock of its own."""
    return join_groups(map(_pack_question, questions))


def unpack_questions(group: bytes) -> Iterator[ClusterRequest]:
    """Yield the questions of a group."""
    for number, request, (connect, first_byte, idle, seconds_left), takes_bytes in _split(group):
        limits = Limits(connect, first_byte, idle, time.monotonic() + seconds_left)
        yield ClusterRequest(number, EncodedRequest(*request), limits, takes_bytes)


def _pack_question(question: ClusterRequest) -> bytes:
    request, limits = question.request, question.limits
    return _pack(
        question.number,
        (request.body, request.model, request.streamed, request.pieces),
        (limits.connect, limits.first_byte, limits.idle, limits.seconds_left),
        question.takes_bytes,
    )


def pack_result(result: ClusterResult) -> bytes:
    """Return one result as bytes, to be joined to a group with others."""
    events = [(number := _NUMBERS[type(event)], _READERS[number](event)) for event in result.events]
    error = None if result.error is None else pack_error(result.error)
    return _pack(result.number, events, error, result.record)


def unpack_results(group: bytes) -> Iterator[ClusterResult]:
    """Yield the results of a group."""
    for number, packed, error, record in _split(group):
        events = [_KINDS[kind](*values) for kind, values in packed]
        yield ClusterResult(number, events, None if error is None else unpack_error(error), record)


def pack_head(head: ResponseHead) -> tuple[object, ...]:
    """Return the head of a response as nested tuples."""
    return astuple(head)


def _unpack_head(packed: tuple[Any, ...]) -> ResponseHead:
    (http, request_id, retry_after, date, location, request), *types = packed
    info = ResponseInfo(http, request_id, retry_after, date, location, RequestFacts(*request))
    return ResponseHead(info, *types)


_ERROR_FIELDS: Final = ("sentence", "hint", "http", "api_code", "request_id", "retryable", "retry_after")
PackedError = tuple[str, dict[str, Any]]


def pack_error(error: MmpipeError) -> PackedError:
    """Return the name of the class, which is one of errors.py, and the fields."""
    kind = next(kind for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)
    return kind.__name__, {name: getattr(error, name) for name in _ERROR_FIELDS}


def unpack_error(packed: PackedError) -> MmpipeError:
    """Return the error with all its fields."""
    name, values = packed
    error: MmpipeError = getattr(errors, name)(**values)
    return error


def join_groups(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the values in groups of at most MOST_BYTES; a longer value is a group of its own."""
    group, size = list[bytes](), 0
    for value in packed:
        if group and size + len(value) > MOST_BYTES:
            yield pickle.dumps(group, pickle.HIGHEST_PROTOCOL)
            group, size = [], 0
        group.append(value)
        size += len(value)
    if group:
        yield pickle.dumps(group, pickle.HIGHEST_PROTOCOL)


def _pack(*values: object) -> bytes:
    return pickle.dumps(values, pickle.HIGHEST_PROTOCOL)


def _split(group: bytes) -> Iterator[Any]:
    return map(pickle.loads, pickle.loads(group))  # noqa: S301  Ray unpickles all that comes from a node
