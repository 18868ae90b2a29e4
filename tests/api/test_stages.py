"""Each stage of a request has its own limit, and both stacks name the one that was reached."""

import asyncio
import math
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from mmpipe.api.http.connection_pool import REST
from mmpipe.api.pool import Pool
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import ExitStatus, TimedOut
from support.harness import LIMIT
from support.kept_connections import read_prompt, response
from support.socket_server import server
from support.two_stacks import REQUEST, ask_both

# Only the limit of a test can be reached.
ENDLESS = Timeouts(connect=LIMIT, first_byte=LIMIT, idle=LIMIT, total=math.inf, retries=0)
LONG = Request("M", ({"role": "user", "content": "x" * 2**24},), streamed=True)


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server whose connections are made by its kernel, and which neither reads nor writes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def timed_out(url: str, request: Request, patience: Timeouts) -> str:
    status, message = ask_both(url, None, request, patience)
    assert ExitStatus.TIMEOUT == status
    return message.partition(": ")[2]


@pytest.mark.parametrize("others", [0.05, LIMIT])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_tls_handshake_without_an_answer_is_limited_as_connecting(streamed: bool, others: float) -> None:
    patience = replace(ENDLESS, connect=0.2, first_byte=others, idle=others)
    with silent_server() as port:
        message = timed_out(f"https://127.0.0.1:{port}/v1", replace(REQUEST, streamed=streamed), patience)
    assert "no connection within 0.2 s (--connect-timeout)" == message


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_tunnel_without_an_answer_is_limited_as_connecting(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent_server() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{port}")
        message = timed_out(
            "https://api.example/v1",
            replace(REQUEST, streamed=True),
            replace(ENDLESS, connect=0.2, first_byte=0.05),
        )
    assert message.endswith("no connection within 0.2 s (--connect-timeout)")


@pytest.mark.parametrize(
    ("streamed", "expected"),
    [
        (True, "no answer began within 0.2 s (--first-byte-timeout)"),
        (False, "no whole answer within 0.2 s (--idle-timeout); allow more, or use --wire stream"),
    ],
)
def test_a_server_without_an_answer_is_limited_from_the_request_on(streamed: bool, expected: str) -> None:
    patience = replace(ENDLESS, first_byte=0.2) if streamed else replace(ENDLESS, idle=0.2)
    with silent_server() as port:
        url, request = f"http://127.0.0.1:{port}/v1", replace(REQUEST, streamed=streamed)
        assert expected == timed_out(url, request, patience)


@pytest.mark.parametrize("first_byte", [0.05, LIMIT])
def test_a_long_request_that_is_not_read_is_limited_as_sending(first_byte: float) -> None:
    with silent_server() as port:
        message = timed_out(
            f"http://127.0.0.1:{port}/v1", LONG, replace(ENDLESS, idle=0.2, first_byte=first_byte)
        )
    assert "the request could not be sent within 0.2 s (--idle-timeout)" == message


def test_a_long_request_that_was_read_waits_for_its_answer_from_its_end_on() -> None:
    done = threading.Event()

    def wait(connection: socket.socket) -> None:
        while not (done.is_set() or select.select([connection], [], [], 0.05)[0]):
            pass

    with server(wait) as (url, _):
        message = timed_out(url, LONG, replace(ENDLESS, first_byte=0.2))
        done.set()
        assert "no answer began within 0.2 s (--first-byte-timeout)" == message


def test_a_new_connection_after_a_stale_one_is_limited_as_connecting(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def answer_once(listening: socket.socket) -> None:
        """Close the first connection at its second request; make no other one."""
        with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
            connection.sendall(response(read_prompt(connection)))
            read_prompt(connection)

    async def ask_twice(port: int) -> None:
        async with Pool(Endpoint(f"https://127.0.0.1:{port}/v1", None, tmp_path / "ca.pem"), 1) as pool:
            await pool.ask(REQUEST, ENDLESS.limits())
            # Until then the connection is not used again.
            await asyncio.sleep(REST)
            await pool.ask(REQUEST, replace(ENDLESS, connect=0.2).limits())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=answer_once, args=(listening,))
        answering.start()
        with pytest.raises(TimedOut, match=r"no connection within 0\.2 s"):
            asyncio.run(ask_twice(listening.getsockname()[1]))
        answering.join()
