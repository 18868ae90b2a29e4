"""Address of the Redis server that keeps one limit for all hosts; its password is never shown."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError

_PORT: Final = 6379
_SCHEMES: Final = ("redis", "rediss", "unix")
# Names in the query of a URL, as the client of Redis spells them, by the schemes that take them.
_TLS: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "redis": frozenset(),
    "rediss": _TLS,
    "unix": frozenset({"db"}),
}
_FORMS: Final = (
    "redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// for TLS, or unix://[USER:PASSWORD@]/PATH[?db=DB]"
)
# No message shows the address as it was typed: whatever is wrong with it may be in its password.
_BAD: Final = "the address of the limiter"


@dataclass(frozen=True, slots=True)
class LimiterAddress:
    """Place of a server, the database in it, and the user; `place` is a host, or the path of a socket (`port` is None)."""

    scheme: str
    place: str
    port: int | None
    db: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls_files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, word: str) -> "LimiterAddress":
        """Return the address of a URL. Raises UsageError for any other text, without showing it."""
        if re.search(r"[\x00-\x20\x7f]", word):
            raise UsageError(f"{_BAD} holds a space or a control character: it must look like {_FORMS}")
        try:
            parts = urlsplit(word)
            port, host = parts.port, parts.hostname
        except ValueError:
            raise UsageError(f"{_BAD} is no URL", hint=_ENCODE) from None
        if parts.scheme not in _SCHEMES:
            raise UsageError(f"{_BAD} must look like {_FORMS}")
        if parts.fragment or (parts.scheme == "unix" and (host or port)):
            raise UsageError(f"{_BAD} must look like {_FORMS}", hint=_ENCODE)
        fields = _read_fields(parts.query, parts.scheme)
        if parts.scheme == "unix":
            place, db = unquote(parts.path), fields.pop("db", "0")
        else:
            place, db, port = (
                unquote(host or ""),
                parts.path.strip("/") or "0",
                _PORT if port is None else port,
            )
        if port == 0:
            raise UsageError(f"{_BAD} has port 0: it must look like {_FORMS}")
        if parts.username and not parts.password:
            hint = "a password alone is redis://:PASSWORD@HOST"
            raise UsageError(f"{_BAD} has a user without a password: it must look like {_FORMS}", hint=hint)
        if not place:
            raise UsageError(f"{_BAD} names no {'path' if parts.scheme == 'unix' else 'host'}: {_FORMS}")
        if not (db.isascii() and db.isdecimal() and len(db) < 10):  # noqa: PLR2004  the digits of an int
            raise UsageError(f"{_BAD}: a database is a number, such as 0: {_FORMS}", hint=_ENCODE)
        user, password = map(_decode, (parts.username, parts.password))
        return cls(parts.scheme, place, port, int(db), user, password, fields)

    def has_password(self, text: str) -> bool:
        """Return True if a text holds the password, as it is or as it was typed."""
        return self.password is not None and (self.password in text or self.password in unquote(text))

    def __str__(self) -> str:
        """Return the address without user and password."""
        if self.port is None:
            return f"unix://{self.place}?db={self.db}"
        host = f"[{self.place}]" if ":" in self.place else self.place
        return f"{self.scheme}://{host}:{self.port}/{self.db}"


_ENCODE: Final = "in a user or a password, write # as %23, / as %2F, ? as %3F, @ as %40, and % as %25"


def _decode(text: str | None) -> str | None:
    """Return a user or a password; raises UsageError if it is not UTF-8, as Redis expects both."""
    try:
        found = unquote(text or "", errors="strict")
        found.encode()
    except UnicodeError:
        raise UsageError(f"{_BAD}: user and password must be UTF-8", hint=_ENCODE) from None
    return found or None


def _read_fields(query: str, scheme: str) -> dict[str, str]:
    fields = dict(parse_qsl(query, keep_blank_values=True))
    if not fields.keys() <= _FIELDS[scheme] or (query and not fields):
        known = ", ".join(sorted(_FIELDS[scheme]))
        allowed = f"only {known} may follow the ?" if known else "nothing may follow the ?"
        raise UsageError(f"{_BAD} is {scheme}://, where {allowed}", hint=_ENCODE)
    return fields
