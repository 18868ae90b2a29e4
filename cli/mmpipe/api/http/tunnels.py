"""Asks a proxy for a tunnel to the service: CONNECT, SOCKS5 or SOCKS4a; no I/O.

`open_tunnel` is a generator: it yields the bytes to send (perhaps none) and gets the bytes that the proxy sent, b"" at the
end of the connection. Both HTTP stacks run it, so that a proxy fails with the same words in both. socksio, the library
that httpx2 itself uses, knows the messages of SOCKS; python-socks and aiohttp-socks were left, since each fits one of the
two stacks only.
"""

from base64 import b64encode
from collections.abc import Generator
from http import HTTPStatus
from importlib.util import find_spec
from typing import Final

from mmpipe.api.http.http_parser import Fields, RawHead, ResponseParser
from mmpipe.api.http.routes import Proxy, Route, is_address
from mmpipe.errors import BadResponse, NetworkError, UsageError
from mmpipe.text.visible import one_line

Tunnel = Generator[bytes, bytes, None]
_Reader = Generator[bytes, bytes, bytes]

# Answers of proxies that may be others a moment later.
_PASSING_HTTP: Final = frozenset((408, 429, 500, 502, 503, 504))
_PASSING_SOCKS: Final = frozenset((1, 3, 4, 5, 6))
# RFC 1928, section 6.
_SOCKS5_REPLIES: Final = {
    1: "general failure",
    2: "its rules do not allow the connection",
    3: "the network is unreachable",
    4: "the host is unreachable or not known",
    5: "the host refused the connection",
    6: "the time to live has expired",
    7: "it does not know the command",
    8: "it does not know this type of address",
}
_SQUID: Final = "x-squid-error"  # the header of squid's own errors
_LOGIN_HINT: Final = "give user and password in the URL of the proxy"
_NO_LOGIN: Final = "HTTP 407 Proxy Authentication Required"


def check_tunnels(proxy: Proxy | None) -> None:
    """Raise UsageError for a SOCKS proxy if the extra is not installed."""
    if proxy is not None and proxy.is_socks and find_spec("socksio") is None:
        raise UsageError(
            f"the environment's proxy cannot be used: {proxy} needs the extra `socks`: pip install 'mmpipe[socks]'"
        )


def proxy_authorization(proxy: Proxy) -> bytes | None:
    """The value of Proxy-Authorization, or None without a user."""
    if not proxy.user and not proxy.password:
        return None
    return b"Basic " + b64encode(f"{proxy.user}:{proxy.password}".encode())


def check_proxy(route: Route, status: int, headers: Fields) -> None:
    """Raise NetworkError if the proxy that reads the request itself answers for the service, and says so."""
    if not route.is_forwarded or status < HTTPStatus.BAD_REQUEST:
        return
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise _refused(route, _NO_LOGIN, hint=_LOGIN_HINT)
    if _SQUID in headers:
        word = one_line(headers[_SQUID][0], 60)
        raise _refused(route, f"HTTP {status}{_phrase(status)} ({word})", passing=status in _PASSING_HTTP)


def open_tunnel(route: Route) -> Tunnel:
    """Ask the proxy of `route` for a tunnel; raises NetworkError if it opens none."""
    proxy = route.proxy
    assert proxy is not None  # noqa: S101  of callers
    match proxy.scheme:
        case "socks5":
            return _socks5(route, proxy)
        case "socks4":
            return _socks4(route, proxy)
        case _:
            return _connect(route, proxy)


def _connect(route: Route, proxy: Proxy) -> Tunnel:
    # An invalid name fails here, and not in TLS once the tunnel is open.
    host = route.host.encode("idna")
    address = b"%s:%d" % (b"[%s]" % host if b":" in host else host, route.port)
    login = proxy_authorization(proxy)
    fields = [b"Host: " + address, *([b"Proxy-Authorization: " + login] if login else [])]
    request = (
        b"CONNECT " + address + b" HTTP/1.1\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n"
    )
    parser, head = ResponseParser(route), None
    while head is None:
        received = yield request
        request = b""
        if not received:
            raise _closed(route)
        try:
            head = next((part for part in parser.feed(received) if isinstance(part, RawHead)), None)
        except BadResponse as error:
            raise _refused(route, "it does not answer in HTTP") from error
    if head.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise _refused(route, _NO_LOGIN, hint=_LOGIN_HINT)
    if not 200 <= head.status < 300:  # noqa: PLR2004  a success
        raise _refused(
            route, f"HTTP {head.status}{_phrase(head.status)}", passing=head.status in _PASSING_HTTP
        )


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _socks5(route: Route, proxy: Proxy) -> Tunnel:
    from socksio import socks5

    methods = [socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED]
    user, password = proxy.user.encode(), proxy.password.encode()
    if user:
        methods.append(socks5.SOCKS5AuthMethod.USERNAME_PASSWORD)
    buffer = bytearray()
    received = yield from _exchange(route, buffer, socks5.SOCKS5AuthMethodsRequest(methods).dumps(), 2)
    if received[0] != 5:  # noqa: PLR2004  the version
        raise _refused(route, "it does not speak SOCKS5")
    if received[1:] == socks5.SOCKS5AuthMethod.USERNAME_PASSWORD and user:
        login = socks5.SOCKS5UsernamePasswordRequest(user, password).dumps()
        received = yield from _exchange(route, buffer, login, 2)
        if received[1]:
            raise _refused(route, "it does not accept the user or the password", hint=_LOGIN_HINT)
    elif received[1:] != socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED:
        raise _refused(route, "it wants another login", hint=_LOGIN_HINT)
    host = route.host if is_address(route.host) else route.host.encode("idna")
    request = socks5.SOCKS5CommandRequest.from_address(socks5.SOCKS5Command.CONNECT, (host, route.port))
    # Version, reply, reserved, type of the address, and its first byte.
    received = yield from _exchange(route, buffer, request.dumps(), 5)
    if received[1]:
        reply = _SOCKS5_REPLIES.get(received[1], f"reply {received[1]}")
        raise _refused(route, reply, passing=received[1] in _PASSING_SOCKS)
    rest = {1: 3, 4: 15}.get(received[3], received[4]) + 2
    yield from _exchange(route, buffer, b"", rest)


def _socks4(route: Route, proxy: Proxy) -> Tunnel:
    from socksio import socks4

    user = proxy.user.encode()
    connect = socks4.SOCKS4Command.CONNECT
    if is_address(route.host):
        if ":" in route.host:
            raise _refused(route, "SOCKS4 knows no IPv6 addresses")
        request = socks4.SOCKS4Request.from_address(connect, (route.host, route.port), user).dumps()
    else:
        request = socks4.SOCKS4ARequest(connect, route.port, route.host.encode("idna"), user).dumps()
    received = yield from _exchange(route, bytearray(), request, 8)
    if received[1:2] != socks4.SOCKS4ReplyCode.REQUEST_GRANTED:
        login = received[1:2] == socks4.SOCKS4ReplyCode.AUTHENTICATION_FAILED
        raise _refused(
            route,
            "it refused the user" if login else "it could not connect",
            hint=_LOGIN_HINT if login else "",
            passing=not login,
        )


def _exchange(route: Route, buffer: bytearray, request: bytes, size: int) -> _Reader:
    """Send `request`, and return the next `size` bytes of the proxy; more that came stays in the buffer."""
    while request or len(buffer) < size:
        received = yield request
        request = b""
        if not received:
            raise _closed(route)
        buffer += received
    found = bytes(buffer[:size])
    del buffer[:size]
    return found


def _refused(route: Route, reason: str, *, hint: str = "", passing: bool = False) -> NetworkError:
    return NetworkError(f"{route}: the proxy refused: {reason}", hint=hint, retryable=passing)


def _closed(route: Route) -> NetworkError:
    return NetworkError(f"{route}: the proxy closed the connection", retryable=True)
