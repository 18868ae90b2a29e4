"""The formats of results: those of lines, of which a journal has one, and those in which lines are shown."""

from typing import Literal, TypeAlias

JournalFormat: TypeAlias = Literal["jsonl", "openai"]
ResultFormat: TypeAlias = Literal["jsonl", "openai", "text", "csv"]
