"""Makes a prompt of a record's fields: `Summarise: {title}`, with `{}` for the whole line; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mmpipe.errors import InputError, UsageError
from mmpipe.text import exact_json
from mmpipe.text.visible import one_line

# A literal piece (braces of its own are doubled), a field, or a brace that is neither.
_PIECE = re.compile(r"(?P<text>(?:[^{}]|\{\{|\}\})+)|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])")
# No more than names need, so that JSON written with single braces is not taken for one.
_NAME = re.compile(r"[\w-]+(?: [\w-]+)*(?:\.[\w-]+(?: [\w-]+)*)*")


@dataclass(frozen=True, slots=True)
class _Field:
    """`path` leads through objects within objects; the empty one is the whole line."""

    path: tuple[str, ...]

    def value(self, record: object) -> str:
        value = record
        for step in self.path:
            if not (isinstance(value, Mapping) and step in value):
                raise InputError(f"the template needs a field {'.'.join(self.path)}, and the record has none")
            value = value[step]
        if isinstance(value, str):
            return value
        return exact_json.dumps(value)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal texts and fields in their order."""

    parts: tuple[str | _Field, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read `text`, where `{{` and `}}` are literal braces; raises UsageError."""
        return cls(tuple(_part(match) for match in _PIECE.finditer(text)))

    def render(self, whole: str, record: object) -> str:
        """The prompt for one record, read exactly; raises InputError where a field is missing."""
        return "".join(
            part if isinstance(part, str) else part.value(record) if part.path else whole
            for part in self.parts
        )


def _part(match: re.Match[str]) -> str | _Field:
    name = match["name"]
    if match["stray"]:
        raise UsageError(
            f"--template: the brace at character {match.start() + 1} has no partner; a brace itself is written twice"
        )
    if name is None:
        return match["text"].replace("{{", "{").replace("}}", "}")
    if name and not _NAME.fullmatch(name):
        raise UsageError(
            f"--template: {{{one_line(name, 60)}}} names no field; a brace itself is written twice"
        )
    return _Field(tuple(name.split(".")) if name else ())
