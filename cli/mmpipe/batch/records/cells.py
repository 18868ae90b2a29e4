"""Reads the cells of a row that are fields of a request: a table has nothing but strings; pure."""

from collections.abc import Mapping

from mmpipe.batch.records.json_value import parse_json
from mmpipe.errors import InputError

# Images are one path or a list as JSON, which `images` tells apart.
_STRINGS = frozenset({"prompt", "model", "system", "images"})
_MUST_BE_JSON = frozenset({"messages", "body", "parameters"})


def interpret_cells(row: Mapping[str, str], names: frozenset[str]) -> dict[str, object]:
    """The row with the values of its request fields, which are `names`; an empty one is not given.

    A cell of these columns is JSON, or else a string, as with `-p`; messages and body must be JSON. Raises InputError.
    """
    fields: dict[str, object] = dict(row)
    for name in names.intersection(row):
        cell = row[name]
        if not cell and name != "prompt":
            del fields[name]
        elif name not in _STRINGS:
            fields[name] = _read_value(name, cell)
    return fields


def _read_value(name: str, cell: str) -> object:
    try:
        return parse_json(cell)
    except InputError as error:
        if name in _MUST_BE_JSON:
            raise InputError(
                f"its column {name} must hold JSON ({error.message})",
                hint="--template makes a prompt of any columns",
            ) from error
        return cell
