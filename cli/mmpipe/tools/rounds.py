"""Runs the tools that the model calls, round after round, within limits; a forbidden call ends the run."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event as ThreadEvent

from mmpipe.core.calls import malformed_call_error
from mmpipe.core.events import ToolCall, ToolResult
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse, ToolError
from mmpipe.text import strict_json
from mmpipe.text.counts import format_count
from mmpipe.text.json_encoding import encode_json
from mmpipe.text.visible import one_line
from mmpipe.tools.definitions import ArgumentsNotJson, InvalidArguments, validate_arguments
from mmpipe.tools.options import ToolOptions
from mmpipe.tools.process import Containment, Execution, run_contained, run_side_by_side
from mmpipe.tools.report import ToolReporter
from mmpipe.tools.results import format_result
from mmpipe.tools.toolbox import Command, Toolbox
from mmpipe.writers.watch import OutputWatch

_SAME_CALLS = 3  # a model that repeats a call so often ignores the result

# Asks the user to permit a tool with these arguments; waits for the answer at most so many seconds.
Confirm = Callable[[str, Command, str, float], bool]


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """Rules for running tools: commands, limits of the loop, containment.

    `confirm` is None where no confirmation of the user is needed.
    """

    toolbox: Toolbox
    options: ToolOptions
    containment: Containment
    confirm: Confirm | None = None


class ToolRounds:
    """Runs the calls of one run, round after round, until the deadline of `limits`."""

    def __init__(
        self, policy: ToolPolicy, limits: Limits, watch: OutputWatch, reporter: ToolReporter
    ) -> None:
        self._toolbox, self._options, self._policy = policy.toolbox, policy.options, policy
        self._limits, self._watch, self._reporter = limits, watch, reporter
        self._rounds = self._calls = 0
        self._seen: Counter[tuple[str, bytes | str]] = Counter()
        self._malformed_round: int | None = None

    def run(
        self, calls: Sequence[ToolCall], keep: Callable[[Sequence[ToolResult]], None]
    ) -> Sequence[ToolResult]:
        """Run one round; returns a result for each call, in order.

        Once a tool has run, `keep` gets the results, even after an error. Before any tool runs, raises ToolError for forbidden
        or too many calls. Raises BadResponse for calls without an id, and in the second round with malformed arguments.
        Raises TimedOut.
        """
        self._check(calls)
        plans = [self._plan(call) for call in calls]
        for plan in plans:
            self._confirm(plan)
        tasks = [partial(self._execute, plan) for plan in plans if plan.arguments is not None]
        try:
            run_side_by_side(tasks, self._options.concurrency, self._check_time)
        except BaseException:
            # A tool that has run cannot be undone: its result is kept.
            if any(plan.execution is not None for plan in plans):
                keep([plan.result for plan in plans])
            raise
        results = [plan.result for plan in plans]
        keep(results)
        for plan in plans:
            if plan.execution is None:
                self._reporter.report_refusal(plan.call, plan.text)
            else:
                self._reporter.report_execution(plan.call, plan.execution)
        return results

    def _check(self, calls: Sequence[ToolCall]) -> None:
        self._rounds += 1
        self._calls += len(calls)
        if self._rounds > self._options.max_rounds:
            raise ToolError(
                f"the model calls tools for more than {format_count(self._options.max_rounds, 'round')} (--max-rounds)"
            )
        if self._calls > self._options.max_calls:
            raise ToolError(
                f"the model calls tools more than {format_count(self._options.max_calls, 'time')} (--max-calls)"
            )
        if len({call.id for call in calls if call.id}) < len(calls):
            raise BadResponse("the model calls tools without a unique id for each call")
        for call in calls:
            if call.name in self._toolbox.tools and call.name not in self._toolbox.commands:
                raise ToolError(f"the model calls {call.name!r}, which no --run names")

    def _plan(self, call: ToolCall) -> "_PlannedCall":
        """Return the call with the arguments for its command, or with the reason why it is not run."""
        tool = self._toolbox.tools.get(call.name)
        if tool is None:
            self._count(call, _without_spaces(call.arguments))
            known = ", ".join(self._toolbox.commands)
            return _PlannedCall(call, text=f"[there is no tool {call.name!r}; there are: {known}]")
        try:
            arguments = validate_arguments(call.arguments, tool)
        except ArgumentsNotJson as error:
            # The model gets one chance to correct this.
            if self._malformed_round not in (None, self._rounds):
                raise malformed_call_error(call) from error
            self._malformed_round = self._rounds
            return _PlannedCall(call, text=f"[not run: the arguments are not JSON: {error}]")
        except InvalidArguments as error:
            self._count(call, _without_spaces(call.arguments))
            text = f"[not run: the arguments do not fit the parameters of the tool]\n{error}"
            return _PlannedCall(call, text=text)
        self._count(call, arguments)
        return _PlannedCall(call, arguments)

    def _count(self, call: ToolCall, arguments: bytes | str) -> None:
        self._seen[call.name, arguments] += 1
        if self._seen[call.name, arguments] >= _SAME_CALLS:
            shown = one_line(call.arguments, 80)
            raise ToolError(
                f"the model calls {call.name!r} with the same arguments for the third time: {shown}"
            )

    def _confirm(self, plan: "_PlannedCall") -> None:
        """Ask the user to permit the call, if the policy requires it."""
        if self._policy.confirm is None or plan.arguments is None:
            return
        self._reporter.pause()
        name, shown = plan.call.name, plan.arguments.decode().strip()
        seconds = self._limits.check_deadline()
        if not self._policy.confirm(name, self._toolbox.commands[name], shown, seconds):
            plan.arguments, plan.text = None, "[the user did not allow this call]"

    def _execute(self, plan: "_PlannedCall", cancelled: ThreadEvent) -> None:
        assert plan.arguments is not None  # noqa: S101  only plans with arguments are executed
        command = self._toolbox.commands[plan.call.name]
        plan.execution = run_contained(command, plan.arguments, self._policy.containment, cancelled)
        plan.text = format_result(plan.execution)

    def _check_time(self) -> None:
        self._limits.check_deadline()
        self._watch.check()


def _without_spaces(arguments: str) -> bytes | str:
    """The arguments in compact form, so that spaces make no other call; unchanged if they are not JSON."""
    try:
        return encode_json(strict_json.loads(arguments))
    except ValueError:
        return arguments


@dataclass(slots=True)
class _PlannedCall:
    """One call and its result so far; without `arguments` no command is run for it."""

    call: ToolCall
    arguments: bytes | None = None
    text: str = "[not run: all was ended before its turn]"
    execution: Execution | None = None

    @property
    def result(self) -> ToolResult:
        return ToolResult(self.call.id, self.call.name, self.text)
