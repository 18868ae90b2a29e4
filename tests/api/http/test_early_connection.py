"""A connection is made beside other work, is taken once, and is closed if nobody takes it."""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Queue

import httpcore2
import pytest
import trustme

from mmpipe.api.attempt import UNOBSERVED
from mmpipe.api.client import ask
from mmpipe.api.http.early_connection import EarlyConnection
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import UsageError
from support.kept_connections import wait_until_received

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]

LIMIT = 60.0  # seconds that no run reaches


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(LIMIT)
        yield listening


def connect(server: socket.socket) -> httpcore2.NetworkStream:
    return httpcore2.SyncBackend().connect_tcp("127.0.0.1", server.getsockname()[1], LIMIT)


def test_it_is_made_before_it_is_taken(server: socket.socket) -> None:
    with EarlyConnection(lambda: connect(server)) as early, server.accept()[0] as accepted:
        early.take().close()
        assert b"" == accepted.recv(1)


def test_one_that_is_not_taken_is_closed(server: socket.socket) -> None:
    with EarlyConnection(lambda: connect(server)):
        accepted, _ = server.accept()
    with accepted:
        assert b"" == accepted.recv(1)


def test_one_that_is_made_too_late_is_closed(server: socket.socket) -> None:
    may_connect = threading.Event()

    def connect_late() -> httpcore2.NetworkStream:
        may_connect.wait(LIMIT)
        return connect(server)

    with EarlyConnection(connect_late):
        pass
    may_connect.set()
    with server.accept()[0] as accepted:
        assert b"" == accepted.recv(1)


def end(accepted: socket.socket) -> None:
    accepted.close()


def reset(accepted: socket.socket) -> None:
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()


def refuse(accepted: socket.socket) -> None:
    accepted.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    accepted.close()


def say_goodbye(accepted: socket.socket) -> None:
    if isinstance(accepted, ssl.SSLSocket):
        accepted.settimeout(0)
        with suppress(ssl.SSLWantReadError):
            accepted.unwrap()
    accepted.close()


@pytest.fixture(scope="module")
def contexts() -> Contexts:
    """TLS of a client, and of the server that it trusts."""
    authority, client = trustme.CA(), ssl.create_default_context()
    service = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.configure_trust(client)
    authority.issue_cert("127.0.0.1").configure_cert(service)
    return client, service


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize("give_up", [end, reset, refuse, say_goodbye])
def test_one_that_the_server_gave_up_meanwhile_is_replaced(
    server: socket.socket, contexts: Contexts, give_up: Callable[[socket.socket], None], *, is_tls: bool
) -> None:
    made = Queue[httpcore2.NetworkStream]()

    def make() -> httpcore2.NetworkStream:
        connection = connect(server)
        # Nobody would answer the second one.
        if is_tls and not made.unfinished_tasks:
            connection = connection.start_tls(contexts[0], "127.0.0.1", LIMIT)
        made.put(connection)
        return connection

    with EarlyConnection(make) as early:
        accepted, _ = server.accept()
        if is_tls:
            accepted = contexts[1].wrap_socket(accepted, server_side=True)
        first = made.get(timeout=LIMIT)
        give_up(accepted)
        poll = select.poll()
        poll.register(first.get_extra_info("socket"), select.POLLRDHUP)
        assert poll.poll(LIMIT * 1000)
        taken = early.take()
        assert (-1, taken) == (first.get_extra_info("socket").fileno(), made.get_nowait())
        taken.close()


def test_an_encrypted_one_is_kept_though_the_server_sent_tickets(
    server: socket.socket, contexts: Contexts
) -> None:
    def make() -> httpcore2.NetworkStream:
        return connect(server).start_tls(contexts[0], "127.0.0.1", LIMIT)

    with (
        EarlyConnection(make) as early,
        contexts[1].wrap_socket(server.accept()[0], server_side=True) as accepted,
    ):
        wait_until_received(accepted)
        taken = early.take()
        taken.write(b"x", LIMIT)
        assert b"x" == accepted.recv(1)
        taken.close()


def test_its_error_is_that_of_who_takes_it() -> None:
    def fail() -> httpcore2.NetworkStream:
        raise httpcore2.ConnectError("no way")

    with EarlyConnection(fail) as early, pytest.raises(httpcore2.ConnectError, match="no way"):
        early.take()


def test_without_another_thread_it_is_made_when_it_is_taken(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with EarlyConnection(lambda: connect(server)) as early:
            early.take().close()
    server.accept()[0].close()


def test_a_mistake_with_certificates_is_found_before_anything_is_connected(
    server: socket.socket, tmp_path: Path
) -> None:
    url = f"https://127.0.0.1:{server.getsockname()[1]}/v1"
    endpoint = Endpoint(url, None, ca_file=tmp_path / "none")
    request = Request("M", ({"role": "user", "content": "x"},))
    with pytest.raises(UsageError, match="cannot use the certificates"):
        list(ask(request, endpoint, Limits(LIMIT, LIMIT, LIMIT, time.monotonic() + LIMIT), UNOBSERVED))
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.accept()
