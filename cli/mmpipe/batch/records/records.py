"""Makes records of raw records: a request, its id, and a hash by which a changed request is noticed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import overload

from msgspec import Struct

from mmpipe.batch.records.digest import PromptRequests, digest_request
from mmpipe.batch.records.fields import MISSING, describe_fields, find_field
from mmpipe.batch.records.formats.record_format import (
    Content,
    FormatOptions,
    RawRecord,
    RecordFormat,
    Unreadable,
)
from mmpipe.batch.records.images import names_file
from mmpipe.batch.records.requests import (
    RequestDefaults,
    build_request,
    extra_fields,
    render_prompt,
)
from mmpipe.batch.records.sources import Piece
from mmpipe.batch.records.split import split_sources
from mmpipe.core.request import Request
from mmpipe.core.request_fields import ID_FIELDS
from mmpipe.errors import InputError, Internal, UsageError, is_of_process
from mmpipe.text.visible import one_line


# Structs, as raw records are, for the same reason.
class Record(Struct, frozen=True, gc=False):
    """A request and its id; `index` counts from 0 over the whole input, `fields` are the user's own fields.

    Without an id of its own (`has_own_id`) the record is named by its index. `custom_id` is True if the id stands in a
    field of that name, which the output then uses too. The `fields` of a row of a table (`is_row`) are all its columns.
    `size` is about the number of bytes of the request. With `reads_files` the request holds files, which may change
    without the record.
    """

    index: int
    id: str
    source: str
    number: int
    request: Request
    sha256: str
    fields: Mapping[str, object]
    custom_id: bool = False
    has_own_id: bool = True
    size: int = 0
    reads_files: bool = False
    is_row: bool = False


class BadRecord(Struct, frozen=True, gc=False):
    """A record without a valid request, and the reason; `id` is None without an id of its own that could be read.

    `fields` are as in a Record; None if they could not be read.
    """

    index: int
    id: str | None
    source: str
    number: int
    message: str
    custom_id: bool = False
    fields: Mapping[str, object] | None = None
    is_row: bool = False


class AnsweredRecord(Struct, frozen=True, gc=False):
    """A record that was answered before, of which only the id was read."""

    index: int
    id: str


FoundRecord = Record | BadRecord | AnsweredRecord


@overload
def read_records(
    pieces: Iterable[Piece], defaults: RequestDefaults, options: FormatOptions
) -> Iterator[Record | BadRecord]: ...
@overload
def read_records(
    pieces: Iterable[Piece | None],
    defaults: RequestDefaults,
    options: FormatOptions,
    is_answered: Callable[[str, bool], bool] | None = None,
) -> Iterator[FoundRecord | None]: ...
def read_records(
    pieces: Iterable[Piece | None],
    defaults: RequestDefaults,
    options: FormatOptions,
    is_answered: Callable[[str, bool], bool] | None = None,
) -> Iterator[FoundRecord | None]:
    """The records of all sources; blank ones are skipped.

    If `is_answered` returns True for a name, and True if that is an id of the record's own, the rest of the record is
    not parsed. None says that the next piece has not arrived yet, and is passed on.
    """
    read = _RecordReader(defaults, is_answered).read
    index = 0
    for source in split_sources(pieces, options):
        if source is None:
            yield None
            continue
        record_format, raw_records = source
        for raw in raw_records:
            if raw is None:
                yield None
            elif isinstance(raw, Unreadable):
                yield _bad_record(index, record_format, raw, raw.message)
                index += 1
            elif raw.content and not raw.content.isspace():
                yield read(index, record_format, raw)
                index += 1


class _RecordReader:
    """Parses raw records, and builds their requests."""

    def __init__(self, defaults: RequestDefaults, is_answered: Callable[[str, bool], bool] | None) -> None:
        self._defaults, self._is_answered = defaults, is_answered
        self._prompts = PromptRequests(defaults)

    def read(self, index: int, record_format: RecordFormat, raw: RawRecord) -> FoundRecord:
        """The record, bad if no request can be built of it."""
        try:
            content = record_format.parse(raw)
            name, id_field = _identify(content.value, index, self._defaults.id_field)
        except Exception as error:  # noqa: BLE001  the boundary of a record
            return _bad_record(index, record_format, raw, _explain(error))
        if self._is_answered is not None and self._is_answered(name, id_field is not None):
            return AnsweredRecord(index, name)
        custom_id, fields, is_row = (
            id_field == "custom_id",
            self._fields(content, id_field),
            content.row is not None,
        )
        try:
            request, digest, size = self._build(content)
        except Exception as error:  # noqa: BLE001  the boundary of a record
            own, message = None if id_field is None else name, _explain(error)
            return BadRecord(index, own, raw.source, raw.number, message, custom_id, fields, is_row)
        return Record(
            index,
            name,
            raw.source,
            raw.number,
            request,
            digest,
            fields,
            custom_id,
            has_own_id=id_field is not None,
            size=size,
            reads_files=self._reads_files(content.value),
            is_row=is_row,
        )

    def _fields(self, content: Content, id_field: str | None) -> Mapping[str, object]:
        """The user's own fields of a record; of a row of a table all, so that results can be joined with it."""
        if content.row is not None:
            return content.row
        # A field that the user named as the id keeps its name among the others.
        left_out = id_field if self._defaults.id_field is None else None
        return (
            extra_fields(content.value, left_out, self._defaults) if isinstance(content.value, dict) else {}
        )

    def _reads_files(self, value: object) -> bool:
        own = (
            value
            if self._defaults.template is None or not isinstance(value, dict)
            else value.get("parameters")
        )
        return isinstance(own, dict) and "images" in own and names_file(own["images"])

    def _build(self, content: Content) -> tuple[Request, str, int]:
        """The request, its digest and its size."""
        value = content.value
        # No match statement: with classes it takes a tenth of all the time here.
        if isinstance(value, str):
            built: str | Request = render_prompt(value, self._defaults)
        elif isinstance(value, dict):
            built = build_request(value, content, self._defaults)
        elif isinstance(value, list):
            raise InputError(
                "it is neither a string nor an object, but an array: --input-format json reads a file of one"
            )
        else:
            raise InputError("it is neither a string nor an object")
        if isinstance(built, str):
            return self._prompts.request(built), self._prompts.digest(built), len(built)
        return built, *digest_request(built)


def _explain(error: Exception) -> str:
    """Return why a record is bad: its fault or a bug of ours; raises `error` if it concerns the process and no record."""
    if isinstance(error, InputError | UsageError):
        return error.message
    if is_of_process(error):
        raise error
    return Internal.of_bug(error).message


def _bad_record(
    index: int, record_format: RecordFormat, raw: RawRecord | Unreadable, message: str
) -> BadRecord:
    """A record that could not be read; a row of a table keeps its place in the columns."""
    blank = record_format.blank_row
    return BadRecord(index, None, raw.source, raw.number, message, fields=blank, is_row=blank is not None)


def _identify(value: object, index: int, named: str | None) -> tuple[str, str | None]:
    """The id, and the field it stands in: `named`, or a usual one; a record without one is named by its index."""
    if named is not None:
        if (found := find_field(value, named)) is MISSING:
            name = one_line(named, 60)
            found, hint = describe_fields(value, named)
            raise InputError(f"it has no field {name} for its id: {found}", hint=hint)
        return _id(found, named), named
    if isinstance(value, dict):
        for field in ID_FIELDS:
            if field in value:
                return _id(value[field], field), field
    return str(index), None


def _id(value: object, name: str) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{Decimal(str(value)):f}"
    raise InputError(f"its {one_line(name, 60)} is not a number or a string of at least one character")
