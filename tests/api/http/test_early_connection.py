"""A connection is made beside other work, is taken once, and is closed if nobody takes it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpcore2
import pytest

from mmpipe.api.attempt import UNOBSERVED
from mmpipe.api.client import ask
from mmpipe.api.http.early_connection import EarlyConnection
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import UsageError

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
