"""Finds each setting in the options, the environment, the configuration file or the defaults, and says where.

Key and host are a pair: a key goes only to a host that it was meant for. That is one of MiniMax's own, one that was
named in the same place as the key, and one that was typed as an option.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from mmpipe.config.keys import checked, read_key_file, run_key_command
from mmpipe.config.options import DEFAULTS, HOSTS, ServiceOptions
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import AuthError, UsageError
from mmpipe.grammar import OptionGroup
from mmpipe.text.suggestions import suggest
from mmpipe.text.visible import one_line

_OWN_HOSTS = frozenset({"api.minimaxi.com", "api.minimax.io", "api.minimax.cn"})

_OPTION, _ENVIRONMENT, _DEFAULT = "option", "environment", "default"
_LONGEST_LIMIT = 10 * 365 * 86_400.0  # seconds; what the system's timers take

_LONGEST_CONFIG = 2**20  # bytes
_NUMBER = (int, float)
# Name in the configuration file: what it may be.
FILE_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "model": str,
    "base_url": str,
    "api_key_command": (str, list),
    "api_key_file": str,
    "ca_file": str,
    "thinking": str,
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "max_tokens": int,
    "connect_timeout": _NUMBER,
    "first_byte_timeout": _NUMBER,
    "idle_timeout": _NUMBER,
    "max_time": _NUMBER,
    "retries": int,
}


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value and where it was found."""

    value: object
    source: str

    @property
    def is_typed(self) -> bool:
        """Whether it is an option of the command line."""
        return self.source == _OPTION


class Settings:
    """Settings by name, each with its source; `options` are those that the user typed (None: not typed)."""

    def __init__(
        self, options: Mapping[str, object], environment: Mapping[str, str], profile: str | None = None
    ) -> None:
        self._environment = environment
        self._path = _config_path(environment)
        self._found: dict[str, Sourced] = {}
        for name, value, source in self._layers(options, profile):
            if value is not None:
                self._found[name] = Sourced(value, source)

    @classmethod
    def read(
        cls, environment: Mapping[str, str], service: ServiceOptions, *groups: OptionGroup
    ) -> "Settings":
        """The settings where the options of these groups were typed; raises UsageError for a bad configuration file."""
        typed = {
            option.name: getattr(group, option.name)
            for group in (service, *groups)
            for option in fields(group)
            if option.name in FILE_KEYS
        }
        return cls(typed, environment, service.profile)

    def get(self, name: str) -> object:
        """The value, or None where no layer has one."""
        found = self._found.get(name)
        return None if found is None else found.value

    def is_typed(self, name: str) -> bool:
        """Whether the value is an option of the command line."""
        return name in self._found and self._found[name].is_typed

    def seconds(self, name: str) -> float:
        """A limit on time; raises UsageError where it is none."""
        value = self.get(name)
        if isinstance(value, int | float) and 0 < value <= _LONGEST_LIMIT:
            return value
        raise UsageError(
            f"{name.replace('_', '-')} is {value}: it must be above 0 and at most ten years, in seconds"
        )

    def explain(self) -> Iterator[str]:
        """A line for each setting and its source, for `-v`; what leads to the key is only named, lest it be the key."""
        for name, found in sorted(self._found.items()):
            value = "..." if name.startswith("api_key") else found.value
            yield f"{name} = {value} ({found.source})"

    @property
    def secret_files(self) -> tuple[str, ...]:
        """The files that hold the key, or say how to get at it."""
        named = self.get("api_key_file")
        paths = (self._path, None if named is None else Path(str(named)))
        return tuple(str(path.absolute()) for path in paths if path is not None and path.is_file())

    def patience(self) -> Timeouts:
        """How long to wait, and how often to ask again; raises UsageError for what cannot be."""
        retries = self.get("retries")
        if not (isinstance(retries, int) and retries >= 0):
            raise UsageError(f"retries is {retries}: it must be 0 or more")
        return Timeouts(
            connect=self.seconds("connect_timeout"),
            first_byte=self.seconds("first_byte_timeout"),
            idle=self.seconds("idle_timeout"),
            total=self.seconds("max_time"),
            retries=retries,
        )

    def endpoint(self) -> Endpoint:
        """The base URL, the key that may go there, and the certificates to trust.

        Raises UsageError for a base URL that cannot be used, AuthError where there is no key for it.
        """
        base_url, key = self._pair()
        ca_file = self.get("ca_file")
        return Endpoint(base_url, key, None if ca_file is None else Path(str(ca_file)))

    def _pair(self) -> tuple[str, Key]:
        host = self._found["base_url"]
        base_url = check_base_url(str(host.value))
        key = self._key()
        if key is None:
            return self._openai_pair(host, base_url)
        own = urlsplit(base_url).hostname in _OWN_HOSTS
        if not (own or host.is_typed or host.source == key.source):
            raise AuthError(
                f"the key ({key.source}) is not sent to {base_url} ({host.source}): "
                "name key and host in the same place, or type --base-url"
            )
        return base_url, key

    def _layers(
        self, options: Mapping[str, object], profile: str | None
    ) -> Iterator[tuple[str, object, str]]:
        for name, value in DEFAULTS.items():
            yield name, value, _DEFAULT
        yield from self._file_layers(profile)
        yield "base_url", self._environment.get("MINIMAX_BASE_URL") or None, _ENVIRONMENT
        for name, value in options.items():
            yield name, value, _OPTION

    def _file_layers(self, profile: str | None) -> Iterator[tuple[str, object, str]]:
        content = _read_config(self._path)
        profiles = content.pop("profile", {})
        for name, value in _checked(content, str(self._path)):
            yield name, value, f"{self._path}"
        if profile is None:
            return
        if not isinstance(profiles, dict) or not isinstance(chosen := profiles.get(profile), dict):
            guess = suggest(profile, profiles if isinstance(profiles, dict) else ())
            raise UsageError(f"there is no [profile.{profile}] in {self._path}{guess}")
        where = f"{self._path} [profile.{profile}]"
        for name, value in _checked(chosen, where):
            yield name, value, where

    def _key(self) -> Key | None:
        """The key of the most explicit place that has one."""
        file, command = self._found.get("api_key_file"), self._found.get("api_key_command")
        if file is not None and file.is_typed:
            return _from_file(file)
        if self._environment.get("MINIMAX_API_KEY"):
            return checked(self._environment["MINIMAX_API_KEY"], _ENVIRONMENT)
        # Within the file the profile is the more explicit place.
        if command is not None and (
            file is None or "[profile." in command.source or "[profile." not in file.source
        ):
            printed = run_key_command(command.value, self._environment, self.seconds("max_time"))
            return checked(printed, command.source)
        return None if file is None else _from_file(file)

    def _openai_pair(self, host: Sourced, base_url: str) -> tuple[str, Key]:
        """The variables of the official quick start, which are valid only together."""
        value, url = (self._environment.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
        if not value:
            raise AuthError(
                "no API key: set MINIMAX_API_KEY, or see --api-key-file; `mmpipe sim` needs none to try things"
            )
        if not url:
            raise AuthError(
                "OPENAI_API_KEY alone is not used: it may be a key for another service; "
                "set OPENAI_BASE_URL with it, or set MINIMAX_API_KEY"
            )
        own = check_base_url(url)
        if host.is_typed and base_url != own:
            raise AuthError("OPENAI_API_KEY belongs to OPENAI_BASE_URL and is not sent to another --base-url")
        source = f"{_ENVIRONMENT}, OPENAI_*"
        self._found["base_url"] = Sourced(own, source)
        return own, checked(value, source)


def _from_file(named: Sourced) -> Key:
    where = "--api-key-file" if named.is_typed else named.source
    return checked(read_key_file(str(named.value), where), named.source)


def check_base_url(url: str) -> str:
    """`url`, or what the short name `cn` or `intl` stands for, without a slash at its end; raises UsageError."""
    url = HOSTS.get(url, url)
    shown = one_line(url, 100)
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{shown!r} is no base URL: {error}") from error
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise UsageError(f"{shown!r} is no base URL: it must look like {HOSTS['cn']}, or be cn or intl")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError("a base URL has no user name, query or fragment")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(
            f"the base URL {shown} would send the key in the clear; http:// is for this machine only"
        )
    # What follows compares the scheme as it is written here.
    return parts._replace(scheme=parts.scheme).geturl().rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _config_path(environment: Mapping[str, str]) -> Path | None:
    folder = environment.get("XDG_CONFIG_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    if folder.startswith("/"):
        return Path(folder, "mmpipe", "config.toml")
    home = environment.get("HOME", "")
    return Path(home, ".config", "mmpipe", "config.toml") if home.startswith("/") else None


def _read_config(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        if path.is_fifo():
            raise UsageError(f"{path} is a pipe, and may never end; a configuration is a file")
        with path.open("rb") as file:
            content = file.read(_LONGEST_CONFIG + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > _LONGEST_CONFIG:
        raise UsageError(f"{path} is longer than {_LONGEST_CONFIG} bytes")
    if not content.strip():
        return {}
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error


def _checked(content: Mapping[str, object], where: str) -> Iterator[tuple[str, object]]:
    for name, value in content.items():
        if name == "api_key":
            raise UsageError(f"{where}: keys do not belong into a configuration file; use api_key_command")
        kind = FILE_KEYS.get(name)
        if kind is None:
            raise UsageError(
                f"{where}: {name} is no setting; there are {', '.join(FILE_KEYS)}{suggest(name, FILE_KEYS)}"
            )
        if not isinstance(value, kind) or isinstance(value, bool):
            raise UsageError(f"{where}: {name} has a value of the wrong type: {one_line(repr(value), 60)}")
        yield name, value
