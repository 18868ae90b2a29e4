"""The bytes between mmpipe and a proxy, cut anywhere: a tunnel that is open, or the reason why it is not."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.http.routes import Proxy, Route
from mmpipe.api.http.tunnels import check_proxy, check_tunnels, open_tunnel, proxy_authorization
from mmpipe.errors import NetworkError
from support.piece_cuts import PLACES, cut

NAME, FOUR, SIX = "api.example", "192.0.2.1", "2001:db8::1"
ADDRESS_OF_SIX = bytes.fromhex("20010db8000000000000000000000001")
PORT = (8443).to_bytes(2)
BOUND = b"\1\x7f\0\0\1\0\x50"  # the address and port that a SOCKS5 proxy reports


def route(scheme: str, host: str = NAME, user: str = "", password: str = "") -> Route:
    return Route("https", host, 8443, Proxy(scheme, "p", 3128, user, password))


def exchanged(through: Route, *replies: bytes) -> tuple[list[bytes], str | None, bool]:
    """What is sent for each of the replies, and the error if there is one, with its right to a retry.

    The tunnel must be open at the last reply, and no sooner.
    """
    tunnel = open_tunnel(through)
    sent, left = [next(tunnel)], list(replies)
    try:
        while left:
            sent.append(tunnel.send(left.pop(0)))
    except StopIteration:
        assert [] == left
        return sent, None, False
    except NetworkError as error:
        return sent, error.message.removeprefix(f"{through}: the proxy "), error.retryable
    return sent, "the tunnel is not open", False


def test_an_http_proxy_is_asked_by_connect() -> None:
    for host, address in (
        (NAME, b"api.example:8443"),
        (FOUR, b"192.0.2.1:8443"),
        (SIX, b"[2001:db8::1]:8443"),
    ):
        request = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (address, address)
        assert ([request], None, False) == exchanged(route("http", host), b"HTTP/1.1 200 Go\r\n\r\n")


def test_a_login_is_sent_to_an_http_proxy_with_the_request() -> None:
    login = b64encode("user:pä".encode())
    request = b"CONNECT api.example:8443 HTTP/1.1\r\nHost: api.example:8443\r\nProxy-Authorization: Basic %s\r\n\r\n"
    assert [request % login] == exchanged(route("https", NAME, "user", "pä"), b"HTTP/1.1 200 Go\r\n\r\n")[0]
    for user, password, expected in (("", "", None), ("u", "", b"u:"), ("", "p", b":p")):
        header = proxy_authorization(Proxy("http", "p", 3128, user, password))
        assert header == (expected and b"Basic " + b64encode(expected))


@pytest.mark.parametrize(
    ("reply", "problem", "again"),
    [
        (b"HTTP/1.1 299 Odd\r\n\r\n", None, False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Go\r\n\r\n", None, False),
        (b"HTTP/1.1 300 Other\r\n\r\n", "refused: HTTP 300 Multiple Choices", False),
        (b"HTTP/1.1 403 No\r\n\r\n", "refused: HTTP 403 Forbidden", False),
        (b"HTTP/1.1 777 No\r\n\r\n", "refused: HTTP 777", False),
        *(
            (b"HTTP/1.1 %d No\r\n\r\n" % status, f"refused: HTTP {status} {words}", True)
            for status, words in {
                408: "Request Timeout",
                429: "Too Many Requests",
                500: "Internal Server Error",
                502: "Bad Gateway",
                503: "Service Unavailable",
                504: "Gateway Timeout",
            }.items()
        ),
        (
            b"HTTP/1.1 407 No\r\n\r\n",
            "refused: HTTP 407 Proxy Authentication Required; give user and password in the URL of the proxy",
            False,
        ),
        (b"SSH-2.0-x\r\n", "refused: it does not answer in HTTP", False),
        (b"", "closed the connection", True),
    ],
)
def test_an_http_proxy_opens_the_tunnel_or_says_why_not(
    reply: bytes, problem: str | None, again: bool
) -> None:
    sent, found, retryable = exchanged(route("http"), reply)
    assert (problem, again, 1) == (found, retryable, len(sent))


@given(PLACES)
def test_a_reply_in_pieces_is_one_reply_and_the_request_is_sent_once(places: list[int]) -> None:
    pieces = [piece for piece in cut(b"HTTP/1.1 200 Go\r\nX: y\r\n\r\n", places) if piece]
    sent, problem, _ = exchanged(route("http"), *pieces)
    assert ([b""] * (len(pieces) - 1), None) == (sent[1:], problem)


HELLO, GRANTED = b"\5\0", b"\5\0\0" + BOUND


def test_a_socks5_proxy_is_given_the_name_or_the_address() -> None:
    for host, address in (
        (NAME, b"\3\x0bapi.example"),
        (FOUR, b"\1\xc0\0\2\1"),
        (SIX, b"\4" + ADDRESS_OF_SIX),
        ("bücher.example", b"\3\x15xn--bcher-kva.example"),
    ):
        expected = [b"\5\1\0", b"\5\1\0" + address + PORT]
        # The bound address comes after the five bytes that tell its kind.
        assert (expected, None, False) == exchanged(route("socks5", host), HELLO, GRANTED)


@pytest.mark.parametrize("bound", [BOUND, b"\4" + bytes(18), b"\3\2ab\0\x50", b"\3\0\0\x50"])
def test_a_socks5_proxy_may_report_any_kind_of_address(bound: bytes) -> None:
    for size in range(1, len(bound)):
        sent, problem, _ = exchanged(route("socks5"), HELLO, b"\5\0\0" + bound[:size], bound[size:])
        assert ([b""], None) == (sent[2:], problem)
    assert "the tunnel is not open" == exchanged(route("socks5"), HELLO, b"\5\0\0" + bound[:-1])[1]


def test_a_login_is_given_to_a_socks5_proxy_that_wants_one() -> None:
    through = route("socks5", NAME, "user", "pä")
    request = b"\5\1\0\3\x0bapi.example" + PORT
    assert ([b"\5\2\0\2", b"\1\4user\3p\xc3\xa4", request], None, False) == exchanged(
        through, b"\5\2", b"\1\0", GRANTED
    )
    assert ([b"\5\2\0\2", request], None, False) == exchanged(through, HELLO, GRANTED)
    sent, problem, again = exchanged(through, b"\5\2", b"\1\1")
    hint = "give user and password in the URL of the proxy"
    assert (2, f"refused: it does not accept the user or the password; {hint}", False) == (
        len(sent),
        problem,
        again,
    )


@pytest.mark.parametrize(
    ("replies", "problem", "again"),
    [
        ((b"HT",), "refused: it does not speak SOCKS5", False),
        ((b"\4\0",), "refused: it does not speak SOCKS5", False),
        (
            (b"\5\2",),
            "refused: it wants another login; give user and password in the URL of the proxy",
            False,
        ),
        (
            (b"\5\xff",),
            "refused: it wants another login; give user and password in the URL of the proxy",
            False,
        ),
        *(
            ((HELLO, b"\5" + bytes([number]) + b"\0" + BOUND), f"refused: {reply}", again)
            for number, reply, again in (
                (1, "general failure", True),
                (2, "its rules do not allow the connection", False),
                (3, "the network is unreachable", True),
                (4, "the host is unreachable or not known", True),
                (5, "the host refused the connection", True),
                (6, "the time to live has expired", True),
                (7, "it does not know the command", False),
                (8, "it does not know this type of address", False),
                (9, "reply 9", False),
            )
        ),
        ((b"",), "closed the connection", True),
        ((b"\5", b""), "closed the connection", True),
        ((HELLO, b"\5\0\0\1\x7f", b""), "closed the connection", True),
    ],
)
def test_a_socks5_proxy_that_opens_no_tunnel_is_quoted(
    replies: tuple[bytes, ...], problem: str, again: bool
) -> None:
    assert (problem, again) == exchanged(route("socks5"), *replies)[1:]


@given(PLACES, st.sampled_from(["", "user"]))
def test_no_cut_of_the_replies_of_socks5_changes_what_is_sent(places: list[int], user: str) -> None:
    expected = exchanged(route("socks5", NAME, user, user), HELLO, GRANTED)[0]
    pieces = [piece for reply in (HELLO, GRANTED) for piece in cut(reply, places) if piece]
    sent, problem, _ = exchanged(route("socks5", NAME, user, user), *pieces)
    assert (expected, None) == ([part for part in sent if part], problem)


NO_ADDRESS = b"\0\0\0\xff"  # the name follows the user
SOCKS4_GRANTED = b"\0\x5a" + bytes(6)


def test_a_socks4_proxy_is_given_the_name_or_the_address() -> None:
    for host, address, name in (
        (NAME, NO_ADDRESS, b"api.example\0"),
        (FOUR, b"\xc0\0\2\1", b""),
        ("bücher.example", NO_ADDRESS, b"xn--bcher-kva.example\0"),
    ):
        for user in (b"", "ü".encode()):
            request = b"\4\1" + PORT + address + user + b"\0" + name
            through = route("socks4", host, user.decode())
            assert ([request], None, False) == exchanged(through, SOCKS4_GRANTED)


@pytest.mark.parametrize(
    ("host", "reply", "problem", "again"),
    [
        (NAME, b"\0\x5b" + bytes(6), "refused: it could not connect", True),
        (NAME, b"HTTP/1.1", "refused: it could not connect", True),
        (
            NAME,
            b"\0\x5d" + bytes(6),
            "refused: it refused the user; give user and password in the URL of the proxy",
            False,
        ),
        (NAME, SOCKS4_GRANTED[:-1], "the tunnel is not open", False),
        (NAME, b"", "closed the connection", True),
    ],
)
def test_a_socks4_proxy_that_opens_no_tunnel_is_quoted(
    host: str, reply: bytes, problem: str, again: bool
) -> None:
    assert (problem, again) == exchanged(route("socks4", host), reply)[1:]


def test_socks4_is_not_asked_for_an_ipv6_address() -> None:
    with pytest.raises(NetworkError, match="the proxy refused: SOCKS4 knows no IPv6 addresses") as caught:
        next(open_tunnel(route("socks4", SIX)))
    assert not caught.value.retryable


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks4"])
def test_a_name_that_dns_cannot_have_fails_before_anything_is_sent(scheme: str) -> None:
    with pytest.raises(UnicodeError):
        exchanged(route(scheme, "a..b"), HELLO)


SQUID = {"x-squid-error": ["ERR_DNS_FAIL 0"]}


def test_only_the_proxy_that_reads_the_request_itself_answers_for_the_service() -> None:
    forwarded = Route("http", NAME, 80, Proxy("http", "p", 3128))
    with pytest.raises(NetworkError, match="HTTP 407 Proxy Authentication Required; give user and password"):
        check_proxy(forwarded, 407, {})
    for status, words, again in ((403, "Forbidden", False), (503, "Service Unavailable", True)):
        with pytest.raises(NetworkError) as caught:
            check_proxy(forwarded, status, {"server": ["x"], **SQUID})
        assert caught.value.message.endswith(f"HTTP {status} {words} (ERR_DNS_FAIL 0)")
        assert again is caught.value.retryable
    check_proxy(forwarded, 401, {"server": ["x"]})
    check_proxy(forwarded, 399, SQUID)
    for other in (route("http"), Route("http", NAME, 80)):
        check_proxy(other, 407, SQUID)


def test_no_proxy_but_one_of_socks_needs_the_extra() -> None:
    for scheme in ("http", "https", "socks5", "socks4"):
        check_tunnels(Proxy(scheme, "p", 3128))
    check_tunnels(None)
