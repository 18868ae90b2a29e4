"""Checks base URLs."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from mmpipe.config.options import HOSTS
from mmpipe.core.endpoint import is_loopback, is_minimax
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line

# The addresses by which a server listens to every network, and this machine as its clients name it.
_LISTENING: Final[Mapping[str, str]] = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  it is refused here
_LIKE_KEY = re.compile(r"[A-Za-z0-9_+/=-]{16,}")
_NO_SCHEME = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::\d{1,5})?(?:/[^\s?#@]*)?")


def check_base_url(url: str, *, permits_http: bool = False, place: str = "") -> str:
    """Return `url`, or the URL of the short name `cn` or `intl`, without a final slash.

    With `permits_http` another machine than this one may be asked without encryption, but never a host of MiniMax.
    Raises UsageError, with the `place` of the URL before its message.
    """
    try:
        return _check(url, permits_http=permits_http)
    except UsageError as error:
        raise error.derived(sentence=f"{place}{error.sentence}") from error.__cause__


def _check(url: str, *, permits_http: bool) -> str:
    url = HOSTS.get(url, url)
    shown = one_line(url, 100)
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{shown!r} is not a base URL: {error}") from error
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        if guess := _guess_schemes(url):
            raise UsageError(f"{shown!r} is not a base URL: write {guess}")
        if _LIKE_KEY.fullmatch(url):
            raise UsageError(
                "the base URL is not a URL: it looks like a key, which belongs into MINIMAX_API_KEY"
            )
        raise UsageError(f"{shown!r} is not a base URL: it must look like {HOSTS['cn']}, or be cn or intl")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError("a base URL must not have a user name, query or fragment")
    if parts.scheme == "http" and not is_loopback(host):
        if host in _LISTENING and not permits_http:
            here = url.replace(f"[{host}]" if ":" in host else host, _LISTENING[host], 1)
            raise UsageError(
                f"the base URL {shown} is where a server listens: on this machine, ask it at {one_line(here, 100)}",
                hint="another machine needs its name, and --allow-http or allow_http = true",
            )
        _check_plain_http(shown, is_own=is_minimax(url), is_permitted=permits_http)
    # Later comparisons need the scheme in lower case.
    return parts._replace(scheme=parts.scheme).geturl().rstrip("/")


def _guess_schemes(url: str) -> str:
    """Return the URLs that may be meant by one without a scheme; empty if it has one, or is no host."""
    if not _NO_SCHEME.fullmatch(url):
        return ""
    host = urlsplit(f"//{url}").hostname or ""
    if "." not in host and ":" not in url and host != "localhost":
        return ""  # a mistyped short name
    shown = one_line(url, 80)
    if is_minimax(f"//{url}"):
        for name, known in HOSTS.items():
            if host.lower() == urlsplit(known).hostname:
                return f"{name}, or {known}"
        return f"https://{shown}"
    if is_loopback(host) or host in _LISTENING:
        here = _LISTENING.get(host)
        return f"http://{shown if here is None else shown.replace(host, here, 1).replace('[[', '[').replace(']]', ']')}"
    return f"https://{shown} or http://{shown}"


def _check_plain_http(shown: str, *, is_own: bool, is_permitted: bool) -> None:
    """Raise UsageError for an http:// URL to another machine that is not permitted."""
    if is_own:
        raise UsageError(f"the base URL {shown} would send the key unencrypted: write https://")
    if not is_permitted:
        raise UsageError(
            f"the base URL {shown} is unencrypted: http:// to another machine needs --allow-http, "
            "or allow_http = true beside this base_url in the configuration file"
        )
