"""Tells the model what became of a tool: what it printed, what was cut off, and how it failed; pure."""

from mmpipe.tools.process import Execution


def result_text(execution: Execution) -> str:
    """The content of the tool message; what is not the tool's own words stands in brackets on a line of its own."""
    parts = [execution.output.decode(errors="replace")]
    if execution.is_cut:
        shown = len(execution.output)
        parts.append(f"[cut off here: {shown} of {execution.printed} bytes are shown]")
    failure = failure_of(execution)
    if failure is not None:
        parts.append(f"[{failure}]")
        errors = execution.errors.decode(errors="replace").strip()
        parts += [f"[the end of its standard error:]\n{errors}"] if errors else []
    text = "\n".join(part.removesuffix("\n") for part in parts if part)
    # Not every service takes an empty message.
    return text or "[no output]"


def failure_of(execution: Execution) -> str | None:
    """What went wrong, if anything did."""
    if execution.killed is not None:
        return f"the tool was killed: it {execution.killed}"
    if execution.signal is not None:
        return f"the tool died by signal {execution.signal}"
    return f"exit status {execution.status}" if execution.status else None
