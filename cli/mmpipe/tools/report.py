"""Reports executions of tools to the user and to `--meta`."""

from collections.abc import Callable, Mapping

from mmpipe.core.events import ToolCall
from mmpipe.text.counts import format_count
from mmpipe.text.visible import one_line
from mmpipe.tools.process import Execution
from mmpipe.tools.results import describe_failure
from mmpipe.writers.console import Console

_NOT_STARTED = (126, 127)  # the statuses of a shell for a command that it cannot run or find


class ToolReporter:
    """Reports each call: one line on standard error, and one record to `write_meta` for each execution."""

    def __init__(self, console: Console, write_meta: Callable[[Mapping[str, object]], None]) -> None:
        self._console, self._write_meta = console, write_meta

    def pause(self) -> None:
        """Stop drawing on the terminal, which is about to show a question."""
        self._console.pause()

    def warn(self, sentence: str) -> None:
        """Print a warning."""
        self._console.warn(sentence)

    def report_refusal(self, call: ToolCall, text: str) -> None:
        """Report a call that was not run; `text` is what the model gets as its result."""
        self._console.note(f"tool {call.name}: {one_line(text, 200)}")

    def report_execution(self, call: ToolCall, execution: Execution) -> None:
        """Report a call that was run; a tool that was killed, cut off or not started is a warning."""
        sentence = f"tool {call.name}: {describe_failure(execution) or 'done'}"
        sentence += f", {format_count(execution.printed, 'byte')} in {execution.elapsed_ms} ms"
        if execution.is_truncated:
            sentence += f"; the model is given the first {format_count(len(execution.output), 'byte')}"
        if errors := one_line(execution.errors.decode(errors="replace"), 200):
            sentence += f": {errors}"
        if execution.killed or execution.is_truncated or execution.status in _NOT_STARTED:
            self._console.warn(sentence)
        else:
            self._console.note(sentence)
        self._write_meta(_format_meta(call, execution))


def _format_meta(call: ToolCall, execution: Execution) -> Mapping[str, object]:
    """Return the record of one execution for `--meta`."""
    return {
        "tool": call.name,
        "call_id": call.id,
        "argv": execution.argv,
        "status": execution.status,
        "signal": execution.signal,
        "killed": execution.killed,
        "bytes": execution.printed,
        "cut": execution.is_truncated,
        "elapsed_ms": execution.elapsed_ms,
    }
