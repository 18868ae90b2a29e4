"""A server that misbehaves to the byte: each connection is played one script, which its prompt chooses.

The simulator speaks HTTP as a server does; what no server would send comes from here.
"""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto

from support.harness import KEY, LIMIT, Record

_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class End(Enum):
    """The end of a connection once all is sent."""

    CLOSE = auto()
    RESET = auto()
    SILENCE = auto()  # until the client goes away


@dataclass(frozen=True)
class Script:
    """The pieces that are sent, with so many seconds between two of them, and the last one `times` times."""

    pieces: tuple[bytes, ...] = ()
    pause: float = 0.0
    times: int = 1
    end: End = End.CLOSE

    def sendings(self) -> Iterator[bytes]:
        yield from self.pieces[:-1]
        for _ in range(self.times):
            yield from self.pieces[-1:]


@dataclass(frozen=True)
class Asked:
    """One request: its prompt (the last message of the user), its head and body, and when by the monotonic clock."""

    prompt: str
    head: bytes
    body: Record
    time: float


class FaultServer:
    """Plays `scripts`: the prompt is the name of one, or a word and the name; tries of one prompt play one after the other."""

    def __init__(self, scripts: Mapping[str, Script | tuple[Script, ...]]) -> None:
        self._scripts = scripts
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self.requests: list[Asked] = []
        self.sent = Counter[str]()  # bytes by prompt

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"

    @property
    def env(self) -> dict[str, str]:
        return {"MINIMAX_BASE_URL": self.base_url, "MINIMAX_API_KEY": KEY}

    def asked(self, prompt: str) -> int:
        """Return the number of requests with this prompt."""
        return len(self.times(prompt))

    def times(self, prompt: str) -> list[float]:
        return [request.time for request in self.requests if request.prompt == prompt]

    def serve(self) -> None:
        """Until the listening socket is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(LIMIT)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._talk, args=(connection,))
                with self._lock:
                    self.connections += 1
                    self._open.add(connection)
                    self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """End every connection, and wait for the threads."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                asked = _request(connection)
                prompt = asked.prompt
                with self._lock:
                    tries = self.asked(prompt)
                    self.requests.append(asked)
                script = self._scripts.get(prompt.rpartition(" ")[2], Script())
                if isinstance(script, tuple):
                    script = script[min(tries, len(script) - 1)]
                self._play(script, prompt, connection)
        finally:
            with self._lock:
                self._open.discard(connection)

    def _play(self, script: Script, prompt: str, connection: socket.socket) -> None:
        for piece in script.sendings():
            connection.sendall(piece)
            self.sent[prompt] += len(piece)
            time.sleep(script.pause)
        match script.end:
            case End.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            case End.SILENCE:
                while connection.recv(65536):
                    pass
            case End.CLOSE:
                pass


@contextmanager
def fault_server(scripts: Mapping[str, Script | tuple[Script, ...]]) -> Iterator[FaultServer]:
    server = FaultServer(scripts)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def _request(connection: socket.socket) -> Asked:
    """The next request; raises OSError if none comes."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += _some(connection)
    fields: Record = json.loads(body) if body else {}
    return Asked(_prompt(fields.get("messages")), head, fields, time.monotonic())


def _prompt(messages: object) -> str:
    texts = (
        [message for message in messages if message["role"] == "user"] if isinstance(messages, list) else []
    )
    return str(texts[-1]["content"]) if texts else ""


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionAbortedError
    return received
