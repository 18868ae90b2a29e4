"""JSONL: one JSON value a line, a string or an object."""

import re
from typing import ClassVar, Final

from mmpipe.batch.records.formats.lines import Lines
from mmpipe.batch.records.formats.record_format import Content, RawRecord
from mmpipe.batch.records.json_value import parse_json
from mmpipe.text import strict_json

# No prompt begins like that: a broken record must not be asked as a prompt.
_BEGINNING: Final = re.compile(rb'\{\s*"')


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

    def parse(self, raw: RawRecord) -> Content:
        """The JSON value of the line."""
        text = self.decode(raw).strip()
        return Content(parse_json(text), text)
