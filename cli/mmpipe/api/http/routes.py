"""Route from this machine to a host: direct, or through the proxy that the environment names; pure.

The rules are those of curl and Go, which most users know. Both HTTP stacks use this module, so that `chat` and `batch`
never differ.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from mmpipe.core.endpoint import is_loopback
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line

# As in Go; curl has 1080 for all.
_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks4": 1080}
# The proxy looks up the name of the host in each of them, as in Go: no name of a host leaves this machine otherwise.
# `socks` is what desktops export.
_SOCKS: Final = {
    "socks": "socks5",
    "socks5": "socks5",
    "socks5h": "socks5",
    "socks4": "socks4",
    "socks4a": "socks4",
}
_WITH_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# The sign that ends the address of a proxy, before an `@`: most likely it belongs to the password.
_LOGIN_AFTER_END = re.compile(r"[^/]*//[^/?#]*([/?#]).*@", re.DOTALL)
_ADDRESS_ONLY = re.compile(
    r"(?:[A-Za-z0-9+.-]{1,20}://)?(?:[A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]*\]?)(?::\d{1,5})?/?", re.ASCII
)
_WITH_PORT = re.compile(r":\d{1,5}$", re.ASCII)  # before an `@`: the address, and the login after it
_LONGEST_SHOWN: Final = 100  # characters
_MAX_SOCKS_LOGIN: Final = 255  # bytes (RFC 1929)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Proxy of the environment: `scheme` is http, https, socks5 or socks4; user and password are never shown.

    `variable` is the name of the variable that it came from.
    """

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    variable: str = ""

    def __str__(self) -> str:
        return f"{self.url} ({self.variable})" if self.variable else self.url

    @property
    def url(self) -> str:
        """URL without user and password."""
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}"

    @property
    def is_socks(self) -> bool:
        """True for a proxy that is not asked in HTTP."""
        return self.scheme.startswith("socks")


@dataclass(frozen=True, slots=True)
class Route:
    """Host and port of the service, and the proxy before it; the text names them in errors."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None

    def __str__(self) -> str:
        through = "" if self.proxy is None else f" through the proxy {self.proxy}"
        return f"{self.address}{through}"

    @property
    def address(self) -> str:
        """Host and port, as CONNECT names them."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def origins(self) -> str:
        """Host and proxy, where the proxy may have answered for the host; empty otherwise."""
        return f"{self.address} or the proxy {self.proxy}" if self.is_forwarded else ""

    @property
    def first_hop(self) -> tuple[str, int]:
        """Host and port that the first connection is made to."""
        return (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)

    @property
    def is_tls(self) -> bool:
        """True if the service is spoken to over TLS."""
        return self.scheme == "https"

    @property
    def is_tunnelled(self) -> bool:
        """True if the proxy only passes bytes on."""
        return self.proxy is not None and not self.is_forwarded

    @property
    def is_tls_in_tls(self) -> bool:
        """True if the service is spoken to over TLS, inside the TLS of the proxy."""
        return self.is_tls and self.proxy is not None and self.proxy.scheme == "https"

    @property
    def is_forwarded(self) -> bool:
        """True if an HTTP proxy reads the request itself: http:// needs no tunnel, and many proxies refuse one."""
        return self.proxy is not None and not self.proxy.is_socks and not self.is_tls


def find_route(base_url: str, environment: Mapping[str, str]) -> Route:
    """Return the route to the host of `base_url`. Raises UsageError for an unusable proxy that holds for this host.

    The proxy of `http_proxy` or `https_proxy` by the scheme, otherwise of `all_proxy`. A variable in lower case wins over
    capitals, even if empty. No proxy can reach this machine's loopback; `no_proxy` leaves out other hosts.
    """
    url = urlsplit(base_url)
    host = (url.hostname or "").rstrip(".")
    route = Route(url.scheme, url.hostname or "", url.port or _PORTS[url.scheme])
    found = _find_variable(url.scheme, environment)
    left_out = _read(environment, "no_proxy")[1]
    if found is None or is_loopback(host) or _is_left_out(host, route.port, left_out):
        return route
    return Route(route.scheme, route.host, route.port, _parse_proxy(*found))


def is_address(host: str) -> bool:
    """Return True for an IP address, without brackets."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _find_variable(scheme: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the variable that holds for the scheme, and its value; None if none is set."""
    for name in (f"{scheme}_proxy", "all_proxy"):
        # Under CGI a client sets HTTP_PROXY by a header `Proxy` (CVE-2016-5385).
        capitals = not (name == "http_proxy" and "REQUEST_METHOD" in environment)
        found, value = _read(environment, name, capitals=capitals)
        if value:
            return found, value
    return None


def _read(environment: Mapping[str, str], name: str, *, capitals: bool = True) -> tuple[str, str]:
    if capitals and name not in environment:
        name = name.upper()
    return name, environment.get(name, "").strip()


def _parse_proxy(name: str, value: str) -> Proxy:
    def refuse(problem: str) -> UsageError:
        return UsageError(f"the environment's proxy cannot be used: {name}={_mask_login(value)}: {problem}")

    typed = value if _WITH_SCHEME.match(value) else f"http://{value}"
    found = _LOGIN_AFTER_END.match(typed)
    if found is not None:
        raise refuse(f"in user and password, write {found[1]} as {quote(found[1], '')}")
    try:
        url = urlsplit(typed)
        host, port = url.hostname, url.port
    except ValueError:
        # Its words may contain the password.
        raise refuse("it is not a URL with a valid host and port") from None
    scheme = _SOCKS.get(url.scheme, url.scheme)
    if scheme not in _PORTS:
        raise refuse("it is not an http://, https://, socks5:// or socks4:// URL")
    if not host or not re.fullmatch(r"[!-~]+", host):
        raise refuse("it names no host")
    if port == 0:
        raise refuse("it has no valid port")
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if problem := _find_login_problem(scheme, user, password):
        raise refuse(problem)
    return Proxy(scheme, host, port or _PORTS[scheme], user, password, name)


def _mask_login(value: str) -> str:
    """The URL of a proxy as it may be shown: whole if it is an address only, for anything else may be a password."""
    if len(value) <= _LONGEST_SHOWN and _ADDRESS_ONLY.fullmatch(value):
        return value
    scheme = _WITH_SCHEME.match(value)
    login, at, address = value.rpartition("@")
    is_address_last = bool(at) and _ADDRESS_ONLY.fullmatch(address) and not _WITH_PORT.search(login)
    rest = f"@{address}" if is_address_last and len(address) <= _LONGEST_SHOWN else ""
    return f"{one_line(scheme[0], 20) if scheme else ''}***{rest}"


def _find_login_problem(scheme: str, user: str, password: str) -> str | None:
    try:
        longest = max(len(user.encode()), len(password.encode()))
    except UnicodeEncodeError:
        return "user or password is not UTF-8"
    if not scheme.startswith("socks"):
        return None
    if password and not user:
        return "SOCKS has no password without a user"
    if longest > _MAX_SOCKS_LOGIN:
        return f"user or password is longer than {_MAX_SOCKS_LOGIN} bytes, the limit of SOCKS"
    return None


def _is_left_out(host: str, port: int, no_proxy: str) -> bool:
    return any(_matches(entry, host, port) for entry in re.split(r"[\s,]+", no_proxy.lower()) if entry)


def _matches(entry: str, host: str, port: int) -> bool:
    """Return True if an entry of `no_proxy` names the host; an entry that cannot be read names none.

    `*` is every host; a name its subdomains too, with or without a leading dot (curl); `*.name` its subdomains only (Go).
    An address may be a network, `10.0.0.0/8`. Each may have a port (Go).
    """
    entry = _WITH_SCHEME.sub("", entry).rstrip("/")
    name, entry_port = _split_port(entry)
    if entry_port is not None and entry_port != port:
        return False
    if "*" in name:
        pattern = re.escape(name.rstrip(".")).replace(r"\*", ".*")
        return re.fullmatch(pattern, host) is not None
    if is_address(host):
        return any(ip_address(host) in network for network in _networks(name))
    name = name.strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    """Split `host:port`, `[::1]:port` or an address without brackets; the port is None if there is none."""
    found = re.fullmatch(
        r"(?:\[(?P<six>[^\]]*)\](?P<net>/\d+)?|(?P<name>[^:\[\]]*))(?::(?P<port>\d{1,5}))?", entry
    )
    if found is None:
        return entry, None
    name = found["name"] if found["six"] is None else found["six"] + (found["net"] or "")
    return name, None if found["port"] is None else int(found["port"])


def _networks(name: str) -> Iterator[IPv4Network | IPv6Network]:
    try:
        yield ip_network(name, strict=False)
    except ValueError:
        return


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
