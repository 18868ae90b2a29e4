"""Reads bytes as `mmpipe batch` does, for the tests of records."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mmpipe.batch.records.lines import MAX_LINE, NEWLINE, Line, Oversized, Splitter
from mmpipe.batch.records.records import Answered, BadRecord, Record, read_records
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import lines_of, read_pieces
from mmpipe.batch.records.template import Template
from mmpipe.unix.streams import Input

MODEL = "MiniMax-M3"
AUTO = RequestDefaults(MODEL)
JSONL = RequestDefaults(MODEL, format="jsonl")
LINES = RequestDefaults(MODEL, format="lines")
ENVELOPE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}


def lines(content: bytes, source: str = "in", limit: int = 200_000) -> list[Line | Oversized]:
    splitter = Splitter(source, NEWLINE, limit)
    return [*splitter.feed(content), *splitter.close()]


def read_lines(
    paths: Sequence[str], stdin: Input, *, separator: bytes = NEWLINE, limit: int = MAX_LINE
) -> Iterator[Line | Oversized]:
    """The lines of files, as soon as they are there."""
    return lines_of(read_pieces(paths, stdin), separator=separator, limit=limit)


def read(
    content: bytes, defaults: RequestDefaults = AUTO, source: str = "in", limit: int = 200_000
) -> list[Record | BadRecord]:
    return list(read_records(lines(content, source, limit), defaults))


def read_lightly(
    content: bytes, is_answered: Callable[[str], bool], defaults: RequestDefaults = AUTO
) -> list[Record | BadRecord | Answered]:
    records = read_records(lines(content), defaults, is_answered)
    return [record for record in records if record is not None]


def good(value: object, defaults: RequestDefaults = JSONL) -> Record:
    [record] = read(json.dumps(value).encode(), defaults)
    assert isinstance(record, Record), record.message
    return record


def bad(value: object, defaults: RequestDefaults = JSONL) -> str:
    [record] = read(value if isinstance(value, bytes) else json.dumps(value).encode(), defaults)
    assert isinstance(record, BadRecord)
    return record.message


def prompts(content: bytes, defaults: RequestDefaults = AUTO) -> list[object]:
    records = read(content, defaults)
    return [record.request.messages[-1]["content"] for record in records if isinstance(record, Record)]


def templated(template: str, defaults: RequestDefaults = AUTO) -> RequestDefaults:
    return replace(defaults, template=Template.parse(template))


def user(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}
