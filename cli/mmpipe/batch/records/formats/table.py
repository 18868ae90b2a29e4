"""The table of record formats: a new format is a module in this folder, an entry here, and its name in names.py."""

from collections.abc import Mapping
from typing import Final

from mmpipe.batch.records.formats.delimited import Csv, Tsv
from mmpipe.batch.records.formats.json_array import JsonArray
from mmpipe.batch.records.formats.jsonl import JsonLines
from mmpipe.batch.records.formats.lines import Lines
from mmpipe.batch.records.formats.names import FormatName
from mmpipe.batch.records.formats.record_format import RecordFormat

RECORD_FORMATS: Final[Mapping[FormatName, type[RecordFormat]]] = {
    "lines": Lines,
    "jsonl": JsonLines,
    "json": JsonArray,
    "csv": Csv,
    "tsv": Tsv,
}
