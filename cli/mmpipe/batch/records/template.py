"""Makes a prompt from the fields of a record: `Summarise: {title}`, with `{}` for the whole record; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mmpipe.errors import InputError, UsageError
from mmpipe.text import exact_json
from mmpipe.text.visible import one_line

# A literal text (its braces are doubled), a field, or a brace that belongs to neither.
_PIECE = re.compile(r"(?P<text>(?:[^{}]|\{\{|\}\})+)|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])")
# Only what names need, so that JSON written with single braces is not mistaken for a field.
_NAME = re.compile(r"[\w-]+(?: [\w-]+)*(?:\.[\w-]+(?: [\w-]+)*)*")


@dataclass(frozen=True, slots=True)
class _TemplateField:
    """A field of the record; `path` leads through nested objects, the empty path is the whole record."""

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
    """A parsed template: literal texts and fields in order."""

    parts: tuple[str | _TemplateField, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read `text`, where `{{` and `}}` are literal braces; raises UsageError."""
        return cls(tuple(_part(match) for match in _PIECE.finditer(text)))

    def render(self, whole: str, record: object) -> str:
        """The prompt for a record that was read exactly (exact_json); raises InputError if a field is missing."""
        return "".join(
            part if isinstance(part, str) else part.value(record) if part.path else whole
            for part in self.parts
        )


def _part(match: re.Match[str]) -> str | _TemplateField:
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
    return _TemplateField(tuple(name.split(".")) if name else ())
