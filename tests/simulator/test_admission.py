"""The simulator serves names of this machine only, and reads no more than the service takes, whoever asks."""

import json
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from mmpipe.simulator.hosts import is_local
from mmpipe.simulator.server import RunningSimulator
from support.simulator_client import KEY, Json, chat, simulator

MIB = 2**20
OWN = (
    *("127.0.0.1", "127.0.0.1:8080", "127.9.9.9", "localhost", "LocalHost:1", "localhost.", "a.localhost:80"),
    *("[::1]", "[::1]:8080", "127.0.0.1:", " localhost "),
)
FOREIGN = (
    *("", "evil.example", "evil.example:8080", "127.0.0.1.nip.io", "localhost.evil.example", "notlocalhost"),
    *(
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "[::]",
        "[::ffff:10.0.0.1]",
        "2130706433",
        "127.0.0.1@evil.example",
        "[::1].evil.example",
    ),
    *("evil.example#localhost", "127.0.0.1:80:80", "::1", "[localhost]", "local host", "localhost/evil"),
)


@pytest.mark.parametrize("host", OWN)
def test_names_and_addresses_of_loopback_are_local(host: str) -> None:
    assert is_local(host)
    assert is_local(None)


@pytest.mark.parametrize("host", FOREIGN)
def test_every_other_host_is_not(host: str) -> None:
    assert not is_local(host)


def exchange(running: RunningSimulator, head: str, *pieces: bytes) -> tuple[int, Json]:
    """Send a request in pieces, as far as the server reads it; returns the status and the body of the answer."""
    address = urlsplit(running.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        with suppress(ConnectionError):
            client.sendall(f"{head}\r\n\r\n".encode())
            for piece in pieces:
                client.sendall(piece)
        answer = bytearray()
        with suppress(ConnectionError):
            while piece := client.recv(65536):
                answer += piece
    head_sent, _, body = bytes(answer).partition(b"\r\n\r\n")
    return int(head_sent.split()[1]), json.loads(body)


POST = "POST /v1/chat/completions HTTP/1.1\r\nConnection: close"
AUTHORIZED = f"Authorization: Bearer {KEY}"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.nip.io:80", "10.0.0.1"])
@pytest.mark.parametrize("head", ["GET /v1/models HTTP/1.1", "GET /other HTTP/1.1", POST])
def test_a_request_for_another_host_is_refused_before_its_key_and_body(host: str, head: str) -> None:
    body = json.dumps(chat()).encode()
    with simulator() as running:
        status, answer = exchange(
            running, f"{head}\r\nHost: {host}\r\n{AUTHORIZED}\r\nContent-Length: {len(body)}", body
        )
        (record,) = running.requests
    assert (421, 421, "") == (status, record["status"], record["body"])
    assert "Misdirected Request" in str(answer)


@pytest.mark.slow
@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize("authorization", [AUTHORIZED, "X-No-Key: 1"])
def test_a_body_over_the_limit_is_refused_whoever_sends_it(is_chunked: bool, authorization: str) -> None:
    framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {64 * MIB + 1}"
    pieces = [b"%x\r\n%s\r\n" % (MIB, bytes(MIB))] * 65 if is_chunked else []
    with simulator() as running:
        status, _ = exchange(running, f"{POST}\r\nHost: localhost\r\n{authorization}\r\n{framing}", *pieces)
        (record,) = running.requests
        assert (413, 413, "") == (status, record["status"], record["body"])
        # It serves on.
        body = json.dumps(chat()).encode()
        head = f"{POST}\r\nHost: localhost\r\n{AUTHORIZED}\r\nContent-Length: {len(body)}"
        assert 200 == exchange(running, head, body)[0]
