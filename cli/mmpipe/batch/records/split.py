"""Cuts the pieces of all sources into raw records; the format of each source is chosen before its bytes are cut."""

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from mmpipe.batch.records.formats.lines import Lines, LineSplitter
from mmpipe.batch.records.formats.record_format import (
    NEWLINE,
    FormatOptions,
    RawRecord,
    RecordFormat,
    Unreadable,
)
from mmpipe.batch.records.formats.table import RECORD_FORMATS
from mmpipe.batch.records.sources import Piece
from mmpipe.errors import UsageError

_COMPRESSIONS: Final = re.compile(r"\.(?:gz|bz2|xz)$")

# A format, and the records of its source, or some of them.
Split = tuple[RecordFormat, Iterator[RawRecord | Unreadable | None]]


def split_sources(pieces: Iterable[Piece | None], options: FormatOptions) -> Iterator[Split | None]:
    """Each source as its format and its raw records, which must be iterated before the next source is taken.

    Lines that are too long come before the others, if the format is still unknown. None says that the next source, or
    record, has not arrived yet.
    """
    following = iter(pieces)
    for first in following:
        if first is None:
            yield None
            continue
        contents = _contents(chain((first,), following))
        held = _Held()
        chosen = yield from _choose_format(first.source, contents, options, held)
        contents = chain(held.contents, contents)
        if not chosen.ends_with_separator and options.separator != NEWLINE:
            raise UsageError(
                f"{first.source}: --null is for lines and JSONL", hint="no other record ends with NUL"
            )
        record_format = chosen(first.source, options, first.encoding)
        records = record_format.split(contents)
        yield record_format, _skip(records, held.refused) if held.refused else records
        # A format may give up early; the rest of its source is no other source.
        for content in contents:
            if content is None:
                yield None


def _contents(pieces: Iterator[Piece | None]) -> Iterator[bytes | None]:
    """The contents of one source's pieces; the last one is empty."""
    for piece in pieces:
        yield None if piece is None else piece.content
        if piece is not None and not piece.content:
            return


@dataclass(slots=True)
class _Held:
    """The contents that were read to choose the format, and the numbers of refused lines that are reported already."""

    contents: list[bytes | None] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)


def _skip(
    records: Iterator[RawRecord | Unreadable | None], numbers: set[int]
) -> Iterator[RawRecord | Unreadable | None]:
    for record in records:
        if not (isinstance(record, Unreadable) and record.number in numbers):
            yield record


def _choose_format(
    source: str, contents: Iterator[bytes | None], options: FormatOptions, held: _Held
) -> Generator[Split | None, None, type[RecordFormat]]:
    """Choose by the option, by the file's ending, then by the first line; contents that were read are in `held`."""
    if options.name != "auto":
        return RECORD_FORMATS[options.name]
    name = _COMPRESSIONS.sub("", source.lower())
    named = [known for known in RECORD_FORMATS.values() if name.endswith(known.endings)]
    if len(named) == 1:
        return named[0]
    beginning = yield from _first_line(source, contents, options, held)
    if beginning is None:
        # Nothing tells the format. A line of text that is refused costs nothing; a record that is sent as a prompt does.
        return RECORD_FORMATS["jsonl"]
    candidates, default = (named, named[0]) if named else (RECORD_FORMATS.values(), RECORD_FORMATS["lines"])
    return next((known for known in candidates if known.begins(beginning, is_whole=True)), default)


def _first_line(
    source: str, contents: Iterator[bytes | None], options: FormatOptions, held: _Held
) -> Generator[Split | None, None, bytes | None]:
    """Read on until the first line that is not blank is complete, or tells its format; the contents are in `held`.

    A line of more than `limit` bytes is reported at once; its rest is not held. None if twice as many bytes are held
    without a line.
    """
    splitter = LineSplitter(source, options.separator, options.limit)
    size = 0
    for content in contents:
        if content is None:
            yield None
            continue
        # Any format refuses a line that is too long by its beginning; of the rest only its end is needed.
        start = content.find(options.separator) if splitter.refuses and content else 0
        if start >= 0:
            held.contents.append(content[start:])
            size += len(content) - start
        for line in splitter.feed(content) if content else splitter.close():
            if isinstance(line, Unreadable):
                held.refused.add(line.number)
                yield Lines(source, options), iter((line,))
            elif line.content.strip():
                return line.content
        if _tells_format(splitter.beginning):
            return splitter.beginning
        if size > 2 * options.limit:
            return None
    return b""


def _tells_format(beginning: bytes) -> bool:
    """Return True if the line is of the same format however it goes on: an array may be one long line."""
    return any(known.begins(beginning, is_whole=False) for known in RECORD_FORMATS.values())
