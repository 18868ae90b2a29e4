"""Reads records, each from one line: what to ask, under which id, and a hash that tells a changed request; pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Literal

from mmpipe import strict_json
from mmpipe.batch.lines import Line, Oversized
from mmpipe.batch.shapes import Defaults, foreign_fields, request_of_object, request_of_text
from mmpipe.errors import InputError, UsageError
from mmpipe.request import Request

Form = Literal["lines", "jsonl"]

_JSONL_ENDINGS = (".jsonl", ".ndjson")
# Made once: with options json.dumps makes an encoder each time, which takes longer than its work here.
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to ask; `index` counts from 0 over the whole input, `fields` are those that are not ours.

    `custom_id` tells that the id came under that name, and should go out under it.
    """

    index: int
    id: str
    source: str
    number: int
    request: Request
    sha256: str
    fields: Mapping[str, object]
    custom_id: bool = False


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line that nothing can be asked with, and why; `id` is None where not even that could be read."""

    index: int
    id: str | None
    source: str
    number: int
    message: str
    custom_id: bool = False


@dataclass(frozen=True, slots=True)
class _Content:
    """What a line holds: its `text`, the `value` that it is, and its id with the field that it stands in."""

    text: str
    value: object
    id: str
    id_field: str | None = None


def read_records(lines: Iterable[Line | Oversized], defaults: Defaults) -> Iterator[Record | BadRecord]:
    """A record for each line that is not blank; each source may have its own form."""
    forms: dict[str, Form] = {}
    index = 0
    for line in lines:
        if isinstance(line, Oversized):
            yield BadRecord(index, None, line.source, line.number, f"it is longer than {line.limit} bytes")
        elif line.content.strip():
            if line.source not in forms:
                forms[line.source] = guess_form(line) if defaults.format == "auto" else defaults.format
            yield read_record(index, line, forms[line.source], defaults)
        else:
            continue
        index += 1


def guess_form(first: Line) -> Form:
    """The form of a source whose first line that is not blank is `first`."""
    if first.source.removesuffix(".gz").endswith(_JSONL_ENDINGS):
        # One bad line at the top must not turn a whole file of records into prompts that are paid for.
        return "jsonl"
    if not first.content.lstrip().startswith((b"{", b'"')):
        return "lines"
    try:
        strict_json.loads(first.content.decode())
    except ValueError:
        return "lines"
    return "jsonl"


def read_record(index: int, line: Line, form: Form, defaults: Defaults) -> Record | BadRecord:
    """The record of a line that is not blank."""
    try:
        content = _content(line.content, form, index)
    except InputError as error:
        return BadRecord(index, None, line.source, line.number, error.message)
    custom_id = content.id_field == "custom_id"
    try:
        request = _request(content, defaults)
        digest = request_digest(request)
    except (InputError, UsageError) as error:
        return BadRecord(index, content.id, line.source, line.number, error.message, custom_id)
    fields = foreign_fields(content.value, content.id_field) if isinstance(content.value, dict) else {}
    return Record(index, content.id, line.source, line.number, request, digest, fields, custom_id)


def request_digest(request: Request) -> str:
    """The SHA-256 of the request's canonical JSON, in hexadecimal."""
    return sha256(_canonical(request.body())).hexdigest()


def _request(content: _Content, defaults: Defaults) -> Request:
    match content.value:
        case str(text):
            return request_of_text(text, defaults)
        case dict(record):
            return request_of_object(record, content.text, defaults)
        case _:
            raise InputError("it is neither a string nor an object")


def _content(content: bytes, form: Form, index: int) -> _Content:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"it is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}") from error
    if form == "lines":
        return _Content(text, text, str(index))
    text = text.strip()
    value = _loaded(text)
    if isinstance(value, dict):
        for field in ("custom_id", "id"):
            if field in value:
                return _Content(text, value, _id(value[field], field), field)
    return _Content(text, value, str(index))


def _loaded(text: str) -> object:
    try:
        value = strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from error
    except ValueError as error:
        raise InputError(f"it is not JSON: {error}") from error
    if "\\u" in text:
        # Half a character can be written in JSON, and in no request.
        _canonical(value)
    return value


def _canonical(value: object) -> bytes:
    try:
        return _CANONICAL.encode(value).encode()
    except UnicodeEncodeError as error:
        raise InputError("it holds half a character (a lone surrogate)") from error
    except RecursionError as error:
        raise InputError("it is nested too deep") from error


def _id(value: object, name: str) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{Decimal(str(value)):f}"
    raise InputError(f"its {name} is not a number or a string of at least one character")
