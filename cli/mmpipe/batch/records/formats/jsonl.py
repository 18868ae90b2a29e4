"""JSONL: one JSON value a line, a string or an object."""

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from mmpipe.batch.records.formats.lines import Lines
from mmpipe.batch.records.formats.record_format import Content, RawRecord, Unreadable
from mmpipe.batch.records.json_value import parse_json
from mmpipe.errors import InputError
from mmpipe.text import strict_json

# No prompt begins like that: a broken record must not be asked as a prompt.
_BEGINNING: Final = re.compile(rb'\{\s*"')
# The first line of an array of records that goes on in the next line.
_OPEN_ARRAY: Final = re.compile(rb'\[(?:\s*["{].*)?', re.DOTALL)
_JOIN: Final = "`jq -c . FILE` makes one line of an object in several"


class JsonLines(Lines):
    """Each line is a JSON value."""

    # One bad line at the top must not turn a whole file of records into prompts that are paid for.
    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")

    @classmethod
    def begins(cls, first: bytes, *, is_whole: bool) -> bool:
        """Return True if the first line is JSON, or looks like the beginning of JSON."""
        beginning = first.strip()
        if _BEGINNING.match(beginning):
            return True
        if not is_whole or not beginning.startswith((b"{", b'"')):
            return False
        try:
            strict_json.loads(first.decode())
        except ValueError:
            return False
        return True

    def split(self, pieces: Iterable[bytes | None]) -> Iterator[RawRecord | Unreadable | None]:
        """The lines, also the blank ones; raises InputError for one array over several lines."""
        lines = super().split(pieces)
        for line in lines:
            if isinstance(line, RawRecord) and line.content.strip():
                if _opens_array(line.content.strip()):
                    raise InputError(f"{self.source} is one JSON array: --input-format json reads it")
                yield line
                break
            yield line
        yield from lines

    def parse(self, raw: RawRecord) -> Content:
        """The JSON value of the line."""
        text = self.decode(raw).strip()
        try:
            return Content(parse_json(text), text)
        except InputError as error:
            # Programs that print JSON for people begin an object like that.
            raise error.derived(hint=_JOIN) if text == "{" else error from error.__cause__


def _opens_array(line: bytes) -> bool:
    """Return True for the beginning of an array that does not end in this line."""
    return _OPEN_ARRAY.fullmatch(line) is not None and not line.endswith(b"]")
