"""Runs the tools that the model calls, round after round, within limits; whatever is not allowed ends it."""

import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event as ThreadEvent

from mmpipe.core.calls import not_json
from mmpipe.core.events import ToolCall, ToolResult
from mmpipe.errors import BadResponse, ToolError, UsageError
from mmpipe.retrying import RetryLoop
from mmpipe.text.visible import one_line
from mmpipe.tools.definitions import BadArguments, NotJson, Tool, arguments_of
from mmpipe.tools.options import Bounds
from mmpipe.tools.process import Containment, Execution, run_contained, side_by_side
from mmpipe.tools.results import failure_of, result_text
from mmpipe.writers.console import Console

_SAME_CALLS = 3  # whoever asks for the same so often does not hear the answer
_NOT_STARTED = (126, 127)  # as shells have it

Command = tuple[str, ...]
# Asks the user whether a tool may run with these arguments, and waits for the answer so many seconds.
Confirm = Callable[[str, Command, str, float], bool]


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What the model is told that it can call, and the commands that may really run."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether calls are run here."""
        return bool(self.commands)


def parse_commands(runs: Sequence[str], tools: Mapping[str, Tool], path: str | None) -> dict[str, Command]:
    """The commands of `--run NAME=COMMAND`, found on `path`; raises UsageError."""
    commands: dict[str, Command] = {}
    for run in runs:
        name, equals, line = run.partition("=")
        if not (name and equals):
            raise UsageError(f"--run {one_line(run, 60)}: it must look like NAME=COMMAND")
        if name not in tools:
            raise UsageError(f"--run {one_line(name, 60)}: --tools defines no tool of that name")
        if name in commands:
            raise UsageError(f"--run {name} is given twice")
        commands[name] = _command(name, line, path)
    return commands


class Rounds:
    """One run of the loop, within the time of all the asking; `tell` gets a record of each execution."""

    def __init__(
        self,
        toolbox: Toolbox,
        bounds: Bounds,
        containment: Containment,
        confirm: Confirm | None,
        tell: Callable[[Mapping[str, object]], None],
        persistence: RetryLoop,
        console: Console,
    ) -> None:
        self._toolbox, self._bounds, self._containment = toolbox, bounds, containment
        self._confirm, self._tell = confirm, tell
        self._persistence, self._console = persistence, console
        self._rounds = self._calls = 0
        self._seen: Counter[tuple[str, bytes | str]] = Counter()
        self._bad_round: int | None = None

    def results(
        self, calls: Sequence[ToolCall], keep: Callable[[Sequence[ToolResult]], None]
    ) -> Sequence[ToolResult]:
        """A result for each call, in their order; once a tool has run, `keep` has them whatever happens.

        Raises ToolError, before any of them is run, for calls that are not allowed or too many; BadResponse for calls
        that nobody could answer, or whose arguments are not JSON for the second time; TimedOut.
        """
        self._check(calls)
        plans = [self._planned(call) for call in calls]
        for plan in plans:
            self._ask(plan)
        tasks = [partial(self._run, plan) for plan in plans if plan.given is not None]
        try:
            side_by_side(tasks, self._bounds.jobs, self._look)
        except BaseException:
            # What the others did is done.
            if any(plan.execution is not None for plan in plans):
                keep([plan.result for plan in plans])
            raise
        results = [plan.result for plan in plans]
        keep(results)
        for plan in plans:
            self._tell_of(plan)
        return results

    def _check(self, calls: Sequence[ToolCall]) -> None:
        self._rounds += 1
        self._calls += len(calls)
        if self._rounds > self._bounds.rounds:
            raise ToolError(
                f"the model calls tools for more than {self._bounds.rounds} rounds (--max-rounds)"
            )
        if self._calls > self._bounds.calls:
            raise ToolError(f"the model calls tools more than {self._bounds.calls} times (--max-calls)")
        if len({call.id for call in calls if call.id}) < len(calls):
            raise BadResponse("the model calls tools without an id of its own for each call")
        for call in calls:
            if call.name in self._toolbox.tools and call.name not in self._toolbox.commands:
                raise ToolError(f"the model calls {call.name!r}, which no --run names")

    def _planned(self, call: ToolCall) -> "_Plan":
        """What is to be run; or why the model is not obeyed."""
        tool = self._toolbox.tools.get(call.name)
        if tool is None:
            known = ", ".join(self._toolbox.commands)
            return _Plan(call, text=f"[there is no tool {call.name!r}; there are: {known}]")
        try:
            given = arguments_of(call.arguments, tool)
        except NotJson as error:
            # It is told once what was wrong.
            if self._bad_round not in (None, self._rounds):
                raise not_json(call) from error
            self._bad_round = self._rounds
            return _Plan(call, text=f"[not run: the arguments are not JSON: {error}]")
        except BadArguments as error:
            self._count(call, call.arguments)
            complaint = f"[not run: the arguments do not fit the parameters of the tool]\n{error}"
            return _Plan(call, text=complaint)
        self._count(call, given)
        return _Plan(call, given)

    def _count(self, call: ToolCall, given: bytes | str) -> None:
        self._seen[call.name, given] += 1
        if self._seen[call.name, given] >= _SAME_CALLS:
            shown = one_line(call.arguments, 80)
            raise ToolError(
                f"the model calls {call.name!r} with the same arguments for the third time: {shown}"
            )

    def _ask(self, plan: "_Plan") -> None:
        """The user, whether it may run."""
        if self._confirm is None or plan.given is None:
            return
        self._console.pause()
        command, arguments = self._toolbox.commands[plan.call.name], plan.given.decode().strip()
        if not self._confirm(plan.call.name, command, arguments, self._persistence.seconds_left()):
            plan.given, plan.text = None, "[the user did not allow this call]"

    def _run(self, plan: "_Plan", given_up: ThreadEvent) -> None:
        assert plan.given is not None  # noqa: S101  only such are run
        command = self._toolbox.commands[plan.call.name]
        plan.execution = run_contained(command, plan.given, self._containment, given_up)
        plan.text = result_text(plan.execution)

    def _look(self) -> None:
        self._persistence.seconds_left()
        self._persistence.look()

    def _tell_of(self, plan: "_Plan") -> None:
        """To the user and to `--meta`."""
        call, execution = plan.call, plan.execution
        if execution is None:
            self._console.note(f"tool {call.name}: {one_line(plan.text, 200)}")
            return
        sentence = f"tool {call.name}: {failure_of(execution) or 'done'}"
        sentence += f", {execution.printed} bytes in {execution.elapsed_ms} ms"
        if execution.is_cut:
            sentence += f"; the model is given the first {len(execution.output)} bytes"
        if errors := one_line(execution.errors.decode(errors="replace"), 200):
            sentence += f": {errors}"
        if execution.killed or execution.is_cut or execution.status in _NOT_STARTED:
            self._console.warn(sentence)
        else:
            self._console.note(sentence)
        self._tell(_account_of(call, execution))


@dataclass(slots=True)
class _Plan:
    """What becomes of one call; nothing is run for it if it is `given` nothing to read."""

    call: ToolCall
    given: bytes | None = None
    text: str = "[not run: all was ended before its turn]"
    execution: Execution | None = None

    @property
    def result(self) -> ToolResult:
        return ToolResult(self.call.id, self.call.name, self.text)


def _account_of(call: ToolCall, execution: Execution) -> Mapping[str, object]:
    """The line of `--meta`."""
    return {
        "tool": call.name,
        "call_id": call.id,
        "argv": execution.argv,
        "status": execution.status,
        "signal": execution.signal,
        "killed": execution.killed,
        "bytes": execution.printed,
        "cut": execution.is_cut,
        "elapsed_ms": execution.elapsed_ms,
    }


def _command(name: str, line: str, path: str | None) -> Command:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"--run {name}: {one_line(line, 60)}: {error}") from error
    if not words:
        raise UsageError(f"--run {name}: there is no command")
    program = shutil.which(words[0], path=path)
    if program is None:
        raise UsageError(f"--run {name}: there is no program {one_line(words[0], 60)!r} that can be run")
    # The tool may run in another folder.
    return (str(Path(program).absolute()), *words[1:])
