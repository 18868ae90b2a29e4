"""The list of record formats: a new format is a module in this folder, and an entry here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mmpipe.batch.records.formats.record_format import RecordFormat

FormatName = Literal["lines", "jsonl", "json", "csv", "tsv"]
FormatChoice = Literal["auto", FormatName]


def record_formats() -> "Mapping[FormatName, type[RecordFormat]]":
    """All formats by name; imported here, so that `--help` can list the names without importing them."""
    from mmpipe.batch.records.formats.delimited import Csv, Tsv
    from mmpipe.batch.records.formats.json_array import JsonArray
    from mmpipe.batch.records.formats.jsonl import JsonLines
    from mmpipe.batch.records.formats.lines import Lines

    return {"lines": Lines, "jsonl": JsonLines, "json": JsonArray, "csv": Csv, "tsv": Tsv}
