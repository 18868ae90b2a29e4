"""What was typed about tools, as values; apart from what does the work, which most runs do not need."""

from dataclasses import dataclass

CHOICES = ("auto", "none", "required")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far the model may go: rounds of calls, calls in all, and how many run at once."""

    rounds: int = 8
    calls: int = 32
    jobs: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOptions:
    """What was typed of it; `file` and `folder` are paths, `runs` are texts such as `get_time=date -u`."""

    file: str | None = None
    choice: str | None = None
    runs: tuple[str, ...] = ()
    confirm: bool = False
    sandbox: bool = False
    folder: str | None = None
    variables: tuple[str, ...] = ()
    seconds: float = 30.0
    bounds: Bounds = Bounds()
