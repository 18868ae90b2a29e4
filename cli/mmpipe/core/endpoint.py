"""Endpoint of the API: the base URL and its key, which is never shown."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Final
from urllib.parse import urlsplit

from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.text.escapes import escaped_pattern

MASK: Final = "***"
_MINIMAX: Final = frozenset({"api.minimaxi.com", "api.minimax.io", "api.minimax.cn"})
# Characters of a key that identify it: more than the prefix that all keys of MiniMax have.
_MIN_KEY = 8
_SURE_KEY = 20  # characters
# Keys of servers of the user's own may be shorter. Still shorter ones, such as `x`, hide nothing and are in most words.
_MIN_SHORT_KEY = 4
_ESCAPE: Final = re.compile(r"\\|%[0-9A-Fa-f]{2}|&\#")
# Only ASCII: lower() turns some letters into two, which would shift all later positions.
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Key:
    """API key, never shown; `source` names the place where it was found.

    `exposed_file` is the path of its file if other users can read that.
    """

    value: str = field(repr=False)
    source: str
    exposed_file: str | None = None

    def mask(self, text: str) -> str:
        """Return `text` with `***` in place of the key, or of its beginning if it is cut off; upper and lower case alike.

        A key below 8 characters is masked only as a word of its own; one below 4 is never masked.
        """
        if len(self.value) < _MIN_KEY:
            return self._mask_word(text)
        return self._mask_plain(self._mask_escaped(text) if _ESCAPE.search(text) else text)

    def _mask_plain(self, text: str) -> str:
        lowered, searched = self.value.translate(_LOWER), text.translate(_LOWER)
        place = searched.find(lowered[:_MIN_KEY])
        kept: list[str] = []
        done = 0
        while place >= 0:
            end = place
            while (
                end < len(searched) and end - place < len(lowered) and searched[end] == lowered[end - place]
            ):
                end += 1
            kept += [text[done:place], MASK]
            done, place = end, searched.find(lowered[:_MIN_KEY], end)
        return "".join((*kept, text[done:]))

    def _mask_escaped(self, text: str) -> str:
        """Return `text` without the key, or its beginning, where characters of it are escaped as in JSON, URLs or HTML."""
        first, *others = _escaped_forms(self.value)
        kept: list[str] = []
        done = 0
        while (found := first.search(text, done)) is not None:
            end = found.end()
            for form in others:
                if (following := form.match(text, end)) is None:
                    break
                end = following.end()
            kept += [text[done : found.start()], MASK]
            done = end
        return "".join((*kept, text[done:]))

    def _mask_word(self, text: str) -> str:
        if len(self.value) < _MIN_SHORT_KEY:
            return text
        return re.sub(rf"(?<![^\W_]){re.escape(self.value)}(?![^\W_])", MASK, text)


@lru_cache(4)
def _escaped_forms(key: str) -> Sequence[re.Pattern[str]]:
    """Return a pattern for the characters that identify the key, and one for each that follows."""
    forms = [escaped_pattern(character) for character in key]
    beginning = "".join(forms[:_MIN_KEY])
    return [re.compile(form, re.IGNORECASE) for form in (beginning, *forms[_MIN_KEY:])]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Base URL of the API, its key, and the file of certificates to trust (None: the system's).

    A host of the user's own may have no key; then `unsent` may name a key that was found and is not for this host.
    """

    base_url: str
    key: Key | None
    ca_file: Path | None = None
    unsent: str | None = None

    @property
    def is_exposed(self) -> bool:
        """True if requests leave this machine unencrypted."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")

    @property
    def is_minimax(self) -> bool:
        """True if the host belongs to MiniMax."""
        return is_minimax(self.base_url)

    def check_sendable(self, encode: Callable[[], bytes]) -> None:
        """Raise InputError if the JSON of a request, which `encode` returns, holds the key, which is no text for a model.

        Nothing is encoded without a key or for a shorter one. Shorter keys may be words, such as those that servers without a check of keys take.
        """
        key = self.key
        if key is None or len(key.value) < _SURE_KEY:
            return
        if json.dumps(key.value)[1:-1].encode() in encode():
            raise InputError(f"the request holds the API key (of {key.source}): it is not sent")

    def mask(self, text: str) -> str:
        """Return `text` without the key."""
        return text if self.key is None else self.key.mask(text)


# Called for each answer of a batch.
@lru_cache(4)
def is_minimax(base_url: str) -> bool:
    """Return True if the host of a URL belongs to MiniMax."""
    return _dns_name(urlsplit(base_url).hostname or "") in _MINIMAX


def _dns_name(host: str) -> str:
    """Return the name that DNS is asked for: in ASCII, without a final dot; an invalid one as it is."""
    try:
        # The codec is loaded only for a name that needs it.
        return (host if host.isascii() else host.encode("idna").decode("ascii")).rstrip(".")
    except UnicodeError:
        return host


def is_loopback(host: str) -> bool:
    """Return True for `localhost`, an address of 127.0.0.0/8, and ::1, also as an IPv4 address in IPv6."""
    from ipaddress import IPv6Address, ip_address

    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
