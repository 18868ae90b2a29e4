"""Checks base URLs, and knows the hosts of MiniMax."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from mmpipe.config.options import HOSTS
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line

_OWN_HOSTS: Final = frozenset({"api.minimaxi.com", "api.minimax.io", "api.minimax.cn"})


def is_own_host(base_url: str) -> bool:
    """Return True if the host belongs to MiniMax."""
    return urlsplit(base_url).hostname in _OWN_HOSTS


def check_base_url(url: str) -> str:
    """Return `url`, or the URL of the short name `cn` or `intl`, without a final slash. Raises UsageError."""
    url = HOSTS.get(url, url)
    shown = one_line(url, 100)
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{shown!r} is not a base URL: {error}") from error
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise UsageError(f"{shown!r} is not a base URL: it must look like {HOSTS['cn']}, or be cn or intl")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError("a base URL must not have a user name, query or fragment")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(
            f"the base URL {shown} would send the key unencrypted; http:// is only for this machine"
        )
    # Later comparisons need the scheme in lower case.
    return parts._replace(scheme=parts.scheme).geturl().rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
