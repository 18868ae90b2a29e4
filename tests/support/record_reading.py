"""Reads bytes as `mmpipe batch` does, for the tests of records."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from mmpipe.batch.records.formats.names import FormatChoice
from mmpipe.batch.records.formats.record_format import (
    MAX_RECORD,
    NEWLINE,
    FormatOptions,
    RawRecord,
    RecordFormat,
    Unreadable,
)
from mmpipe.batch.records.input_file import find_files
from mmpipe.batch.records.records import BadRecord, FoundRecord, Record, read_records
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import Piece, read_pieces
from mmpipe.batch.records.split import split_sources
from mmpipe.batch.records.template import Template
from mmpipe.core.parameters import list_overridden, override_fields, parse_overrides
from mmpipe.dataclass import dataclass
from mmpipe.unix.streams import Input

MODEL = "MiniMax-M3"
ANY_FORMAT = FormatOptions()


@dataclass(frozen=True, slots=True)
class Defaults(RequestDefaults):
    """Defaults of requests, and the format that the records are in."""

    format: FormatChoice = "auto"


AUTO = Defaults(MODEL)
JSONL = Defaults(MODEL, format="jsonl")
LINES = Defaults(MODEL, format="lines")
ENVELOPE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}


def whole(content: bytes, source: str = "in") -> list[Piece]:
    """The pieces of a source that came at once."""
    return [Piece(source, content), Piece(source, b"")] if content else [Piece(source, b"")]


def read_raw(
    paths: Sequence[str], stdin: Input, *, separator: bytes = NEWLINE, limit: int = MAX_RECORD
) -> Iterator[RawRecord | Unreadable]:
    """The raw records of files, as soon as they are there."""
    for _, raw in split(read_pieces(find_files(paths, stdin)), FormatOptions("lines", separator, limit)):
        assert raw is not None
        yield raw


def split(
    pieces: Iterable[Piece | None], options: FormatOptions = ANY_FORMAT
) -> Iterator[tuple[RecordFormat | None, RawRecord | Unreadable | None]]:
    """The raw records of all sources, each with its format, or None for a pause."""
    for source in split_sources(pieces, options):
        if source is None:
            yield None, None
            continue
        record_format, raw_records = source
        for raw in raw_records:
            yield record_format, raw


def read(
    content: bytes, defaults: Defaults = AUTO, source: str = "in", limit: int = 200_000
) -> list[Record | BadRecord]:
    options = FormatOptions(defaults.format, limit=limit)
    return list(read_records(whole(content, source), defaults, options))


def read_lightly(
    content: bytes, is_answered: Callable[[str], bool], defaults: Defaults = AUTO
) -> list[FoundRecord]:
    records = read_records(
        whole(content), defaults, FormatOptions(defaults.format), lambda name, _: is_answered(name)
    )
    return [record for record in records if record is not None]


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


def overridden(*assignments: str, defaults: Defaults = JSONL) -> Defaults:
    """The defaults of a run with these values of --set."""
    overrides = parse_overrides(assignments)
    parameters = override_fields(defaults.parameters, overrides)
    model = str(parameters.pop("model", defaults.model))
    return replace(defaults, model=model, parameters=parameters, fixed=list_overridden(overrides))


def user(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}
