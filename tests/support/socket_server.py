"""A server on a bare socket: sends the bytes that a test gives, and keeps the requests that it gets."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

KEY = "sk-test-key"


def answer(body: bytes, kind: str = "text/event-stream", more: str = "", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    return head.encode() + body


@contextmanager
def server(
    reply: bytes | Callable[[socket.socket], None], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """One connection after the other gets `reply`; yields the base URL and the requests seen."""
    listening = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with (
                connection,
                suppress(OSError),
                tls.wrap_socket(connection, server_side=True) if tls else connection as talking,
            ):
                seen.append(_request(talking))
                if callable(reply):
                    reply(talking)
                else:
                    talking.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}/v1", seen
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _request(connection: socket.socket) -> bytes:
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _receive(connection)
    length = int(received[:end].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(received) < end + 4 + length:
        received += _receive(connection)
    return bytes(received)


def _receive(connection: socket.socket) -> bytes:
    if received := connection.recv(65536):
        return received
    raise ConnectionError("the client gave up within its request")


@contextmanager
def blunt_server(reply: bytes) -> Iterator[int]:
    """A server that sends `reply` without being asked, and closes the connection once anything came; yields its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                # A client may close its connection at once, and take another.
                with connection, suppress(OSError):
                    connection.sendall(reply)
                    connection.recv(65536)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
