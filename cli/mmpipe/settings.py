"""Finds each setting in the options, the environment, the configuration file or the defaults, and says where.

Key and host are a pair: a key goes only to a host that it was meant for. A MiniMax key goes to MiniMax's own hosts,
to a host that was named in the same place as the key, and to one that was typed as an option.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mmpipe.errors import AuthError, UsageError
from mmpipe.visible import one_line

DEFAULT_MODEL = "MiniMax-M3"
# api_facts 4.4; `cn` is the host of the official page.
HOSTS = {"cn": "https://api.minimaxi.com/v1", "intl": "https://api.minimax.io/v1"}
_OWN_HOSTS = frozenset({"api.minimaxi.com", "api.minimax.io", "api.minimax.cn"})
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")

_OPTION, _ENVIRONMENT, _DEFAULT = "option", "environment", "default"

# Name in the configuration file: what it may be.
_FILE_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "model": str,
    "base_url": str,
    "api_key_command": (str, list),
    "api_key_file": str,
    "ca_file": str,
    "thinking": str,
    "temperature": (int, float),
    "top_p": (int, float),
    "max_tokens": int,
    "connect_timeout": (int, float),
    "first_byte_timeout": (int, float),
    "idle_timeout": (int, float),
    "max_time": (int, float),
    "retries": int,
}


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value and where it was found."""

    value: object
    source: str


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, never shown; `source` is where it was found."""

    value: str = field(repr=False)
    source: str


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

    def get(self, name: str) -> object:
        """The value, or None where no layer has one."""
        found = self._found.get(name)
        return None if found is None else found.value

    def explain(self) -> Iterator[str]:
        """A line for each setting and its source, for `-v`; commands and files are named, keys never are."""
        for name, found in sorted(self._found.items()):
            yield f"{name} = {found.value} ({found.source})"

    def endpoint(self) -> tuple[str, Key]:
        """The base URL and the key that may go there.

        Raises UsageError for a base URL that cannot be used, AuthError where there is no key for it.
        """
        host = self._found["base_url"]
        base_url = check_base_url(str(host.value))
        key = self._key()
        if key is None and (pair := self._openai_pair(host)) is not None:
            return pair
        if key is None:
            raise AuthError(
                "no API key: set MINIMAX_API_KEY, or see --api-key-file; `mmpipe sim` needs none to try things"
            )
        own = urlsplit(base_url).hostname in _OWN_HOSTS
        if not (own or _OPTION in (host.source, key.source) or host.source == key.source):
            raise AuthError(
                f"the key ({key.source}) is not sent to {base_url} ({host.source}): "
                "name key and host in the same place, or type --base-url"
            )
        return base_url, key

    def _layers(
        self, options: Mapping[str, object], profile: str | None
    ) -> Iterator[tuple[str, object, str]]:
        yield "model", DEFAULT_MODEL, _DEFAULT
        yield "base_url", HOSTS["cn"], _DEFAULT
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
            raise UsageError(f"there is no [profile.{profile}] in {self._path}")
        for name, value in _checked(chosen, f"{self._path} [profile.{profile}]"):
            yield name, value, f"{self._path} [profile.{profile}]"

    def _key(self) -> Key | None:
        """The key of the most explicit place that has one."""
        file = self._found.get("api_key_file")
        if file is not None and file.source == _OPTION:
            return _clean(_read_key(str(file.value)), _OPTION)
        if self._environment.get("MINIMAX_API_KEY"):
            return _clean(self._environment["MINIMAX_API_KEY"], _ENVIRONMENT)
        command = self._found.get("api_key_command")
        # Within the file the profile is the more explicit place.
        if command is not None and (
            file is None or "[profile." in command.source or "[profile." not in file.source
        ):
            return _clean(_run(command.value), command.source)
        return None if file is None else _clean(_read_key(str(file.value)), file.source)

    def _openai_pair(self, host: Sourced) -> tuple[str, Key] | None:
        """The variables of the official quick start, which are valid only together."""
        value, url = (self._environment.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
        if not value:
            return None
        if not url:
            raise AuthError(
                "OPENAI_API_KEY alone is not used: it may be a key for another service; "
                "set OPENAI_BASE_URL with it, or set MINIMAX_API_KEY"
            )
        base_url = check_base_url(url)
        if host.source == _OPTION and check_base_url(str(host.value)) != base_url:
            raise AuthError("OPENAI_API_KEY belongs to OPENAI_BASE_URL and is not sent to another --base-url")
        return base_url, _clean(value, _ENVIRONMENT)


def check_base_url(url: str) -> str:
    """`url`, or what the short name `cn` or `intl` stands for, without a slash at its end; raises UsageError."""
    url = HOSTS.get(url, url)
    shown = one_line(url, 100)
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"the base URL {shown} is none: {error}") from error
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise UsageError(f"the base URL {shown} is none: it must look like {HOSTS['cn']}, or be cn or intl")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError("a base URL has no user name, query or fragment")
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(host):
        raise UsageError(
            f"the base URL {shown} would send the key in the clear; http:// is for this machine only"
        )
    return url.rstrip("/")


def _config_path(environment: Mapping[str, str]) -> Path | None:
    folder = environment.get("XDG_CONFIG_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    if folder.startswith("/"):
        return Path(folder, "mmpipe", "config.toml")
    home = environment.get("HOME", "")
    return Path(home, ".config", "mmpipe", "config.toml") if home.startswith("/") else None


def _read_config(path: Path | None) -> dict[str, object]:
    try:
        content = path.read_bytes() if path is not None else b""
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not content.strip():
        return {}
    import tomllib

    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error


def _checked(content: Mapping[str, object], where: str) -> Iterator[tuple[str, object]]:
    for name, value in content.items():
        if name == "api_key":
            raise UsageError(f"{where}: keys do not belong into a configuration file; use api_key_command")
        kind = _FILE_KEYS.get(name)
        if kind is None:
            raise UsageError(f"{where}: {name} is no setting; there are {', '.join(_FILE_KEYS)}")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise UsageError(f"{where}: {name} has a value of the wrong type: {one_line(repr(value), 60)}")
        yield name, value


def _read_key(path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, RuntimeError) as error:
        raise AuthError(f"cannot read the key file {path}: {getattr(error, 'strerror', error)}") from error
    except UnicodeDecodeError as error:
        raise AuthError(f"the key file {path} is not text") from error


def _run(command: object) -> str:
    """The first line of what the command of the configuration file prints; it may ask its user on the terminal."""
    import shlex

    words = command if isinstance(command, list) else shlex.split(str(command))
    try:
        done = subprocess.run(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise AuthError(f"api_key_command failed: {error}") from error
    if done.returncode != 0:
        raise AuthError(f"api_key_command ended with status {done.returncode}")
    return os.fsdecode(done.stdout.strip().split(b"\n")[0])


def _clean(value: str, source: str) -> Key:
    value = value.strip()
    if not value:
        raise AuthError(f"the API key is empty ({source})")
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        raise AuthError(
            f"the API key holds characters that no key has, such as a space or a line end ({source})"
        )
    return Key(value, source)
