"""Reads the configuration file, and checks its names and types."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mmpipe.config.options import FILE_KEYS
from mmpipe.config.sources import Sourced
from mmpipe.errors import UsageError
from mmpipe.text.suggestions import join_hints, suggest
from mmpipe.text.visible import one_line

_MAX_SIZE: Final = 2**20  # bytes
_PATHS: Final = ("api_key_file", "ca_file")
_MOST: Final = 2**63


def locate_config(environment: Mapping[str, str]) -> Path | None:
    """Return the path of the configuration file, or None without a home folder."""
    folder = environment.get("XDG_CONFIG_HOME", "")
    # The XDG specification: relative paths are ignored.
    if folder.startswith("/"):
        return Path(folder, "mmpipe", "config.toml")
    home = environment.get("HOME", "")
    return Path(home, ".config", "mmpipe", "config.toml") if home.startswith("/") else None


def read_config(path: Path, profile: str | None) -> Iterator[tuple[str, Sourced]]:
    """Yield each setting in the file, those of the profile last; paths are absolute. Raises UsageError."""
    content = _parse_file(path)
    profiles = content.pop("profile", {})
    for name, value in _check_settings(content, str(path)):
        yield name, Sourced(_resolve(path, name, value), str(path))
    if profile is None:
        return
    if not isinstance(profiles, dict) or not isinstance(chosen := profiles.get(profile), dict):
        raise _refuse_profile(path, profile, list(profiles) if isinstance(profiles, dict) else [])
    source = f"{path} [profile.{profile}]"
    for name, value in _check_settings(chosen, source):
        yield name, Sourced(_resolve(path, name, value), source, is_of_profile=True)


def _refuse_profile(path: Path, profile: str, known: Sequence[str]) -> UsageError:
    if not path.exists():
        return UsageError(f"there is no [profile.{profile}]: there is no configuration file {path}")
    listed = f"the profiles are {one_line(', '.join(known), 200)}" if known else "the file has no profiles"
    return UsageError(
        f"there is no [profile.{profile}] in {path}", hint=join_hints(suggest(profile, known), listed)
    )


def resolve_path(config: Path, named: str) -> str:
    """Return the absolute path of a file that the configuration names: `~` is the home folder, `.` that of the configuration."""
    with suppress(RuntimeError):  # a home that nobody knows
        return str(config.parent / Path(named).expanduser())
    return str(config.parent / named)


def _resolve(config: Path, name: str, value: object) -> object:
    return resolve_path(config, value) if name in _PATHS and isinstance(value, str) else value


def read_tables(path: Path) -> Iterator[Mapping[str, object]]:
    """Yield the table of the file and that of each profile, unchecked. Raises UsageError."""
    content = _parse_file(path)
    yield content
    profiles = content.get("profile")
    for table in profiles.values() if isinstance(profiles, dict) else ():
        if isinstance(table, dict):
            yield table


def _parse_file(path: Path) -> dict[str, object]:
    try:
        if path.is_fifo():
            raise UsageError(f"{path} is a pipe, which may never end: the configuration must be a file")
        with path.open("rb") as file:
            content = file.read(_MAX_SIZE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > _MAX_SIZE:
        raise UsageError(f"{path} is longer than {_MAX_SIZE} bytes")
    if not content.strip():
        return {}
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        # Python itself refuses an integer of thousands of digits.
        raise UsageError(f"{path} is not TOML: {one_line(str(error), 200)}") from error


def _check_settings(content: Mapping[str, object], source: str) -> Iterator[tuple[str, object]]:
    for name, value in content.items():
        if name == "api_key":
            raise UsageError(
                f"{source}: api_key: a configuration file must not contain keys",
                hint='api_key_file = "PATH" names a file with the key, api_key_command a program that prints it, '
                "and the environment may have MINIMAX_API_KEY",
            )
        kind = FILE_KEYS.get(name)
        if kind is None:
            raise UsageError(
                f"{source}: {name} is not a setting; the settings are {', '.join(FILE_KEYS)}",
                hint=suggest(name, FILE_KEYS),
            )
        is_of_kind = isinstance(value, kind) and isinstance(value, bool) is (kind is bool)
        if not is_of_kind or not _can_be_sent(value):
            raise UsageError(f"{source}: {name} has a value of the wrong type: {_show(value)}")
        yield name, value


def _show(value: object) -> str:
    try:
        return one_line(repr(value), 60)
    except (ValueError, RecursionError):
        return "a number of thousands of digits, or too many levels"


def _can_be_sent(value: object) -> bool:
    """True for a value of JSON: no date, no NaN, and no integer beyond 64 bits, the range of TOML."""
    match value:
        case bool() | str():
            return True
        case int():
            return -_MOST <= value < _MOST
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_can_be_sent, value))
        case dict():
            return all(map(_can_be_sent, value.values()))
        case _:
            return False
