"""Gets the tools ready before anything is asked: definitions read, commands found, walls up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmpipe.errors import UsageError
from mmpipe.retrying import RetryLoop
from mmpipe.text import strict_json
from mmpipe.text.visible import one_line
from mmpipe.tools.confirmation import check_terminal, confirmed
from mmpipe.tools.definitions import Tool, parse_tools
from mmpipe.tools.environment import hide_environment, tool_environment
from mmpipe.tools.options import CHOICES, Bounds, ToolOptions
from mmpipe.tools.process import Containment
from mmpipe.tools.rounds import Confirm, Rounds, Toolbox, parse_commands
from mmpipe.tools.sandbox import Sandbox
from mmpipe.unix.inputs import read_text
from mmpipe.writers.console import Console


@dataclass(frozen=True, slots=True)
class Tooling:
    """All that is ready: `body` goes into every request."""

    toolbox: Toolbox = Toolbox()
    body: Mapping[str, object] = field(default_factory=dict)
    containment: Containment | None = None
    confirm: Confirm | None = None
    bounds: Bounds = Bounds()

    def rounds(
        self,
        tell: Callable[[Mapping[str, object]], None],
        persistence: RetryLoop,
        console: Console,
    ) -> Rounds | None:
        """What runs the calls, if any are run here."""
        if self.containment is None:
            return None
        return Rounds(self.toolbox, self.bounds, self.containment, self.confirm, tell, persistence, console)


def ready(options: ToolOptions, environment: Mapping[str, str], secrets: Sequence[str]) -> Tooling:
    """The tools; `secrets` are files that none of them may see.

    Raises UsageError for what was typed wrong, InputError for bad definitions, ToolError where a sandbox is asked for
    and cannot be had.
    """
    if options.file is None:
        _check_nothing_else(options)
        return Tooling()
    tools = {tool.name: tool for tool in parse_tools(read_text(options.file), options.file)}
    choice = {} if options.choice is None else {"tool_choice": _choice(options.choice, tools)}
    body = {"tools": [tool.definition for tool in tools.values()], **choice}
    commands = parse_commands(options.runs, tools, environment.get("PATH"))
    if not commands:
        _check_runs_nothing(options)
        return Tooling(Toolbox(tools), body)
    if options.confirm:
        check_terminal()
    hide_environment()
    return Tooling(
        Toolbox(tools, commands),
        body,
        _containment(options, environment, secrets),
        confirmed if options.confirm else None,
        options.bounds,
    )


def _check_nothing_else(options: ToolOptions) -> None:
    if options.runs:
        raise UsageError("--run needs --tools: the model must be told what it can call")
    if options.choice is not None:
        raise UsageError("--tool-choice needs --tools")
    _check_runs_nothing(options)


def _check_runs_nothing(options: ToolOptions) -> None:
    if options.confirm or options.sandbox or options.folder is not None or options.variables:
        raise UsageError("--confirm, --sandbox, --tool-dir and --tool-env are about tools that --run runs")


def _choice(choice: str, tools: Mapping[str, Tool]) -> object:
    if choice in CHOICES:
        return choice
    if choice in tools:
        return {"type": "function", "function": {"name": choice}}
    if choice.startswith("{"):
        try:
            return strict_json.loads(choice)
        except ValueError as error:
            raise UsageError(f"--tool-choice {one_line(choice, 60)} is not JSON: {error}") from error
    raise UsageError(
        f"--tool-choice {one_line(choice, 60)}: it must be {', '.join(CHOICES)} or the name of a tool"
    )


def _containment(options: ToolOptions, environment: Mapping[str, str], secrets: Sequence[str]) -> Containment:
    if not 0 < options.seconds < float("inf"):
        raise UsageError(f"--tool-timeout is {options.seconds}: it must be above 0, in seconds")
    folder = None if options.folder is None else str(Path(options.folder).absolute())
    if folder is not None and not Path(folder).is_dir():
        raise UsageError(f"--tool-dir {one_line(str(options.folder), 60)}: there is no such folder")
    variables = tool_environment(environment, options.variables)
    sandbox = Sandbox.find(variables, writable=folder, hidden=tuple(secrets)) if options.sandbox else None
    return Containment(variables, folder, options.seconds, sandbox)
