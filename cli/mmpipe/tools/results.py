"""Turns the execution of a tool into the text that the model gets; pure."""

from mmpipe.tools.process import Execution


def format_result(execution: Execution) -> str:
    """Return the content of the tool message; each note of mmpipe is a line of its own in brackets."""
    parts = [execution.output.decode(errors="replace")]
    if execution.is_truncated:
        shown = len(execution.output)
        parts.append(f"[cut off here: {shown} of {execution.printed} bytes are shown]")
    failure = describe_failure(execution)
    if failure is not None:
        parts.append(f"[{failure}]")
        errors = execution.errors.decode(errors="replace").strip()
        parts += [f"[the end of its standard error:]\n{errors}"] if errors else []
    text = "\n".join(part.removesuffix("\n") for part in parts if part)
    # Some services reject an empty message.
    return text or "[no output]"


def describe_failure(execution: Execution) -> str | None:
    """Describe how the execution failed; None if it succeeded."""
    if execution.killed is not None:
        return f"the tool was killed: it {execution.killed}"
    if execution.signal is not None:
        return f"the tool died by signal {execution.signal}"
    return f"exit status {execution.status}" if execution.status else None
