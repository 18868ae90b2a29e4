"""Prepares the tools before the first request: definitions, commands, containment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from mmpipe.core.endpoint import Key
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.text import strict_json
from mmpipe.text.visible import one_line
from mmpipe.tools.confirmation import ask_user, check_terminal
from mmpipe.tools.definitions import Tool, parse_tools
from mmpipe.tools.environment import check_key, hide_environment, select_environment
from mmpipe.tools.options import CHOICES, ToolOptions
from mmpipe.tools.process import Containment
from mmpipe.tools.report import ToolReporter
from mmpipe.tools.rounds import ToolPolicy, ToolRounds
from mmpipe.tools.sandbox import Sandbox
from mmpipe.tools.toolbox import Toolbox, parse_commands
from mmpipe.unix.inputs import Inputs
from mmpipe.writers.watch import OutputWatch


@dataclass(frozen=True, slots=True)
class ToolSetup:
    """Tools of one run: `body` goes into every request, `policy` is None where no call is run here."""

    body: Mapping[str, object] = field(default_factory=dict)
    policy: ToolPolicy | None = None

    @property
    def runs_tools(self) -> bool:
        """True if mmpipe runs the calls."""
        return self.policy is not None

    def check_key(self, key: Key | None) -> None:
        """Raise UsageError if a tool would get the key in a variable."""
        if self.policy is not None and key is not None:
            check_key(self.policy.containment.environment, key.value)

    def start_rounds(
        self, limits: Limits, watch: OutputWatch, write_meta: Callable[[Mapping[str, object]], None]
    ) -> ToolRounds | None:
        """Return the loop that runs the calls, or None where no call is run here."""
        if self.policy is None:
            return None
        reporter = ToolReporter(watch.console, write_meta)
        sandbox = self.policy.containment.sandbox
        if sandbox is not None and sandbox.weakness is not None:
            reporter.warn(sandbox.weakness)
        return ToolRounds(self.policy, limits, watch, reporter)


def set_up_tools(
    options: ToolOptions, inputs: Inputs, environment: Mapping[str, str], secrets: Sequence[str]
) -> ToolSetup:
    """Read the definitions, find the commands, and try the sandbox; no tool sees the files in `secrets`.

    Raises UsageError for bad options, InputError for bad definitions, ToolError if a sandbox is asked for and does not work.
    """
    if options.input is None:
        _check_no_tool_options(options)
        return ToolSetup()
    found = parse_tools(inputs.read_text(options.input), inputs.name(options.input.path))
    tools = {tool.name: tool for tool in found}
    choice = {} if options.tool_choice is None else {"tool_choice": _parse_choice(options.tool_choice, tools)}
    body = {"tools": [tool.definition for tool in tools.values()], **choice}
    commands = parse_commands(options.run, tools, environment.get("PATH"))
    if not commands:
        _check_no_run_options(options)
        return ToolSetup(body)
    if options.confirm:
        check_terminal()
    hide_environment()
    containment = _build_containment(options, environment, secrets)
    confirm = ask_user if options.confirm else None
    return ToolSetup(body, ToolPolicy(Toolbox(tools, commands), options, containment, confirm))


def _check_no_tool_options(options: ToolOptions) -> None:
    if options.run:
        raise UsageError("--run needs --tools: the model needs the definitions of its tools")
    if options.tool_choice is not None:
        raise UsageError("--tool-choice needs --tools")
    _check_no_run_options(options)


def _check_no_run_options(options: ToolOptions) -> None:
    if options.confirm or options.sandbox or options.tool_dir is not None or options.tool_env:
        raise UsageError("--confirm, --sandbox, --tool-dir and --tool-env need --run")


def _parse_choice(choice: str, tools: Mapping[str, Tool]) -> object:
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


def _build_containment(
    options: ToolOptions, environment: Mapping[str, str], secrets: Sequence[str]
) -> Containment:
    folder = None if options.tool_dir is None else str(Path(options.tool_dir).absolute())
    if folder is not None and not Path(folder).is_dir():
        raise UsageError(f"--tool-dir {one_line(str(options.tool_dir), 60)}: there is no such folder")
    variables = select_environment(environment, options.tool_env)
    if not options.sandbox:
        return Containment(variables, folder, options.tool_timeout)
    services = {name: environment[name] for name in ("XDG_RUNTIME_DIR",) if name in environment}
    sandbox = Sandbox.find({**variables, **services}, writable=folder, hidden=tuple(secrets))
    return Containment(variables, folder, options.tool_timeout, sandbox)
