"""A server that keeps its connections, and does what a test says at each request."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from mmpipe.api.http.early_answers import has_unsent
from support.harness import LIMIT


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its prompt, its number in the connection, and the number of the connection, all from 1."""

    connection: socket.socket
    prompt: str
    place: int
    number: int

    def answer(self, more: str = "", text: str | None = None) -> bytes:
        """A whole response, whose text is the prompt."""
        return response(self.prompt if text is None else text, more)


@dataclass(slots=True)
class Seen:
    """The server's address, and the numbers of the connections that its requests came over."""

    base_url: str
    requests: list[int] = field(default_factory=list)
    connections: int = 0


# Returns False to close the connection.
Reply = Callable[[Asked], bool]


def response(text: str, more: str = "", status: str = "200 OK", answer_id: str = "1") -> bytes:
    message = {"role": "assistant", "content": text}
    body = json.dumps(
        {
            "id": answer_id,
            "model": "M",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        }
    ).encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
        + body
    )


def wait_until_received(connection: socket.socket) -> None:
    """Wait until the kernel of the other side has all bytes that were sent."""
    while has_unsent(connection.fileno()):
        time.sleep(0.001)


@contextmanager
def keeping_server(reply: Reply, tls: ssl.SSLContext | None = None) -> Iterator[Seen]:
    """Yields the server; each connection has a thread."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    seen = Seen(f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}/v1")
    open_now, threads = set[socket.socket](), list[threading.Thread]()

    def serve(connection: socket.socket, number: int) -> None:
        with suppress(OSError, EOFError):
            talking = tls.wrap_socket(connection, server_side=True) if tls else connection
            open_now.add(talking)
            with talking:
                place = 0
                while True:
                    prompt = read_prompt(talking)
                    place += 1
                    seen.requests.append(number)
                    if not reply(Asked(talking, prompt, place, number)):
                        return

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                connection.settimeout(LIMIT)
                seen.connections += 1
                threads.append(threading.Thread(target=serve, args=(connection, seen.connections)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield seen
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for connection in open_now:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def read_prompt(connection: socket.socket) -> str:
    """The prompt of the next request; raises EOFError at the end of the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _some(connection)
    return str(json.loads(body)["messages"][-1]["content"])


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise EOFError
    return received
