"""Answers from a list that a test gives, without a server; records and replays them."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mmpipe.api.answer.response import read_answer
from mmpipe.api.attempt import AskOnce, Observer, follow
from mmpipe.api.client import ask
from mmpipe.api.http.exchange import Clock
from mmpipe.api.options import RecordingMode
from mmpipe.api.recordings import RecordedHost, Recordings, open_recordings
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Event, Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.errors import AuthError, MmpipeError, QuotaError
from support.harness import KEY

PATIENCE = Timeouts(connect=5, first_byte=5, idle=5, total=20, retries=0)
REQUEST = Request("M", ({"role": "user", "content": "7 * 8?"},))
STREAM = ResponseHead(ResponseInfo(request_id="0640"), "text/event-stream")
WHOLE = ResponseHead(ResponseInfo(), "application/json")
REFUSED = AuthError("no such key", http=401, api_code=2049, request_id="0641")
OVERLOADED = QuotaError("wait", http=429, retryable=True, retry_after=7200)


def chunk(text: str, **more: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, **more}
    return f"data: {json.dumps({'id': '1', 'choices': [choice]}, ensure_ascii=False)}\n\n".encode()


END = chunk("", finish_reason="stop")
GOOD = [chunk("five "), chunk("ü")[:-8], chunk("ü")[-8:], b": \xff\n\n", END]
MESSAGE = {"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "56"}}]}


def answering(*arrivals: ResponseHead | bytes | MmpipeError, seen: list[Request] | None = None) -> AskOnce:
    """A service from which this arrives, each time it is asked."""

    def arriving() -> Iterator[ResponseHead | bytes]:
        for arrival in arrivals:
            if isinstance(arrival, MmpipeError):
                raise arrival
            yield arrival

    def ask(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
        if seen is not None:
            seen.append(request)
        return follow(arriving(), read_answer, Clock(limits, begins_soon=True), observer)

    return ask


HOST = "https://api.example/v1"


def ignore(_: object) -> None:
    pass


def recordings(
    folder: Path, mode: RecordingMode, host: str | None = HOST, warn: Callable[[str], None] = ignore
) -> Recordings:
    recorded = RecordedHost(host, None if mode == "replay" else Key(KEY, "test"))
    return open_recordings(folder, mode, recorded, warn)


def asked(
    folder: Path,
    mode: RecordingMode,
    ask: AskOnce | None = None,
    request: Request = REQUEST,
    host: str | None = HOST,
    warn: Callable[[str], None] = ignore,
) -> tuple[list[Event], bytes, MmpipeError | None]:
    """The events, the bytes that an observer sees, and the error."""
    received: list[bytes] = []
    events: list[Event] = []
    try:
        asking = recordings(folder, mode, host, warn).wrap(ask)
        for event in asking(request, PATIENCE.limits(), Observer(received.append)):
            events.append(event)  # noqa: PERF402  what came before an error counts
    except MmpipeError as error:
        return events, b"".join(received), error
    return events, b"".join(received), None


def text(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def error_fields(error: MmpipeError | None) -> tuple[object, ...]:
    assert error is not None
    return type(error), error.message, error.http, error.api_code, error.request_id


def at(base_url: str) -> AskOnce:
    """The real client at a server."""
    endpoint = Endpoint(base_url, Key(KEY, "test"))
    return lambda request, limits, observer: ask(request, endpoint, limits, observer)
