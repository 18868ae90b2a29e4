"""Reads bytes as `mmpipe batch` does, for the tests of records."""

import json
from dataclasses import replace

from mmpipe.batch.lines import NEWLINE, Splitter
from mmpipe.batch.records import BadRecord, Record, read_records
from mmpipe.batch.shapes import Defaults
from mmpipe.batch.template import Template

MODEL = "MiniMax-M3"
AUTO = Defaults(MODEL)
JSONL = Defaults(MODEL, format="jsonl")
LINES = Defaults(MODEL, format="lines")
ENVELOPE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}


def read(
    content: bytes, defaults: Defaults = AUTO, source: str = "in", limit: int = 200_000
) -> list[Record | BadRecord]:
    splitter = Splitter(source, NEWLINE, limit)
    lines = [*splitter.feed(content), *splitter.close()]
    return list(read_records(lines, defaults))


def good(value: object, defaults: Defaults = JSONL) -> Record:
    [record] = read(json.dumps(value).encode(), defaults)
    assert isinstance(record, Record), record.message
    return record


def bad(value: object, defaults: Defaults = JSONL) -> str:
    [record] = read(value if isinstance(value, bytes) else json.dumps(value).encode(), defaults)
    assert isinstance(record, BadRecord)
    return record.message


def prompts(content: bytes, defaults: Defaults = AUTO) -> list[object]:
    records = read(content, defaults)
    return [record.request.messages[-1]["content"] for record in records if isinstance(record, Record)]


def templated(template: str, defaults: Defaults = AUTO) -> Defaults:
    return replace(defaults, template=Template.parse(template))


def user(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}
