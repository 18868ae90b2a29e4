"""Options of output: how much is reported on stderr, and how; and the formats of an answer."""

from typing import Annotated, Literal

from mmpipe.dataclass import dataclass
from mmpipe.grammar import OptionGroup, option

LineFormat = Literal["json", "jsonl", "messages", "raw"]
OutputFormat = Literal["text", LineFormat]
ProgressMode = Literal["auto", "bar", "plain", "none"]


@dataclass(frozen=True, slots=True)
class Verbosity(OptionGroup):
    """Amount of messages on stderr: the options `--verbose` and `--quiet`."""

    title = "Common"

    verbose: Annotated[
        bool, option("-v", "--verbose", help="Report what is chosen and why, ids and timings.")
    ] = False
    quiet: Annotated[bool, option("-q", "--quiet", help="No warnings and no spinner.")] = False
