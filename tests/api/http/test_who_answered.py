"""Errors name the host, or the proxy that may have answered for it, and the place of a redirect."""

import pytest

from mmpipe.errors import ExitStatus
from support.socket_server import KEY, answer, server
from support.two_stacks import GOOD, JSON, ask_both

PAGE = b"<html><head><title>Access Denied</title></head><body>by policy</body></html>"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("403 Forbidden", ExitStatus.AUTH),
        ("404 Not Found", ExitStatus.REJECTED),
        ("500 Failed", ExitStatus.SERVER),
        ("502 Bad Gateway", ExitStatus.SERVER),
        ("503 Service Unavailable", ExitStatus.SERVER),
        ("504 Gateway Timeout", ExitStatus.TIMEOUT),
    ],
)
def test_an_answer_through_a_plain_proxy_may_be_the_proxys(
    status: str, expected: ExitStatus, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(answer(PAGE, "text/html", status=status)) as (base_url, _):
        proxy = base_url.removesuffix("/v1")
        monkeypatch.setenv(variable, proxy)
        found, message = ask_both("http://api.example/v1")
    assert expected == found
    place = f"HTTP {status[:3]} from api.example:80 or the proxy {proxy} ({variable}): Access Denied"
    assert message.startswith(place)
    assert "check the key" not in message


@pytest.mark.parametrize(
    "more", ["Trace-Id: 0640ba836689481a9c9410847decb247\r\n", "Minimax-Request-Id: 0640\r\n"]
)
def test_an_answer_with_a_trace_id_is_the_hosts(more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(answer(b"{}", JSON, more, status="403 Forbidden")) as (base_url, _):
        monkeypatch.setenv("http_proxy", base_url.removesuffix("/v1"))
        _, message = ask_both("http://api.example/v1")
    assert message.startswith("HTTP 403: ")


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "502 Bad Gateway", "503 Unavailable"])
def test_an_error_that_squid_calls_its_own_is_the_proxys(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = answer(PAGE, "text/html", "X-Squid-Error: ERR_ACCESS_DENIED 0\r\n", status=status)
    with server(sent) as (base_url, _):
        proxy = base_url.removesuffix("/v1")
        monkeypatch.setenv("http_proxy", proxy)
        found, message = ask_both("http://api.example/v1")
    assert ExitStatus.NETWORK == found
    assert message.startswith(
        f"api.example:80 through the proxy {proxy} (http_proxy): the proxy refused: HTTP {status[:3]}"
    )
    assert "(ERR_ACCESS_DENIED 0)" in message


def test_without_a_proxy_the_same_header_is_the_hosts() -> None:
    sent = answer(PAGE, "text/html", "X-Squid-Error: ERR_ACCESS_DENIED 0\r\n", status="403 Forbidden")
    with server(sent) as (base_url, _):
        found, message = ask_both(base_url)
    assert (ExitStatus.AUTH, True) == (found, message.startswith("HTTP 403: Access Denied"))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Moved", "308 Moved"])
@pytest.mark.parametrize(
    ("location", "shown", "base"),
    [
        ("https://b.example/v1/chat/completions", "https://b.example/v1/chat/completions", "https://b.example/v1"),
        ("https://b.example:8443/x/chat/completions?a=b#c", "https://b.example:8443/x/chat/completions", "https://b.example:8443/x"),
        ("//b.example/v1/chat/completions", "http://b.example/v1/chat/completions", "http://b.example/v1"),
        ("/openai/v1/chat/completions", "http://HERE/openai/v1/chat/completions", "http://HERE/openai/v1"),
        ("https://user:password@b.example/v1/chat/completions", "https://b.example/v1/chat/completions", "https://b.example/v1"),
        ("https://b.example/login?state=secret", "https://b.example/login", None),
        (f"https://b.example/{KEY}/login", "https://b.example/***/login", None),
        ("https://b.example/" + "x" * 5000, "https://b.example/" + "x" * 150, None),
        ("https://b.example/\x1b[31m", "https://b.example/", None),
        ("mailto:me@b.example", "mailto:me@b.example", None),
        ("http://[", "elsewhere", None),
        ("", "http://HERE/v1/chat/completions", "http://HERE/v1"),
    ],
)  # fmt: skip
def test_a_redirect_shows_its_place_and_is_not_followed(
    status: str, location: str, shown: str, base: str | None
) -> None:
    with server(answer(GOOD, JSON, f"Location: {location}\r\n", status=status)) as (base_url, seen):
        here = base_url.removesuffix("/v1").removeprefix("http://")
        found, message = ask_both(base_url)
    assert (ExitStatus.REJECTED, 2) == (found, len(seen))
    assert shown.replace("HERE", here) in message
    assert ("; check --base-url" in message) == (base is None)
    if base is not None:
        assert message.endswith(f"if this place is right, use --base-url {base.replace('HERE', here)}")
    assert "secret" not in message
    assert "password" not in message
    assert KEY not in message
    assert "\x1b" not in message
    assert len(message) < 400
