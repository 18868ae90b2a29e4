"""Sends requests to a simulator over plain sockets and takes its answers apart."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import TypeAlias
from urllib.parse import urlsplit

from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.faults import parse_fault
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator

Json: TypeAlias = dict[str, object]

KEY = "sk-api-0123456789abcdef"
SPLIT: Json = {"reasoning_split": True}
STREAM: Json = {"stream": True}
USAGE: Json = {"stream": True, "stream_options": {"include_usage": True}}


@dataclass(frozen=True)
class Reply:
    """The answer, and whether it is complete by HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes
    failure: Exception | None = None

    @property
    def json(self) -> Json:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def events(self) -> list[Json]:
        """The chunks of a stream of well-formed events."""
        lines = [line for line in self.body.split(b"\n\n") if line]
        assert all(line.startswith(b"data: ") for line in lines)
        return [json.loads(line.removeprefix(b"data: ")) for line in lines]

    @property
    def deltas(self) -> list[Json]:
        return [field(choice, "delta") for choice in self.choices]

    @property
    def choices(self) -> list[Json]:
        return [choice for event in self.events for choice in objects(event, "choices")]

    @property
    def message(self) -> Json:
        return field(objects(self.json, "choices")[0], "message")

    def joined(self, name: str = "content") -> str:
        return "".join(str(delta.get(name, "")) for delta in self.deltas)


def field(value: Json, *names: str) -> Json:
    for name in names:
        inner = value[name]
        assert isinstance(inner, dict)
        value = inner
    return value


def objects(value: Json, name: str) -> list[Json]:
    inner = value[name]
    assert isinstance(inner, list)
    return inner


def chat(prompt: str = "Hi, how are you?", /, **parameters: object) -> Json:
    return {"model": "MiniMax-M2.7", "messages": [{"role": "user", "content": prompt}], **parameters}


@contextmanager
def simulator(
    *faults: str, dialects: frozenset[Dialect] = frozenset(), **settings: object
) -> Iterator[RunningSimulator]:
    parsed = tuple(parse_fault(fault) for fault in faults)
    make: Callable[..., SimulatorProfile] = SimulatorProfile
    with RunningSimulator(make(faults=parsed, dialects=dialects, **settings)) as running:
        yield running


@contextmanager
def begun(
    running: RunningSimulator,
    body: object = None,
    *,
    method: str = "POST",
    path: str = "/v1/chat/completions",
    key: str | None = f"Bearer {KEY}",
) -> Iterator[HTTPResponse]:
    """Send a request and give the answer as soon as its headers are there."""
    connection = HTTPConnection(urlsplit(running.base_url).netloc, timeout=60)
    try:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(
            method, path, raw if method == "POST" else None, {"Authorization": key} if key else {}
        )
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def ask(
    running: RunningSimulator,
    body: object = None,
    *,
    method: str = "POST",
    path: str = "/v1/chat/completions",
    key: str | None = f"Bearer {KEY}",
) -> Reply:
    """Send a request and wait for all of the answer, or for the end of the connection."""
    with begun(running, body, method=method, path=path, key=key) as response:
        read = bytearray()
        failure: Exception | None = None
        try:
            while piece := response.read1(65536):
                read += piece
        except (HTTPException, OSError) as error:
            failure = error
        # A body without chunks that ends early is no error to http.client, if it is read in pieces.
        promised = int(response.headers.get("Content-Length", len(read)))
        if len(read) < promised:
            failure = failure or IncompleteRead(bytes(read), promised - len(read))
        return Reply(response.status, dict(response.headers), bytes(read), failure)


def ask_once(
    body: object, *faults: str, dialects: frozenset[Dialect] = frozenset(), **settings: object
) -> Reply:
    with simulator(*faults, dialects=dialects, **settings) as running:
        return ask(running, body)
