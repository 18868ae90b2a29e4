"""The constraint on the text of an answer: valid JSON by a schema, or the JSON or code in it."""

from collections.abc import Callable
from typing import Final

from mmpipe.core.reply import Reply
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.structured.extraction import (
    MOST_CANDIDATES,
    Extractor,
    InvalidText,
    extract_code,
    extract_json,
    extract_valid_json,
)
from mmpipe.structured.options import DEFAULT_REPAIRS, ConstraintOptions, Extract
from mmpipe.structured.repair import InvalidAnswer, schema_instruction
from mmpipe.structured.schema import Schema
from mmpipe.unix.inputs import Inputs, NamedInput

SHOWS_THINKING = "--schema and --extract write no thinking: leave --thinking show away"
_CALL_UNASKED: Final = "It is a tool call, and there are no tools."


@dataclass(frozen=True, slots=True)
class OutputConstraint:
    """The extractor of the text, the instruction for the model, and the most repairs of an invalid answer.

    Without an extractor the text stays as it is. `fields` are those of an answer that is an object, as far as the schema
    names them.
    """

    extract: Extractor | None = None
    instruction: str | None = None
    repairs: int = 0
    fields: tuple[str, ...] = ()

    def apply(self, reply: Reply, *, offers_tools: bool) -> None:
        """Replace the text of the reply by what was asked for; raises InvalidAnswer.

        With `offers_tools` in the request, a reply with tool calls is no answer yet: its text is dropped, and the calls are
        left to their caller. Without an offer, only the text counts.
        """
        if self.extract is None:
            return
        text, reply.texts = "".join(reply.texts), []
        if reply.tool_calls and offers_tools:
            return
        try:
            reply.texts = [self.extract(text)]
        except InvalidText as error:
            complaint = _CALL_UNASKED if reply.tool_calls and not text.strip() else str(error)
            raise InvalidAnswer(complaint, request_id=reply.request_id) from error


AS_IT_IS: Final = OutputConstraint()


def read_constraint(
    options: ConstraintOptions, inputs: Inputs, warn: Callable[[str], None]
) -> OutputConstraint:
    """Return the constraint; raises UsageError for options that contradict each other, InputError for a bad schema."""
    if options.input is None:
        if options.repair is not None:
            raise UsageError("--repair goes with --schema")
        return OutputConstraint(None if options.extract is None else _extraction(options.extract, warn))
    if options.extract is not None:
        raise UsageError(
            "--schema and --extract: use only one of them",
            hint="--schema takes the JSON out of the answer by itself",
        )
    path = options.input.path

    def read(file: str) -> str:
        return inputs.read_text(NamedInput("a part of --schema", file))

    has_folder = inputs.resolve(path) != "-"
    text = inputs.read_text(options.input)
    schema = Schema.parse_file(text, inputs.name(path), read if has_folder else None)
    repairs = DEFAULT_REPAIRS if options.repair is None else options.repair
    return OutputConstraint(
        lambda text: extract_valid_json(text, schema), schema_instruction(schema), repairs, schema.fields
    )


def _extraction(extract: Extract, warn: Callable[[str], None]) -> Extractor:
    if extract == "json":
        return extract_json

    def code(text: str) -> str:
        block, number = extract_code(text)
        if number > 1:
            shown = number if number <= MOST_CANDIDATES else f"more than {MOST_CANDIDATES}"
            warn(f"there are {shown} code blocks in the answer: the first is taken")
        return block

    return code
