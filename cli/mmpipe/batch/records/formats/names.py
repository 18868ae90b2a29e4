"""The names of the record formats, as options have them; the formats are in table.py."""

from typing import Literal

FormatName = Literal["lines", "jsonl", "json", "csv", "tsv"]
FormatChoice = Literal["auto", FormatName]
