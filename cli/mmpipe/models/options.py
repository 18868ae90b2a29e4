"""The options of `models`."""

from typing import Annotated, Literal

from mmpipe.config.options import ServiceOptions
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.grammar import OptionGroup, argument, option
from mmpipe.writers.options import Verbosity

ListFormat = Literal["tsv", "jsonl"]


@dataclass(frozen=True, slots=True)
class ListOptions(OptionGroup):
    """The models that are listed, and the format of the list; a request is sent only with `live`."""

    title = "Output"

    model: Annotated[str | None, argument("MODEL", help="Show this model alone.")] = None
    format: Annotated[
        ListFormat | None,
        option("-F", "--format", help="Format of the list [a table on a terminal, tsv elsewhere]."),
    ] = None
    json: Annotated[bool, option("--json", help="The same as -F jsonl.")] = False
    header: Annotated[bool, option("--header", help="Begin the TSV with a line of column names.")] = False
    live: Annotated[
        bool,
        option("--live", help="Ask the host, and mark models as served, new or gone."),
    ] = False
    check: Annotated[
        bool,
        option("--check", help="Check key, host, proxy, connection and model instead; costs nothing."),
    ] = False

    def __post_init__(self) -> None:
        """Raise UsageError for options that contradict each other."""
        if self.check and (self.model is not None or self.live or self.header):
            raise UsageError("--check goes without MODEL, --live and --header")
        if self.json and self.format == "tsv":
            raise UsageError("--json and -F tsv contradict each other")
        if self.header and self.chosen_format == "jsonl":
            raise UsageError("--header is for tsv: JSON has the names in each line")

    @property
    def chosen_format(self) -> ListFormat | None:
        """The format, by either option; None where the output decides."""
        return "jsonl" if self.json else self.format


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsOptions:
    """All options of `models`."""

    listing: ListOptions = ListOptions()
    verbosity: Verbosity = Verbosity()
    service: ServiceOptions = ServiceOptions()
