"""Many requests at once meet the same world as one: certificates, proxies, names, redirects, bodies without an end."""

import asyncio
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from mmpipe.api.pool import Pool
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Text
from mmpipe.errors import BadResponse, ExitStatus, MmpipeError, UsageError
from support.harness import LIMIT
from support.socket_server import KEY, answer, blunt_server, server
from support.two_stacks import GOOD, JSON, PATIENCE, REQUEST, ask_both, ask_pool


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secured(authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with server(answer(GOOD, JSON), context) as (base_url, _):
        yield base_url


def test_an_untrusted_certificate_is_refused(secured: str) -> None:
    status, message = ask_both(secured)
    assert ExitStatus.NETWORK == status
    assert "TLS: the certificate of the host is " in message


def test_a_certificate_of_a_given_authority_is_trusted(
    secured: str, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    assert (ExitStatus.OK, "56") == ask_both(secured, tmp_path / "ca.pem")


def test_a_certificate_of_the_environment_is_trusted(
    secured: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert (ExitStatus.OK, "56") == ask_both(secured)


def test_a_server_without_tls_where_tls_is_asked_for_is_named_so() -> None:
    with blunt_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        status, message = ask_both(f"https://127.0.0.1:{port}/v1")
    assert ExitStatus.NETWORK == status
    assert message.startswith(f"127.0.0.1:{port}: TLS: ")
    assert message.endswith("the server may speak http:// there")


def test_a_server_with_tls_where_none_is_asked_for_is_named_so() -> None:
    alert = b"\x15\3\1\0\2\2\x46"
    with blunt_server(alert) as port:
        status, message = ask_both(f"http://127.0.0.1:{port}/v1")
    assert ExitStatus.BAD_RESPONSE == status
    assert message.endswith("it may speak https:// there")


def test_a_redirect_is_not_followed() -> None:
    with (
        server(answer(GOOD, JSON)) as (elsewhere, seen),
        server(answer(b"", more=f"Location: {elsewhere}\r\n", status="307 Moved")) as (base_url, _),
    ):
        assert ExitStatus.REJECTED == ask_both(base_url)[0]
        assert [] == seen


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "500 Failed"])
def test_a_body_without_an_end_is_not_read_for_ever(status: str) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n".encode()

    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(2000):
            connection.sendall(b"x" * 2**16)

    with server(send) as (base_url, _):
        assert ask_both(base_url)[0] in (
            ExitStatus.BAD_RESPONSE,
            ExitStatus.REJECTED,
            ExitStatus.SERVER,
        )


@pytest.mark.parametrize("header", ["", "Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_the_bytes_decide_about_compression(compress: Callable[[bytes], bytes], header: str) -> None:
    with server(answer(compress(GOOD), JSON, more=header)) as (base_url, _):
        assert (ExitStatus.OK, "56") == ask_both(base_url)


def test_what_comes_before_a_fault_in_the_framing_is_read_although_both_come_with_the_head() -> None:
    words = b'data: {"choices":[{"index":0,"delta":{"content":"56"}}]}\n\n'
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    for body, expected in ((words + end, (ExitStatus.OK, "56")), (words, None)):
        with server(head + b"%x\r\n%b\r\nno chunk\r\n" % (len(body), body)) as (base_url, _):
            status, found = ask_both(base_url)
        assert (status, found) == (expected or (ExitStatus.BAD_RESPONSE, found))
        assert expected or "the size of a chunk is" in found


def test_a_long_answer_whose_end_is_read_beside_the_others_is_the_same_or_the_same_error() -> None:
    text = "56" * 500_000
    body = GOOD.replace(b"56", text.encode())
    with server(answer(body, JSON)) as (base_url, _):
        assert (ExitStatus.OK, text) == ask_both(base_url)
    with server(answer(body[:-1] + b"x", JSON)) as (base_url, _):
        assert ExitStatus.BAD_RESPONSE == ask_both(base_url)[0]


@pytest.mark.slow
def test_an_answer_that_is_whole_has_all_its_text_although_a_limit_ends_what_still_unfolds() -> None:
    words = b'data: {"choices":[{"index":0,"delta":{"content":"56"}}]}\n\n'
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    body = gzip.compress(words + end + b": comment\n\n" * 4_000_000, 1)
    with server(answer(body, "text/event-stream", more="Content-Encoding: gzip\r\n")) as (base_url, _):
        assert (ExitStatus.OK, "56") == ask_both(base_url)


@pytest.mark.slow
def test_other_requests_have_their_turns_while_a_few_bytes_unfold_to_many() -> None:
    words = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n' * 240_000

    async def turns_until_the_end(base_url: str) -> int:
        turns = 0
        async with Pool(Endpoint(base_url, Key(KEY, "test")), 1) as pool:
            asking = asyncio.create_task(pool.ask(REQUEST, PATIENCE.limits()))
            while not asking.done():
                turns += 1
                await asyncio.sleep(0.001)
        assert isinstance(asking.exception(), BadResponse)
        return turns

    # The body comes in one piece of 64 KB.
    body = gzip.compress(words, 9)
    assert len(body) < 2**16
    with server(answer(body, "text/event-stream", more="Content-Encoding: gzip\r\n")) as (base_url, _):
        assert asyncio.run(turns_until_the_end(base_url)) > 5


@pytest.mark.parametrize("first", [b"SSH-2.0-x\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
def test_a_reply_that_is_not_http_is_an_error(first: bytes) -> None:
    with server(first) as (base_url, _), pytest.raises(MmpipeError) as caught:
        ask_pool(Endpoint(base_url, Key(KEY, "test")))
    assert caught.value.status in (ExitStatus.BAD_RESPONSE, ExitStatus.NETWORK)


@pytest.mark.parametrize("unasked", [answer(GOOD, JSON), b"x", b"\r\n"])
def test_bytes_that_nobody_asked_for_answer_no_later_request(unasked: bytes) -> None:
    one, other = (answer(GOOD.replace(b"56", text), JSON) for text in (b"one", b"other"))
    answered, closed, connections = threading.Event(), threading.Event(), list[socket.socket]()

    def reply(connection: socket.socket) -> None:
        connections.append(connection)
        if len(connections) > 1:
            connection.sendall(other)
            return
        connection.sendall(one.replace(b"Connection: close\r\n", b""))
        answered.wait(LIMIT)
        connection.sendall(unasked)
        with suppress(OSError):
            connection.recv(1)
        closed.set()

    async def ask_twice(base_url: str) -> list[str]:
        texts = []
        async with Pool(Endpoint(base_url, Key(KEY, "test")), 1) as pool:
            for _ in range(2):
                events = await pool.ask(REQUEST, PATIENCE.limits())
                texts.append("".join(event.text for event in events if isinstance(event, Text)))
                answered.set()
                await asyncio.to_thread(closed.wait, 3)
        return texts

    with server(reply) as (base_url, _):
        assert ["one", "other"] == asyncio.run(ask_twice(base_url))


def test_a_name_that_dns_does_not_know_is_an_error() -> None:
    status, message = ask_both("https://no-such-host.invalid/v1")
    assert ExitStatus.NETWORK == status
    assert "DNS" in message


@pytest.mark.parametrize("proxy", ["nonsense://x y", "socks5://", "http://", "http://[::1"])
def test_a_proxy_that_makes_no_sense_is_a_usage_error(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError, match="the environment's proxy"):
        ask_pool(Endpoint("https://api.example/v1", Key(KEY, "test")))


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_asked_and_gets_no_key(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(answer(b"", status="403 Forbidden")) as (proxy, seen):
        monkeypatch.setenv(name, proxy.removesuffix("/v1"))
        with pytest.raises(MmpipeError) as caught:
            ask_pool(Endpoint("https://api.example/v1", Key(KEY, "test")))
        assert ExitStatus.NETWORK == caught.value.status
        assert seen[0].startswith(b"CONNECT api.example:443")
        assert KEY.encode() not in b"".join(seen)


@pytest.mark.parametrize(
    ("left_out", "port"),
    [(".invalid", ""), ("no-such-host.invalid:443", ""), ("no-such-host.invalid:8443", ":8443")],
)
def test_no_proxy_is_asked_for_a_host_that_is_left_out(
    left_out: str, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", left_out)
    with pytest.raises(MmpipeError, match="DNS"):
        ask_pool(Endpoint(f"https://no-such-host.invalid{port}/v1", Key(KEY, "test")))
