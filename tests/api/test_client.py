"""One attempt over real sockets: what is sent, what is not, and what happens when the server misbehaves."""

import gzip
import json
import socket
import ssl
import time
from pathlib import Path

import pytest
import trustme

from mmpipe.api.attempt import Observer
from mmpipe.api.client import ask
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Event, Stop, Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import (
    BadResponse,
    ExitStatus,
    MmpipeError,
    NetworkError,
    ServerError,
    TimedOut,
    UsageError,
)
from support.socket_server import KEY, answer, server

CHUNK = json.dumps(
    {"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "delta": {"content": "56"}}]}
)
GOOD = f"data: {CHUNK}\n\n".encode()


def asked(
    base_url: str,
    *,
    ca_file: Path | None = None,
    streamed: bool = True,
    observer: Observer | None = None,
    limit: float = 30,
) -> list[Event]:
    request = Request("M", ({"role": "user", "content": "hi ü"},), {"reasoning_split": True}, streamed)
    limits = Limits(connect=limit, first_byte=limit, idle=limit, deadline=time.monotonic() + 60)
    return list(ask(request, Endpoint(base_url, Key(KEY, "test"), ca_file), limits, observer or Observer()))


def test_the_request_has_the_asked_fields_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ORG_ID": "o",
        "PROJECT_ID": "p",
        "CUSTOM_HEADERS": "x-leak: 1",
        "API_KEY": "sk-other",
    }.items():
        monkeypatch.setenv(f"OPENAI_{name}", value)
    with server(answer(GOOD)) as (base_url, seen):
        asked(base_url)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert "POST /v1/chat/completions HTTP/1.1" == lines[0]
    names = {line.partition(":")[0].lower() for line in lines[1:]}
    expected = {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "content-type",
        "authorization",
    }
    assert expected | {"content-length"} == names
    assert f"authorization: bearer {KEY}" in head.decode().lower()
    assert "accept-encoding: identity" in head.decode().lower()
    assert {
        "model": "M",
        "messages": [{"role": "user", "content": "hi ü"}],
        "reasoning_split": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    } == json.loads(body)


def test_an_answer_comes_as_events() -> None:
    with server(answer(GOOD)) as (base_url, _):
        events = asked(base_url)
    assert Text("56") == events[1]
    assert isinstance(events[-1], Stop)


def test_an_observer_sees_each_byte_and_each_stage() -> None:
    received: list[bytes] = []
    notes: list[str] = []
    with server(answer(GOOD, more="Trace-Id: 0640\r\n")) as (base_url, _):
        asked(base_url, observer=Observer(received.append, lambda: None, notes.append))
    assert GOOD == b"".join(received)
    stages = ("ready to connect", "connected", "request sent", "HTTP 200")
    assert list(stages) == [next(words for words in stages if note.startswith(words)) for note in notes]
    assert "trace 0640" in notes[-1]


def test_a_whole_answer_where_a_stream_was_asked_for_is_an_answer() -> None:
    body = {"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "56"}}]}
    with server(answer(json.dumps(body).encode(), "application/json; charset=utf-8")) as (base_url, _):
        assert Text("56") == asked(base_url)[1]


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (b"", NetworkError, "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", BadResponse, "not HTTP"),
        (answer(GOOD)[:-5], BadResponse, "truncated"),
        (answer(b"", "text/event-stream"), BadResponse, "an empty answer"),
        (answer(b": nothing\n\n", "text/event-stream"), BadResponse, "holds no answer"),
        (answer(b" \n", "application/json"), BadResponse, "an empty answer"),
        (answer(b"<html>\x1b[31m", "text/html"), BadResponse, "sent text/html instead of an answer: <html>␛"),
        (answer(b"[1]", "application/json"), BadResponse, "not a JSON object"),
        (
            answer(b"x", "application/json", "Content-Encoding: gzip\r\n"),
            BadResponse,
            "instead of an answer: x",
        ),
        (answer(gzip.compress(GOOD)[:-20]), BadResponse, "truncated: its compressed bytes are cut off"),
        (
            answer(b"\x0bsqueezed\x03", "application/json", "Content-Encoding: br\r\n"),
            BadResponse,
            "compressed its answer with br,",
        ),
        (answer(b"<html>", "text/html", status="502 Bad Gateway"), ServerError, "HTTP 502: no reason given"),
    ],
)
def test_a_reply_without_an_answer_is_an_error_that_names_it(
    reply: bytes, error: type[MmpipeError], words: str
) -> None:
    with server(reply) as (base_url, _), pytest.raises(error) as caught:
        asked(base_url)
    assert words in caught.value.message


def test_a_finished_answer_is_whole_however_the_connection_ends() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server(chunked + b"%x\r\n%s\r\n" % (len(GOOD), GOOD)) as (base_url, _):
        assert Text("56") == asked(base_url)[1]


def test_the_body_of_an_error_is_read_only_so_far() -> None:
    sent: list[int] = []

    def endless(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 9999999999\r\n\r\n"
        )
        for _ in range(2000):
            connection.sendall(b"x" * 65536)
            sent.append(65536)

    with server(endless) as (base_url, _), pytest.raises(ServerError):
        asked(base_url)
    assert sum(sent) < 20_000_000


def test_a_host_that_repeats_the_key_does_not_get_it_shown() -> None:
    error = json.dumps({"error": {"message": f"bad header Bearer {KEY}"}}).encode()
    for trace in (f"Bearer {KEY}", KEY):
        reply = answer(error, "application/json", f"Trace-Id: {trace}\r\n", "401 Unauthorized")
        with server(reply) as (base_url, _), pytest.raises(MmpipeError) as caught:
            asked(base_url)
        assert "bad header Bearer ***" in caught.value.message
        assert None is caught.value.request_id


def test_everything_that_comes_is_received_also_after_the_usage() -> None:
    usage = b'data: {"choices":[],"usage":{"total_tokens":1}}\n\n'

    def slowly(connection: socket.socket) -> None:
        connection.sendall(answer(GOOD + usage + b"data: [DONE]\n\n")[:-14])
        time.sleep(0.2)
        connection.sendall(b"data: [DONE]\n\n")

    received: list[bytes] = []
    with server(slowly) as (base_url, _):
        asked(base_url, observer=Observer(received.append))
    assert GOOD + usage + b"data: [DONE]\n\n" == b"".join(received)


def test_a_finished_answer_does_not_wait_for_pings() -> None:
    def ping(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + GOOD)
        for _ in range(600):
            connection.sendall(b'data: {"choices":[]}\n\n')
            time.sleep(0.1)

    began = time.monotonic()
    with server(ping) as (base_url, _):
        assert Text("56") == asked(base_url)[1]
        assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://"),
        ("HTTPS_PROXY", "garbage://x"),
        ("SSL_CERT_FILE", "/nonexistent"),
    ],
)
def test_a_variable_that_makes_no_sense_is_a_usage_error(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=r"the environment's (proxy|certificates) cannot be used"):
        asked("https://api.example/v1")


def test_a_host_name_that_cannot_be_one_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="the name of the host"):
        asked(f"https://{'a' * 64}.example/v1")


def test_a_redirect_is_not_followed() -> None:
    with server(answer(GOOD)) as (elsewhere, seen):
        moved = answer(b"", more=f"Location: {elsewhere}\r\n", status="307 Moved")
        with server(moved) as (base_url, _), pytest.raises(MmpipeError) as caught:
            asked(base_url)
        assert ExitStatus.REJECTED == caught.value.status
        assert [] == seen


def test_an_idle_connection_meets_its_limit() -> None:
    def stand_still(connection: socket.socket) -> None:
        connection.recv(1)

    with server(stand_still) as (base_url, _), pytest.raises(TimedOut, match="first-byte-timeout"):
        asked(base_url, limit=0.4)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def secured(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_an_untrusted_certificate_is_refused_without_a_retry(authority: trustme.CA) -> None:
    with server(answer(GOOD), secured(authority, "127.0.0.1")) as (base_url, seen):
        with pytest.raises(NetworkError, match="TLS: the certificate") as caught:
            asked(base_url)
        assert not caught.value.retryable
        assert [] == seen


def test_a_certificate_of_a_given_authority_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with server(answer(GOOD), secured(authority, "127.0.0.1")) as (base_url, _):
        assert Text("56") == asked(base_url, ca_file=tmp_path / "ca.pem")[1]
    with (
        server(answer(GOOD), secured(authority, "elsewhere.example")) as (base_url, _),
        pytest.raises(NetworkError, match="TLS"),
    ):
        asked(base_url, ca_file=tmp_path / "ca.pem")


@pytest.mark.parametrize("content", [None, "nonsense"])
def test_a_certificate_file_that_cannot_be_used_is_a_usage_error(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(UsageError, match=r"cannot use the certificates of .*ca\.pem"):
        asked("https://127.0.0.1:9/v1", ca_file=tmp_path / "ca.pem")


def test_a_proxy_of_the_environment_is_asked_for_other_hosts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with server(answer(GOOD)) as (base_url, _):
        assert Text("56") == asked(base_url)[1]
    with pytest.raises(NetworkError, match="refused"):
        asked("https://api.minimax.example/v1")
