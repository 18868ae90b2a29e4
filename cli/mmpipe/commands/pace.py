"""The sections of how fast and how far a batch goes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mmpipe.errors import UsageError
from mmpipe.grammar import OptionGroup, option

if TYPE_CHECKING:
    from mmpipe.batch.pace.budgets import RunLimits


@dataclass(frozen=True, slots=True)
class Pace(OptionGroup):
    """How fast."""

    title = "Pace"

    concurrency: Annotated[
        int, option("-j", "--concurrency", metavar="N", help="Most requests at once [{default}].")
    ] = 32
    rpm: Annotated[
        float | None, option("--rpm", metavar="N", help="Most requests a minute, of all runs here together.")
    ] = None
    tpm: Annotated[
        float | None, option("--tpm", metavar="N", help="Most tokens a minute, in and out, likewise.")
    ] = None
    max_wait: Annotated[
        float,
        option(
            "--max-wait", metavar="SECONDS", help="Longest pause that the service may ask for [{default}]."
        ),
    ] = 600.0


@dataclass(frozen=True, slots=True)
class Bounds(OptionGroup):
    """When a run ends by itself."""

    title = "Bounds"

    max_errors: Annotated[
        str | None,
        option("--max-errors", metavar="N|P%", help="End when more records failed than that."),
    ] = None
    max_cost: Annotated[
        float | None, option("--max-cost", metavar="DOLLARS", help="End before the answers cost more.")
    ] = None
    deadline: Annotated[
        float | None,
        option("--deadline", metavar="SECONDS", help="End after so long; --max-time is of one record."),
    ] = None
    grace: Annotated[
        float,
        option(
            "--grace", metavar="SECONDS", help="How long a run that ends waits for its answers [{default}]."
        ),
    ] = 5.0
    dry_run: Annotated[
        bool, option("--dry-run", help="Ask nothing: check every record, and tell about what it would take.")
    ] = False


def check_numbers(limit: int | None, pace: Pace, bounds: Bounds) -> None:
    """Raise UsageError for numbers that make no sense; not-a-number fails every comparison."""
    least = {
        "--limit": (limit, 0),
        "-j": (pace.concurrency, 1),
        "--rpm": (pace.rpm, 1),
        "--tpm": (pace.tpm, 1),
        "--max-wait": (pace.max_wait, 0),
        "--max-cost": (bounds.max_cost, 0),
        "--deadline": (bounds.deadline, 0),
        "--grace": (bounds.grace, 0),
    }
    for name, (value, lowest) in least.items():
        if value is not None and not lowest <= value < float("inf"):
            raise UsageError(f"{name} is {value}: it must be at least {lowest}")


def batch_bounds(pace: Pace, bounds: Bounds) -> "RunLimits":
    from mmpipe.batch.pace.budgets import ErrorLimit, RunLimits

    errors = None if bounds.max_errors is None else ErrorLimit.parse(bounds.max_errors)
    return RunLimits(errors, bounds.max_cost, bounds.deadline, pace.max_wait, bounds.grace)
