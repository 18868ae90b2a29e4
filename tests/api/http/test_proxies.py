"""A proxy of the environment leads one request and many requests the same way, over TLS and without."""

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from mmpipe.errors import ExitStatus
from support.proxy_server import proxy_server
from support.socket_server import KEY, answer, blunt_server, server
from support.two_stacks import GOOD, JSON, ask_both

LOGIN = "user:p%40ss word"  # as it is typed: with an escape
WANTED = "user:p@ss word"
SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a", "socks")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def secured(authority: trustme.CA) -> Iterator[str]:
    with server(answer(GOOD, JSON), certified(authority, "api.example")) as (base_url, _):
        yield base_url


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def certified(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def way(scheme: str, address: str) -> str:
    """The line that the proxy notes."""
    kind = {"http": "CONNECT", "https": "CONNECT", "socks4": "SOCKS4", "socks4a": "SOCKS4"}.get(
        scheme, "SOCKS5"
    )
    return f"{kind} {address}"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("login", ["", WANTED])
def test_a_host_is_reached_over_tls_through_any_proxy(
    scheme: str,
    login: str,
    secured: str,
    ca_file: Path,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tls = certified(authority, "127.0.0.1") if scheme == "https" else None
    wanted = login.partition(":")[0] if scheme.startswith("socks4") else login
    with proxy_server(secured, login=wanted, tls=tls) as proxy:
        typed = f"{LOGIN}@" if login else ""
        monkeypatch.setenv("https_proxy", f"{scheme}://{typed}127.0.0.1:{proxy.port}")
        assert (ExitStatus.OK, "56") == ask_both("https://api.example/v1", ca_file)
        assert [way(scheme, "api.example:443")] * 2 == proxy.asked


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("login", ["", WANTED])
def test_a_host_is_reached_without_tls_through_any_proxy(
    scheme: str, login: str, ca_file: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certified(authority, "127.0.0.1") if scheme == "https" else None
    wanted = login.partition(":")[0] if scheme.startswith("socks4") else login
    with server(answer(GOOD, JSON)) as (target, seen), proxy_server(target, login=wanted, tls=tls) as proxy:
        typed = f"{LOGIN}@" if login else ""
        monkeypatch.setenv("http_proxy", f"{scheme}://{typed}127.0.0.1:{proxy.port}")
        assert (ExitStatus.OK, "56") == ask_both("http://api.example:8000/v1", ca_file)
    assert all(f"Bearer {KEY}".encode() in request for request in seen)
    if scheme.startswith("http"):
        # The proxy reads the request itself.
        assert ["POST http://api.example:8000/v1/chat/completions"] * 2 == proxy.asked
    else:
        assert [way(scheme, "api.example:8000")] * 2 == proxy.asked


@pytest.mark.parametrize("address", ["10.1.2.3", "[fd00::1]"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_an_address_is_asked_for_as_it_is(
    scheme: str, address: str, ca_file: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certified(authority, address.strip("[]"))
    with server(answer(GOOD, JSON), context) as (target, _), proxy_server(target) as proxy:
        monkeypatch.setenv("all_proxy", f"{scheme}://127.0.0.1:{proxy.port}")
        assert (ExitStatus.OK, "56") == ask_both(f"https://{address}/v1", ca_file)
        assert 2 == len(proxy.asked)


@pytest.mark.parametrize(
    ("scheme", "refusal", "words"),
    [
        ("http", 403, "HTTP 403 Forbidden"),
        ("http", 502, "HTTP 502 Bad Gateway"),
        ("http", 599, "HTTP 599"),
        ("socks5", 2, "its rules do not allow the connection"),
        ("socks5", 4, "the host is unreachable or not known"),
        ("socks5", 99, "reply 99"),
        ("socks4", 91, "it could not connect"),
    ],
)
def test_a_refusal_names_host_and_proxy(
    scheme: str, refusal: int, words: str, secured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_server(secured, refusal=refusal) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://127.0.0.1:{proxy.port}")
        status, message = ask_both("https://api.example/v1")
        place = f"api.example:443 through the proxy {scheme}://127.0.0.1:{proxy.port} (https_proxy): "
    assert (ExitStatus.NETWORK, f"{place}the proxy refused: {words}") == (status, message)


@pytest.mark.parametrize("typed", ["", "user:secret-word@", "user:@"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks4"])
@pytest.mark.parametrize("base_url", ["https://api.example/v1", "http://api.example/v1"])
def test_a_login_that_is_missing_or_wrong_is_named_and_never_shown(
    base_url: str, scheme: str, typed: str, secured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_server(secured, login="user:another") as proxy:
        monkeypatch.setenv("all_proxy", f"{scheme}://{typed}127.0.0.1:{proxy.port}")
        status, message = ask_both(base_url)
    assert ExitStatus.NETWORK == status
    assert f"through the proxy {scheme}://127.0.0.1:{proxy.port} (all_proxy): the proxy refused: " in message
    assert "give user and password in the URL of the proxy" in message
    assert "secret-word" not in message
    assert ("HTTP 407" in message) == (scheme == "http")


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "\xe4..b"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks4"])
def test_a_name_that_no_host_can_have_is_named_as_the_hosts(
    scheme: str, host: str, secured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_server(secured) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://127.0.0.1:{proxy.port}")
        status, message = ask_both(f"https://{host}/v1")
    assert ExitStatus.USAGE == status
    assert message.startswith("the name of the host is not valid for DNS: ")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("host", ["a..b", "api.example"])
def test_a_name_that_no_proxy_can_have_is_named_as_the_proxys(
    host: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"{scheme}://p..q:9")
    assert (
        ExitStatus.USAGE,
        "the name of the proxy is not valid for DNS: label empty or too long",
    ) == ask_both(f"https://{host}/v1")


@pytest.mark.parametrize("scheme", ["socks5", "socks4"])
def test_without_the_extra_the_error_names_it(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As Python marks a module that is not there.
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("all_proxy", f"{scheme}://127.0.0.1:9")
    status, message = ask_both("https://api.example/v1")
    assert ExitStatus.USAGE == status
    assert "pip install 'mmpipe[socks]'" in message


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_does_not_listen_is_named(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"{scheme}://me:secret-word@127.0.0.1:9")
    assert (
        ExitStatus.NETWORK,
        f"api.example:443 through the proxy {scheme}://127.0.0.1:9 (https_proxy): the connection was refused: no proxy listens there",
    ) == ask_both("https://api.example/v1")


def test_a_proxy_that_dns_does_not_know_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://no-such-proxy.invalid:3128")
    status, message = ask_both("https://api.example/v1")
    assert ExitStatus.NETWORK == status
    assert message.startswith(
        "api.example:443 through the proxy http://no-such-proxy.invalid:3128 (https_proxy): DNS: the proxy"
    )


def test_a_certificate_that_is_not_trusted_is_named_with_the_proxy(
    secured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_server(secured) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        status, message = ask_both("https://api.example/v1")
        place = f"api.example:443 through the proxy http://127.0.0.1:{proxy.port} (https_proxy): TLS: "
    assert ExitStatus.NETWORK == status
    assert message.startswith(place)


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks4"])
@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\5", b"HTTP/1.1 200 OK\r\n"])
def test_a_server_that_is_no_proxy_is_a_network_error(
    scheme: str, reply: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with blunt_server(reply) as port:
        monkeypatch.setenv("https_proxy", f"{scheme}://127.0.0.1:{port}")
        status, message = ask_both("https://api.example/v1")
    place = f"api.example:443 through the proxy {scheme}://127.0.0.1:{port} (https_proxy): "
    assert (ExitStatus.NETWORK, place) == (status, message[: len(place)])
