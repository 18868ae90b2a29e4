"""Checks base URLs."""

import re
from urllib.parse import urlsplit

from mmpipe.config.options import HOSTS
from mmpipe.core.endpoint import is_loopback, is_minimax
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line


def check_base_url(url: str, *, permits_http: bool = False) -> str:
    """Return `url`, or the URL of the short name `cn` or `intl`, without a final slash. Raises UsageError.

    With `permits_http` another machine than this one may be asked without encryption, but never a host of MiniMax.
    """
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
    if parts.scheme == "http" and not is_loopback(host):
        _check_plain_http(shown, is_own=is_minimax(url), is_permitted=permits_http)
    # Later comparisons need the scheme in lower case.
    return parts._replace(scheme=parts.scheme).geturl().rstrip("/")


def _check_plain_http(shown: str, *, is_own: bool, is_permitted: bool) -> None:
    """Raise UsageError for an http:// URL to another machine that is not permitted."""
    if is_own:
        raise UsageError(f"the base URL {shown} would send the key unencrypted: write https://")
    if not is_permitted:
        raise UsageError(
            f"the base URL {shown} is unencrypted: http:// to another machine needs --allow-http, "
            "or allow_http = true beside this base_url in the configuration file"
        )
