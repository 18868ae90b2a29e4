"""Finds the files that lead to a key, so that a sandbox can hide them: of every profile, not only of the chosen one."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from mmpipe.config.config_file import read_tables, resolve_path

# Where a path may begin and end in a word such as `cat <~/key`.
_SEPARATORS: Final = re.compile(r"[\s'\"`<>|&;(){}=@]+")


def find_secret_files(config: Path | None, typed: object) -> tuple[str, ...]:
    """Return the configuration file, each key file that it or an option names, and the files in commands that print a key.

    The paths are absolute, and the files exist. Raises UsageError for a configuration file that cannot be read.
    """
    found: dict[str, None] = {}
    for path in _list_candidates(config, typed):
        # What cannot be looked at is out of reach for a tool too.
        with suppress(OSError, RuntimeError):
            expanded = path.expanduser().absolute()
            if expanded.is_file():
                found[str(expanded)] = None
    return tuple(found)


def _list_candidates(config: Path | None, typed: object) -> Iterator[Path]:
    if typed is not None:
        yield Path(str(typed))
    if config is None:
        return
    yield config
    for table in read_tables(config):
        if isinstance(file := table.get("api_key_file"), str):
            yield Path(resolve_path(config, file))
        yield from _list_command_files(table)


def _list_command_files(table: Mapping[str, object]) -> Iterator[Path]:
    """Yield what could be a file that the command reads; programs are no secret."""
    command = table.get("api_key_command")
    for word in map(str, command if isinstance(command, list) else _split_words(command)):
        expanded = os.path.expandvars(word)
        for name in {expanded, *_SEPARATORS.split(expanded)} - {""}:
            with suppress(OSError, RuntimeError):
                path = Path(name).expanduser()
                if not os.access(path, os.X_OK):
                    yield path


def _split_words(command: object) -> list[str]:
    if not isinstance(command, str):
        return []
    try:
        return shlex.split(command)
    except ValueError:
        return [command]
