"""A shape: the bytes that a server sends to each request, and all that must come out for the user."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from support.fault_cases import head, sized
from support.fault_server import End, Script

# The name and the arguments of a tool call, as they are sent back.
Call = tuple[str, str]

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get",
            "description": "d",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {"name": "now", "description": "d", "parameters": {"type": "object", "properties": {}}},
    },
]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One row of the table: `sent` to the N-th request (the last one again and again), and its result.

    `text` is the answer that reaches standard output, `partial` that part which `stream` has written before an error
    ended it. With `calls`, `chat` and `stream` get the tools and run them with `cat`; then `text` is the last answer.
    Only one retry is allowed, so an error that may pass costs two requests. `says` are words of the one line on stderr, or of
    the error of a batch; `live_says` those of a line that only `stream` prints, `whole_says` those of one that only `chat` prints. `message` has fields of the assistant message, `usage` those of the usage that are not null.
    """

    sent: Script | tuple[Script, ...]
    status: int = 0
    text: str = ""
    partial: str = ""
    thinking: str = ""
    says: tuple[str, ...] = ()
    live_says: tuple[str, ...] = ()
    whole_says: tuple[str, ...] = ()
    requests: int = 1
    calls: tuple[Call, ...] = ()
    message: Mapping[str, object] = field(default_factory=dict)
    usage: Mapping[str, int] | None = None
    options: tuple[str, ...] = ()
    # Quota and authentication end a whole batch: such a record has no line of its own.
    ends_batch: bool = False


def delta(fields: object, finish: object = None, **more: object) -> bytes:
    """An event of a stream with a delta; `more` are fields of its choice."""
    return data({"choices": [{"index": 0, "delta": fields, "finish_reason": finish, **more}]})


def text(content: object, finish: object = None) -> bytes:
    """An event with a piece of the answer."""
    return delta({"content": content}, finish)


def data(chunk: object) -> bytes:
    """An event of a stream that holds JSON, written with ASCII only."""
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def streamed(
    *events: bytes, pause: float = 0.0, kind: str = "text/event-stream", end: End = End.CLOSE
) -> Script:
    """A stream that ends with its connection; `pause` is the time in seconds between two events."""
    return Script((head(kind=kind), *events), pause=pause, end=end)


def message(fields: Mapping[str, object], finish: object = "stop", **more: object) -> dict[str, object]:
    """The JSON of an unstreamed answer; `more` are fields beside `choices`."""
    return {"choices": [{"index": 0, "message": fields, "finish_reason": finish}], **more}


def body(value: object, *headers: str, kind: str = "application/json", status: str = "200 OK") -> Script:
    """A response with JSON, or with the bytes themselves."""
    sent = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Script((sized(sent, *headers, kind=kind, status=status),))


def call(name: object = None, arguments: object = None, **more: object) -> dict[str, object]:
    """A tool call, or a piece of one; None leaves a field out."""
    function = {"name": name, "arguments": arguments}
    return {"function": {key: value for key, value in function.items() if value is not None}, **more}


DONE = b"data: [DONE]\n\n"
GOOD = streamed(text("done", "stop"))
