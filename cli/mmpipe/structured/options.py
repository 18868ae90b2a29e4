"""Options of structured output: `--schema`, `--repair` and `--extract`."""

from typing import Annotated, Final, Literal

from mmpipe.dataclass import dataclass
from mmpipe.grammar import OptionGroup, option
from mmpipe.unix.inputs import NamedInput

Extract = Literal["code", "json"]
DEFAULT_REPAIRS: Final = 1


@dataclass(frozen=True, slots=True)
class ConstraintOptions(OptionGroup):
    """The form that the text of an answer must have; `schema` is a path."""

    title = "Output"

    schema: Annotated[
        str | None,
        option(
            "--schema",
            metavar="FILE",
            help="The answer must be JSON that this JSON Schema accepts.",
        ),
    ] = None
    repair: Annotated[
        int | None,
        option(
            "--repair",
            metavar="N",
            at_least=0,
            help=f"How often the model may repair invalid JSON [{DEFAULT_REPAIRS}].",
        ),
    ] = None
    extract: Annotated[
        Extract | None,
        option("--extract", help="Only the first code block of the answer, or the JSON in it."),
    ] = None

    @property
    def input(self) -> NamedInput | None:
        """The file of the schema."""
        return NamedInput.of("--schema", self.schema)
