"""Connections are kept and used again; one that dies before its answer, or says more than was asked, fails nobody."""

import asyncio
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import trustme

from mmpipe.api.http.connection import Connection
from mmpipe.api.http.connection_pool import MAX_RESTING, ConnectionPool
from mmpipe.api.http.request_head import with_body
from mmpipe.api.http.routes import find_route
from mmpipe.errors import BadResponse, MmpipeError, NetworkError
from support.harness import LIMIT
from support.kept_connections import Asked, Reply, Seen, keeping_server, response, wait_until_received

UNASKED = {
    "answer": response("nobody's"),
    "two answers": response("nobody's") * 2,
    "timed out": response("", status="408 Request Timeout"),
    "bad request": response("", status="400 Bad Request"),
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "half an answer": response("nobody's")[:-9],
    "half a head": response("nobody's")[:20],
    "garbage": b"\0\xff" * 40,
    "one byte": b"x",
    "empty line": b"\r\n",
    "stream": b"HTTP/1.1 200 OK\r\n\r\ndata: {}\n\n",
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def trusted(authority: trustme.CA, folder: Path) -> Path:
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


async def ask(pool: ConnectionPool, prompt: str) -> str:
    """The text of the answer, or the name of the error's class."""
    sent = with_body(b"POST /v1 HTTP/1.1\r\n", json.dumps({"messages": [{"content": prompt}]}).encode())
    body = b""
    try:
        async with pool.exchange(sent, lambda _: None) as (_, connection):
            while isinstance(part := await connection.receive(), bytes):
                body += part
            if connection.failure is not None:
                raise connection.failure
    except MmpipeError as error:
        return type(error).__name__
    return str(json.loads(body)["choices"][0]["message"]["content"])


def open_pool(server: Seen, size: int = 1, ca_file: Path | None = None, rest: float = 0) -> ConnectionPool:
    context = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    return ConnectionPool(find_route(server.base_url, {}), context, size, rest)


def ask_in_turn(
    server: Seen,
    prompts: Sequence[str],
    ca_file: Path | None = None,
    pause: Callable[[], Awaitable[object]] | None = None,
    rest: float = 0,
) -> list[str]:
    """The answers to prompts that are asked one after the other over one pool, with a pause between them."""

    async def run() -> list[str]:
        pool, answers = open_pool(server, 1, ca_file, rest), list[str]()
        for prompt in prompts:
            answers.append(await ask(pool, prompt))
            if pause is not None:
                await pause()
        await pool.close()
        return answers

    return asyncio.run(run())


def ask_at_once(server: Seen, prompts: Sequence[str], size: int) -> list[str]:
    async def run() -> list[str]:
        pool = open_pool(server, size)
        answers = await asyncio.gather(*(ask(pool, prompt) for prompt in prompts))
        await pool.close()
        return list(answers)

    return asyncio.run(run())


def keep(asked: Asked) -> bool:
    asked.connection.sendall(asked.answer())
    return True


def close(asked: Asked) -> bool:
    """Answer, and close the connection without a word about that."""
    asked.connection.sendall(asked.answer())
    return False


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer_first(then: Callable[[Asked], object]) -> Reply:
    """Answer the first request of each connection, and do `then` at the next one."""

    def reply(asked: Asked) -> bool:
        if asked.place == 1:
            return keep(asked)
        then(asked)
        return False

    return reply


def test_one_connection_carries_many_requests() -> None:
    prompts = [f"number {number}" for number in range(20)]
    with keeping_server(keep) as server:
        assert prompts == ask_in_turn(server, prompts)
    assert 1 == server.connections


def test_a_connection_over_tls_carries_many_requests(authority: trustme.CA, tmp_path: Path) -> None:
    prompts = [f"number {number}" for number in range(5)]
    with keeping_server(keep, certified(authority)) as server:
        assert prompts == ask_in_turn(server, prompts, trusted(authority, tmp_path))
    assert 1 == server.connections


def test_requests_at_once_share_the_connections_of_the_pool() -> None:
    prompts = [f"number {number}" for number in range(40)]
    with keeping_server(keep) as server:
        assert prompts == ask_at_once(server, prompts, 4)
    assert server.connections <= 4


@pytest.mark.parametrize("more", ["Connection: close\r\n", "connection: Keep-Alive, CLOSE\r\n"])
def test_a_connection_that_is_to_be_closed_is_not_used_again(more: str) -> None:
    def reply(asked: Asked) -> bool:
        asked.connection.sendall(asked.answer(more))
        return True

    with keeping_server(reply) as server:
        assert ["a", "b", "c"] == ask_in_turn(server, "abc")
    assert [1, 2, 3] == server.requests


def test_a_server_that_closes_after_each_answer_fails_no_record() -> None:
    prompts = [f"number {number}" for number in range(40)]
    with keeping_server(close) as server:
        assert prompts == ask_at_once(server, prompts, 4)


@pytest.mark.parametrize(
    "end",
    [
        lambda _: None,
        lambda asked: reset(asked.connection),
        lambda asked: asked.connection.shutdown(socket.SHUT_WR),
    ],
)
@pytest.mark.parametrize("secured", [False, True])
def test_a_kept_connection_that_ends_without_an_answer_is_replaced(
    end: Callable[[Asked], object], secured: bool, authority: trustme.CA, tmp_path: Path
) -> None:
    tls = certified(authority) if secured else None
    with keeping_server(answer_first(end), tls) as server:
        assert ["a", "b", "c"] == ask_in_turn(
            server, "abc", trusted(authority, tmp_path) if secured else None
        )
    assert [1, 1, 2, 2, 3] == server.requests


def test_a_connection_that_ends_between_two_requests_is_replaced() -> None:
    with keeping_server(close) as server:
        assert ["a", "b"] == ask_in_turn(server, "ab", pause=lambda: asyncio.sleep(0.05))
    assert [1, 2] == server.requests


def test_a_new_connection_that_ends_without_an_answer_is_a_network_error() -> None:
    with keeping_server(lambda _: False) as server:
        assert [NetworkError.__name__] == ask_in_turn(server, "a")
    assert [1] == server.requests


def test_a_request_is_sent_on_two_connections_at_most() -> None:
    def reply(asked: Asked) -> bool:
        return asked.prompt == "a" and keep(asked)

    with keeping_server(reply) as server:
        assert ["a", NetworkError.__name__] == ask_in_turn(server, "ab")
    assert [1, 1, 2] == server.requests


@pytest.mark.parametrize("begun", [1, 12, 40, -1])
def test_a_request_whose_answer_has_begun_is_not_sent_again(begun: int) -> None:
    with keeping_server(
        answer_first(lambda asked: asked.connection.sendall(asked.answer()[:begun]))
    ) as server:
        first, second = ask_in_turn(server, "ab")
    assert "a" == first
    assert second in (NetworkError.__name__, BadResponse.__name__)
    assert [1, 1] == server.requests


@pytest.mark.parametrize("unasked", UNASKED.values(), ids=UNASKED)
@pytest.mark.parametrize("ends", [False, True])
def test_bytes_together_with_an_answer_answer_no_later_request(unasked: bytes, ends: bool) -> None:
    def reply(asked: Asked) -> bool:
        asked.connection.sendall(asked.answer() + (unasked if asked.prompt == "a" else b""))
        return not ends

    with keeping_server(reply) as server:
        assert ["a", "b", "c"] == ask_in_turn(server, "abc")
    assert server.requests[0] != server.requests[1]


@pytest.mark.parametrize("unasked", UNASKED.values(), ids=UNASKED)
@pytest.mark.parametrize("secured", [False, True])
def test_bytes_on_an_idle_connection_answer_no_later_request(
    unasked: bytes, secured: bool, authority: trustme.CA, tmp_path: Path
) -> None:
    tls = certified(authority) if secured else None
    answered, sent = threading.Event(), threading.Event()

    def reply(asked: Asked) -> bool:
        asked.connection.sendall(asked.answer())
        if asked.prompt == "a":
            answered.wait(LIMIT)
            asked.connection.sendall(unasked)
            wait_until_received(asked.connection)
            sent.set()
        return True

    async def pause() -> None:
        answered.set()
        # Blocks the event loop: the bytes are there, and nobody has looked.
        sent.wait(LIMIT)

    with keeping_server(reply, tls) as server:
        assert ["a", "b", "c"] == ask_in_turn(
            server, "abc", trusted(authority, tmp_path) if secured else None, pause
        )
    # After a response that nobody asked for no connection is kept; the refusal of an idle one is an ordinary end.
    assert [1, 2, 2 if unasked.startswith(b"HTTP/1.1 4") else 3] == server.requests


class WrittenTransport(asyncio.Transport):
    """Takes all bytes; the test delivers what the server sends."""

    is_reading = True  # type: ignore[assignment]

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def write(self, data: object) -> None: ...
    def abort(self) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("status", "expected"),
    [("200 OK", None), ("302 Found", None), ("401 Unauthorized", 401), ("503 Too Many", 503)],
)
def test_a_response_that_is_there_before_the_request_may_refuse_it_but_is_not_its_answer(
    status: str, expected: int | None
) -> None:
    async def run() -> int | None:
        connection = Connection(find_route("http://127.0.0.1:9/v1", {}))
        connection.connection_made(WrittenTransport())
        connection.data_received(response("nobody's", status=status))
        try:
            return (await connection.ask(b"POST /v1 HTTP/1.1\r\n\r\n", lambda _: None)).status
        except BadResponse as error:
            return None if error.retryable and connection.brought_unasked else -1

    assert expected == asyncio.run(run())


@pytest.mark.parametrize("size", [1, 2**17, 2**18])
def test_a_connection_is_read_again_after_a_long_answer(size: int) -> None:
    async def run() -> None:
        transport = WrittenTransport()
        connection = Connection(find_route("http://127.0.0.1:9/v1", {}))
        connection.connection_made(transport)
        asking = asyncio.create_task(connection.ask(b"POST /v1 HTTP/1.1\r\n\r\n", lambda _: None))
        await asyncio.sleep(0)
        connection.data_received(response("a" * size))
        await asking
        while connection.take_whole() is None and await connection.receive() is not None:
            pass
        assert transport.is_reading

    asyncio.run(run())


@pytest.mark.parametrize("status", ["200 OK", "408 Request Timeout", "413 Content Too Large", "500 Failed"])
def test_a_response_that_comes_before_its_whole_request_is_of_another_one(status: str) -> None:
    def reply(asked: Asked) -> bool:
        asked.connection.sendall(asked.answer())
        if asked.prompt == "a":
            asked.connection.recv(1000)
            asked.connection.sendall(response("nobody's", status=status))
            while asked.connection.recv(65536):
                pass
        return True

    # More than the kernels of both sides hold.
    long = "b" * 2**24
    with keeping_server(reply) as server:
        assert ["a", long] == ask_in_turn(server, ["a", long])
    assert [1, 2] == server.requests


def test_a_connection_rests_so_that_a_late_unasked_response_answers_no_request() -> None:
    came = threading.Event()

    def reply(asked: Asked) -> bool:
        asked.connection.sendall(asked.answer())
        if asked.number == 1:
            # The next request is sent meanwhile.
            came.wait(LIMIT)
            asked.connection.sendall(response("nobody's"))
        came.set()
        return True

    with keeping_server(reply) as server:
        assert ["a", "b", "c"] == ask_in_turn(server, "abc", rest=LIMIT)
    assert [1, 2, 3] == sorted(server.requests)


def test_no_more_connections_rest_than_the_process_can_bear() -> None:
    prompts = [str(number) for number in range(MAX_RESTING + 20)]
    with keeping_server(keep) as server:
        assert prompts == ask_in_turn(server, prompts, rest=LIMIT)
    assert MAX_RESTING == server.connections
