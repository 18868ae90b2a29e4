"""Reads the definitions of tools that a record has; pure."""

from collections.abc import Sequence

from mmpipe.errors import InputError
from mmpipe.text import strict_json
from mmpipe.text.visible import one_line
from mmpipe.tools.definition_forms import check_repeated_names, convert_tools


def read_tools(value: object) -> Sequence[object] | None:
    """Return the definitions in OpenAI's form; raises InputError for those that are not understood.

    Some data sets hold JSON text. If it is empty, or an empty array, there are no tools: None.
    """
    if isinstance(value, str):
        value = _parse(value)
        if not value:
            return None
    if value == []:
        return []
    tools = list(convert_tools(value, "its tools"))
    check_repeated_names(tools, "it")
    return [tool.envelope for tool in tools]


def _parse(text: str) -> object:
    try:
        return strict_json.loads(text) if text.strip() else []
    except ValueError as error:
        raise InputError(f"its tools are not JSON: {one_line(str(error), 100)}") from error
