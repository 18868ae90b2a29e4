"""Cuts the pieces of all sources into raw records; the format of each source is chosen before its bytes are cut."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from mmpipe.batch.records.formats.lines import LineSplitter
from mmpipe.batch.records.formats.record_format import (
    MAX_RECORD,
    NEWLINE,
    RawRecord,
    RecordFormat,
    Unreadable,
)
from mmpipe.batch.records.formats.table import FormatChoice, record_formats
from mmpipe.batch.records.sources import Piece


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The format of all sources, or `auto`; records of text end with `separator`, and have at most `limit` bytes."""

    name: FormatChoice = "auto"
    separator: bytes = NEWLINE
    limit: int = MAX_RECORD


def split_sources(
    pieces: Iterable[Piece | None], options: FormatOptions
) -> Iterator[tuple[RecordFormat, Iterator[RawRecord | Unreadable | None]] | None]:
    """Each source as its format and its raw records, which must be iterated before the next source is taken.

    None says that the next source, or record, has not arrived yet.
    """
    following = iter(pieces)
    for first in following:
        if first is None:
            yield None
            continue
        contents = _contents(chain((first,), following))
        chosen, contents = yield from _choose_format(first.source, contents, options)
        record_format = chosen(first.source, options.separator, options.limit)
        yield record_format, record_format.split(contents)
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


def _choose_format(
    source: str, contents: Iterator[bytes | None], options: FormatOptions
) -> Generator[None, None, tuple[type[RecordFormat], Iterator[bytes | None]]]:
    """Choose by the option, by the file's ending, then by the first line; also return all contents anew."""
    formats = record_formats()
    if options.name != "auto":
        return formats[options.name], contents
    name = source.removesuffix(".gz")
    for known in formats.values():
        if name.endswith(known.endings):
            return known, contents
    held: list[bytes | None] = []
    first = yield from _first_line(contents, held, options)
    if first is None:
        # Nothing tells the format. A line of text that is refused costs nothing; a record that is sent as a prompt does.
        return formats["jsonl"], chain(held, contents)
    chosen = next((known for known in formats.values() if known.begins(first)), formats["lines"])
    return chosen, chain(held, contents)


def _first_line(
    contents: Iterator[bytes | None], held: list[bytes | None], options: FormatOptions
) -> Generator[None, None, bytes | None]:
    """Read on until the first line that is not blank is complete; the contents read are in `held`.

    A line of more than `limit` bytes is passed over, and its rest is not held. None if twice as many bytes are held
    without a line.
    """
    splitter = LineSplitter("", options.separator, options.limit)
    size = 0
    for content in contents:
        if content is None:
            yield
            continue
        # Any format refuses a line that is too long by its beginning; of the rest only its end is needed.
        start = content.find(options.separator) if splitter.refuses and content else 0
        if start >= 0:
            held.append(content[start:])
            size += len(content) - start
        for line in splitter.feed(content) if content else splitter.close():
            if isinstance(line, RawRecord) and line.content.strip():
                return line.content
        if size > 2 * options.limit:
            return None
    return b""
