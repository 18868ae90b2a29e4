"""Option groups that every command has, and that are handled before its work."""

from typing import Annotated

from mmpipe.dataclass import dataclass
from mmpipe.grammar import OptionGroup, option


@dataclass(frozen=True, slots=True)
class ErrorOptions(OptionGroup):
    """The form of errors; `main` finds it by itself, since parsing may fail."""

    title = "Common"

    error_json: Annotated[bool, option("--error-json", help="Errors as one JSON object on stderr.")] = False


@dataclass(frozen=True, slots=True)
class AboutOptions(OptionGroup):
    """Facts about the program, shown instead of its work."""

    title = "Common"

    help: Annotated[
        bool,
        option("-h", "--help", help="Show this and exit."),
    ] = False
    version: Annotated[
        bool,
        option("--version", help="Show the version and exit."),
    ] = False


GENERAL = (ErrorOptions, AboutOptions)
