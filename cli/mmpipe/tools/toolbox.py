"""Parses the commands of `--run` and keeps them beside the definitions of the tools."""

import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line
from mmpipe.tools.definitions import Tool

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Tools by name: `tools` are defined for the model, `commands` are permitted to run."""

    tools: Mapping[str, Tool]
    commands: Mapping[str, Command]


def parse_commands(runs: Sequence[str], tools: Mapping[str, Tool], path: str | None) -> dict[str, Command]:
    """Parse `--run NAME=COMMAND`; returns the commands by name, each program found on `path`. Raises UsageError."""
    commands: dict[str, Command] = {}
    for run in runs:
        name, equals, line = run.partition("=")
        if not (name and equals):
            raise UsageError(f"--run {one_line(run, 60)}: it must look like NAME=COMMAND")
        if name not in tools:
            raise UsageError(f"--run {one_line(name, 60)}: --tools defines no tool of that name")
        if name in commands:
            raise UsageError(f"--run {name} is given twice")
        commands[name] = _parse_command(name, line, path)
    return commands


def _parse_command(name: str, line: str, path: str | None) -> Command:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"--run {name}: {one_line(line, 60)}: {error}") from error
    if not words:
        raise UsageError(f"--run {name}: there is no command")
    program = shutil.which(words[0], path=path)
    if program is None:
        raise UsageError(f"--run {name}: there is no executable program {one_line(words[0], 60)!r}")
    # The tool may run in another folder.
    return (str(Path(program).absolute()), *words[1:])
