"""Reads records, each from one line: what to ask, under which id, and a hash that tells a changed request; pure."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Final, Literal, overload

import msgspec
from msgspec import Struct

from mmpipe.batch.records.lines import Line, Oversized
from mmpipe.batch.records.requests import (
    RequestDefaults,
    asked_by_object,
    foreign_fields,
    prompt_of_text,
    request_of_prompt,
)
from mmpipe.core.request import Request
from mmpipe.errors import InputError, UsageError
from mmpipe.text import strict_json

Form = Literal["lines", "jsonl"]

_JSONL_ENDINGS = (".jsonl", ".ndjson")
# Made once: with options json.dumps makes an encoder each time, which takes longer than its work here.
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)
_DECODER: Final = msgspec.json.Decoder()
# Far from what Python bears, so that nobody who writes or walks the value has to think of it.
_DEEPEST: Final = 500


# Structs, as lines are, for the same reason.
class Record(Struct, frozen=True, gc=False):
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


class BadRecord(Struct, frozen=True, gc=False):
    """A line that nothing can be asked with, and why; `id` is None where not even that could be read."""

    index: int
    id: str | None
    source: str
    number: int
    message: str
    custom_id: bool = False


class Answered(Struct, frozen=True, gc=False):
    """A record of which nothing was wanted but its id, because it was answered before."""

    index: int
    id: str


class _Content(Struct, frozen=True, gc=False):
    """What a line holds: its `text`, the `value` that it is, and its id with the field that it stands in."""

    text: str
    value: object
    id: str
    id_field: str | None = None


class _Prompts:
    """Makes requests, and their digests, that differ in nothing but the prompt.

    What stands before and behind the prompt in the canonical JSON is found once.
    """

    def __init__(self, defaults: RequestDefaults) -> None:
        self._defaults = defaults
        empty, other = (_canonical(request_of_prompt(prompt, defaults).body()) for prompt in ("", "-"))
        # The first difference is behind the quote that opens the prompt: one of them closes it there.
        at = next(at for at, (one, another) in enumerate(zip(empty, other, strict=False)) if one != another)
        self._before = sha256(empty[: at - 1])
        self._behind = empty[at + 1 :]

    def request(self, prompt: str) -> Request:
        """The request for a prompt that is not empty."""
        return request_of_prompt(prompt, self._defaults)

    def digest(self, prompt: str) -> str:
        """What request_digest gives for its request, in a fifth of the time."""
        digest = self._before.copy()
        digest.update(_canonical(prompt) + self._behind)
        return digest.hexdigest()


@overload
def read_records(
    lines: Iterable[Line | Oversized], defaults: RequestDefaults
) -> Iterator[Record | BadRecord]: ...
@overload
def read_records(
    lines: Iterable[Line | Oversized | None],
    defaults: RequestDefaults,
    is_answered: Callable[[str], bool] | None = None,
) -> Iterator[Record | BadRecord | Answered | None]: ...
def read_records(
    lines: Iterable[Line | Oversized | None],
    defaults: RequestDefaults,
    is_answered: Callable[[str], bool] | None = None,
) -> Iterator[Record | BadRecord | Answered | None]:
    """A record for each line that is not blank; each source may have its own form.

    Of a record whose id `is_answered` nothing else is looked at. None, which says that the next line is not there
    yet, is passed on.
    """
    read = _Reader(defaults, is_answered).read
    index = 0
    for line in lines:
        if line is None:
            yield None
        elif isinstance(line, Oversized):
            yield BadRecord(index, None, line.source, line.number, f"it is longer than {line.limit} bytes")
            index += 1
        elif line.content and not line.content.isspace():
            yield read(index, line)
            index += 1


class _Reader:
    """What reading one record takes."""

    def __init__(self, defaults: RequestDefaults, is_answered: Callable[[str], bool] | None) -> None:
        self._defaults, self._is_answered = defaults, is_answered
        self._prompts = _Prompts(defaults)
        self._forms: dict[str, Form] = {}

    def read(self, index: int, line: Line) -> Record | BadRecord | Answered:
        """The record of a line that is not blank."""
        form = self._forms.get(line.source) or self._form(line)
        try:
            content = _content(line, form, index)
        except InputError as error:
            return BadRecord(index, None, line.source, line.number, error.message)
        if self._is_answered is not None and self._is_answered(content.id):
            return Answered(index, content.id)
        custom_id = content.id_field == "custom_id"
        try:
            request, digest = self._asked(content)
        except (InputError, UsageError) as error:
            return BadRecord(index, content.id, line.source, line.number, error.message, custom_id)
        fields = (
            foreign_fields(content.value, content.id_field, self._defaults)
            if isinstance(content.value, dict)
            else {}
        )
        return Record(index, content.id, line.source, line.number, request, digest, fields, custom_id)

    def _form(self, first: Line) -> Form:
        form = guess_form(first) if self._defaults.format == "auto" else self._defaults.format
        self._forms[first.source] = form
        return form

    def _asked(self, content: _Content) -> tuple[Request, str]:
        """The request, and its digest."""
        # No match statement: with classes it takes a tenth of all the time here.
        if isinstance(content.value, str):
            asked: str | Request = prompt_of_text(content.value, self._defaults)
        elif isinstance(content.value, dict):
            asked = asked_by_object(content.value, content.text, self._defaults)
        else:
            raise InputError("it is neither a string nor an object")
        if isinstance(asked, str):
            return self._prompts.request(asked), self._prompts.digest(asked)
        return asked, request_digest(asked)


def guess_form(first: Line) -> Form:
    """The form of a source whose first line that is not blank is `first`."""
    if first.source.removesuffix(".gz").endswith(_JSONL_ENDINGS):
        # One bad line at the top must not turn a whole file of records into prompts that are paid for.
        return "jsonl"
    beginning = first.content.strip()
    if re.match(rb'\{\s*"|\[\s*\{|[\[{]$', beginning):
        # Nobody begins a prompt like that: a broken record, or JSON over several lines, is not to be asked as one.
        return "jsonl"
    if not beginning.startswith((b"{", b'"')):
        return "lines"
    try:
        strict_json.loads(first.content.decode())
    except ValueError:
        return "lines"
    return "jsonl"


def request_digest(request: Request) -> str:
    """The SHA-256 of the request's canonical JSON, in hexadecimal."""
    return sha256(_canonical(request.body())).hexdigest()


def _content(line: Line, form: Form, index: int) -> _Content:
    try:
        text = line.content.decode()
    except UnicodeDecodeError as error:
        place, byte = error.start + line.skipped, line.content[error.start]
        raise InputError(f"it is not UTF-8: byte {place} is 0x{byte:02x}") from error
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
        value: object = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # It has other words for what is wrong, and refuses some of what the standard allows.
        value = _slowly_loaded(text)
    if text.count("[") + text.count("{") > _DEEPEST and strict_json.is_deeper(value, _DEEPEST):
        raise InputError("it is nested too deep")
    return value


def _slowly_loaded(text: str) -> object:
    try:
        value = strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"it is not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
        ) from error
    except ValueError as error:
        raise InputError(f"it is not JSON: {error}") from error
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
