"""Runs the tools that the model calls, round after round, within limits; whatever is not allowed ends it."""

import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event as ThreadEvent

from mmpipe.calls import not_json
from mmpipe.errors import ToolError, UsageError
from mmpipe.events import ToolCall, ToolResult
from mmpipe.tools.definitions import BadArguments, NotJson, Tool, arguments_of
from mmpipe.tools.options import Bounds
from mmpipe.tools.process import Containment, Execution, run_contained, side_by_side
from mmpipe.tools.results import failure_of, result_text
from mmpipe.visible import one_line
from mmpipe.writers.console import Console

_SAME_CALLS = 3  # whoever asks for the same so often does not hear the answer
_NOT_STARTED = (126, 127)  # as shells have it

Command = tuple[str, ...]
# Asks the user whether a tool may run with these arguments.
Confirm = Callable[[str, Command, str], bool]


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
    """One run of the loop; `tell` gets a record of each execution, `look` is called while tools run."""

    def __init__(
        self,
        toolbox: Toolbox,
        bounds: Bounds,
        containment: Containment,
        confirm: Confirm | None,
        tell: Callable[[Mapping[str, object]], None],
        look: Callable[[], None],
        console: Console,
    ) -> None:
        self._toolbox, self._bounds, self._containment = toolbox, bounds, containment
        self._confirm, self._tell, self._look, self._console = confirm, tell, look, console
        self._rounds = self._calls = 0
        self._seen: Counter[tuple[str, bytes | str]] = Counter()
        self._bad_round: int | None = None

    def results(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """A result for each call, in their order.

        Raises ToolError, before any of them is run, for calls that are not allowed or too many; BadResponse for calls
        whose arguments are not JSON, for the second time.
        """
        self._check(calls)
        inputs = [self._input(call) for call in calls]
        allowed = [
            None if isinstance(given, str) else self._may_run(call, given)
            for call, given in zip(calls, inputs, strict=True)
        ]
        tasks = [
            partial(self._run, call, given)
            for call, given, may in zip(calls, inputs, allowed, strict=True)
            if may and isinstance(given, bytes)
        ]
        ran = iter(side_by_side(tasks, self._bounds.jobs, self._look))
        results = []
        for call, given, may in zip(calls, inputs, allowed, strict=True):
            if isinstance(given, str):
                text = given
                self._console.note(f"tool {call.name}: {one_line(text, 200)}")
            else:
                text = self._told(call, next(ran)) if may else "[the user did not allow this call]"
            results.append(ToolResult(call.id, call.name, text))
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
        for call in calls:
            if call.name in self._toolbox.tools and call.name not in self._toolbox.commands:
                raise ToolError(f"the model calls {call.name!r}, which no --run names")

    def _input(self, call: ToolCall) -> bytes | str:
        """What the tool gets to read; or, as text, why the model is not obeyed."""
        tool = self._toolbox.tools.get(call.name)
        if tool is None:
            return f"[there is no tool {call.name!r}; there are: {', '.join(self._toolbox.commands)}]"
        try:
            given = arguments_of(call.arguments, tool)
        except NotJson as error:
            # It is told once what was wrong.
            if self._bad_round not in (None, self._rounds):
                raise not_json(call) from error
            self._bad_round = self._rounds
            return f"[not run: the arguments are not JSON: {error}]"
        except BadArguments as error:
            self._count(call, call.arguments)
            return f"[not run: the arguments do not fit the parameters of the tool]\n{error}"
        self._count(call, given)
        return given

    def _count(self, call: ToolCall, given: bytes | str) -> None:
        self._seen[call.name, given] += 1
        if self._seen[call.name, given] >= _SAME_CALLS:
            shown = one_line(call.arguments, 80)
            raise ToolError(
                f"the model calls {call.name!r} with the same arguments for the third time: {shown}"
            )

    def _may_run(self, call: ToolCall, given: bytes) -> bool:
        if self._confirm is None:
            return True
        self._console.pause()
        return self._confirm(call.name, self._toolbox.commands[call.name], given.decode().strip())

    def _run(self, call: ToolCall, given: bytes, given_up: ThreadEvent) -> Execution:
        return run_contained(self._toolbox.commands[call.name], given, self._containment, given_up)

    def _told(self, call: ToolCall, execution: Execution) -> str:
        """The result for the model; the user and `--meta` hear of it too."""
        failure = failure_of(execution)
        self._tell(
            {
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
        )
        errors = one_line(execution.errors.decode(errors="replace"), 200)
        sentence = f"tool {call.name}: {failure}" if failure else f"tool {call.name}: done"
        sentence += f", {execution.printed} bytes in {execution.elapsed_ms} ms"
        sentence += f": {errors}" if errors else ""
        if execution.is_cut:
            sentence += f"; the model is given the first {len(execution.output)} bytes"
        if execution.killed or execution.is_cut or execution.status in _NOT_STARTED:
            self._console.warn(sentence)
        else:
            self._console.note(sentence)
        return result_text(execution)


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
