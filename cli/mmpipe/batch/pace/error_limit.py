"""The limit on failed records: `--max-errors`."""

from mmpipe.dataclass import dataclass
from mmpipe.errors import Partial, UsageError
from mmpipe.text.counts import format_count
from mmpipe.text.visible import one_line

_FEWEST_DONE = 20  # records; a share of fewer means little


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """The number of failed records that a run accepts, or their share (0..1) of the records done."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> "ErrorLimit":
        """Of `10` or `5%`; raises UsageError."""
        number, percent, rest = text.partition("%")
        try:
            if rest == "" and percent and 0 <= float(number) <= 100:  # noqa: PLR2004  per cent
                return cls(share=float(number) / 100)
            if not percent and int(number) >= 0:
                return cls(count=int(number))
        except ValueError:
            pass
        raise UsageError(f"--max-errors is {one_line(text, 40)}: it must be a number, or a share such as 5%")

    def excess(self, failed: int, done: int) -> Partial | None:
        """The error that ends the run, if too many records failed."""
        if self.count is not None and failed > self.count:
            return Partial(f"{format_count(failed, 'record')} failed, and --max-errors allows {self.count}")
        if self.share is not None and done >= _FEWEST_DONE and failed > self.share * done:
            return Partial(
                f"{failed} of {format_count(done, 'record')} failed, and --max-errors allows {100 * self.share:g}%"
            )
        return None
