"""`--limiter rediss://`: nothing is sent, neither to Redis nor to the service, unless the certificate is trusted."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from mmpipe.simulator.server import RunningSimulator
from support.harness import LIMIT, Finished, service
from support.in_process import run_in_process
from support.redis_server import RedisServer, need_redis, redis_server

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("redis")]

PASSWORD = "geheim-9f3a"
HOST, OTHER = "127.0.0.1", "other.example"
CA = "?ssl_ca_certs=ca.pem"
OWN = "&ssl_certfile=client.pem&ssl_keyfile=client.pem"
OPTION = "?ssl_ca_certs=PATH behind the address of the limiter, or SSL_CERT_FILE"
FILES = "usage: cannot use the certificates of"


@pytest.fixture(scope="module")
def folder(needs: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates of an authority, of two hosts and of a client."""
    need_redis(needs)
    folder, authority = tmp_path_factory.mktemp("certificates"), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other-ca.pem"))
    for name in (HOST, OTHER, "client"):
        authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
    key = load_pem_private_key((folder / "client.pem").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    (folder / "locked.pem").write_bytes(locked)
    return folder


@pytest.fixture(scope="module")
def redis(folder: Path) -> Iterator[tuple[RedisServer, int]]:
    """A server with a password, and its port of TLS."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    names = {"cert": f"{HOST}.pem", "key": f"{HOST}.pem", "ca-cert": "ca.pem"}
    files = [word for name, file in names.items() for word in (f"--tls-{name}-file", str(folder / file))]
    login = ("--user", "mmpipe", "on", f">{PASSWORD}", "~*", "+@all")
    with redis_server("--bind", HOST, "--tls-port", str(port), *files, *login) as server:
        yield server, port


@pytest.fixture
def server() -> Iterator[RunningSimulator]:
    with service() as running:
        yield running


def batch(server: RunningSimulator, address: str, **env: str) -> Finished:
    # A server that is not trusted is not retried for --max-wait.
    options = ("--limiter", address.replace("//", f"//mmpipe:{PASSWORD}@"), "--max-wait", "600")
    return run_in_process("batch", *options, server=server, stdin=b"a\nb\nc\n", env=env)


@pytest.mark.parametrize(
    ("query", "env", "settings", "status", "message"),
    [
        (CA, {}, {}, 0, "3 good"),
        ("", {"SSL_CERT_FILE": "ca.pem"}, {}, 0, "3 good"),
        (CA + OWN, {}, {"tls-auth-clients": "yes"}, 0, "3 good"),
        (
            "",
            {},
            {},
            6,
            f"is from an issuer that is not trusted: self-signed certificate in certificate chain; give the certificate of the issuer with {OPTION}",
        ),
        # The certificates of the address are instead of the others.
        (
            "?ssl_ca_certs=other-ca.pem",
            {"SSL_CERT_FILE": "ca.pem"},
            {},
            6,
            "not trusted",
        ),
        (
            CA,
            {},
            {"tls-cert-file": f"{OTHER}.pem", "tls-key-file": f"{OTHER}.pem"},
            6,
            f"is for another name than {HOST}: IP address mismatch, certificate is not valid for '{HOST}'; check the address of the limiter",
        ),
        ("?ssl_ca_certs=none.pem", {}, {}, 2, f"{FILES} none.pem: No such file or directory"),
        ("", {"SSL_CERT_FILE": "none.pem"}, {}, 2, "usage: the environment's certificates cannot be used"),
        (
            CA + "&ssl_certfile=client.pem&ssl_keyfile=locked.pem",
            {},
            {},
            2,
            "usage: --limiter: cannot use the certificate of client.pem and locked.pem: its key is encrypted",
        ),
        (
            CA + "&ssl_keyfile=client.pem",
            {},
            {},
            2,
            "usage: --limiter: ssl_keyfile client.pem needs the certificate, ssl_certfile",
        ),
    ],
)
def test_the_certificate_of_the_server_must_be_trusted(
    query: str,
    env: Mapping[str, str],
    settings: Mapping[str, str],
    status: int,
    message: str,
    redis: tuple[RedisServer, int],
    folder: Path,
    server: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running, port = redis
    monkeypatch.chdir(folder)
    usual = {"tls-cert-file": f"{HOST}.pem", "tls-key-file": f"{HOST}.pem", "tls-auth-clients": "no"}
    with running.client() as client:
        chosen = {
            name: str(folder / word) if name.endswith("file") else word
            for name, word in {**usual, **settings}.items()
        }
        client.config_set(*[word for pair in chosen.items() for word in pair])
        logins = client.info("commandstats").get("cmdstat_auth", {}).get("calls", 0)
        done = batch(server, f"rediss://{HOST}:{port}{query}", **env)
        seen = client.info("commandstats").get("cmdstat_auth", {}).get("calls", 0)
    assert status == done.status, done.stderr_text
    *summary, error = done.stderr_text.splitlines()
    assert message in error
    assert (0 if status != 6 else 1) == len(summary)
    assert (3 if status == 0 else 0) == len(server.requests)
    assert (status == 0) == (seen > logins)
    if status == 6:
        place = f"mmpipe: network: the limiter rediss://{HOST}:{port}/0: TLS: the certificate of the server "
        assert error.startswith(place)
    assert PASSWORD not in done.stderr_text


def test_a_server_without_tls_gets_no_word_in_the_clear(
    server: RunningSimulator, needs: Callable[[str], None]
) -> None:
    need_redis(needs)
    with socket.create_server((HOST, 0)) as listener:
        heard = list[bytes]()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"-ERR unknown command\r\n")

        # A run that does not connect leaves it behind.
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        done = batch(server, f"rediss://{HOST}:{listener.getsockname()[1]}")
        assert (6, []) == (done.status, server.requests)
        thread.join(LIMIT)
    assert "TLS: [SSL: WRONG_VERSION_NUMBER] wrong version number" in done.stderr_text.splitlines()[-1]
    # The first byte of a handshake.
    assert b"\x16" == heard[0][:1]
    assert PASSWORD.encode() not in heard[0]
