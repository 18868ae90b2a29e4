"""Makes a prompt from the fields of a record: `Summarise: {title}`, with `{}` for the whole record; pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mmpipe.batch.records.fields import MISSING, describe_fields, find_field
from mmpipe.batch.records.formats.record_format import Content
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError, UsageError
from mmpipe.text import exact_json
from mmpipe.text.visible import one_line

# A literal text (its braces are doubled), a field, or a brace that belongs to neither. The braces of a name are doubled
# too; those at its end belong to the text, as in `{{{title}}}`.
_PIECE: Final = re.compile(
    r"(?P<text>(?:[^{}]|\{\{|\}\})++)"
    r"|\{(?P<name>(?:[^{}]|\{\{|(?:\}\})++(?=[^{}]|\{\{))*)\}"
    r"|(?P<stray>[{}])"
)
# JSON whose braces were not doubled, and braces around nothing.
_NO_NAME: Final = re.compile(r"""\s*(?:(?P<quote>["'])[^"']*(?P=quote)\s*:.*)?""", re.DOTALL)
# Forms of other programs, and of a Chinese keyboard (full-width), in a literal text.
_FOREIGN: Final = re.compile(r"\uff5b(?P<wide>[^{}\uff5b\uff5d]+)\uff5d|\{(?P<doubled>[^{}]+)\}")
_SHOWN: Final = 60  # characters of a name


@dataclass(frozen=True, slots=True)
class _TemplateField:
    """A field of the record; the empty name is the whole record."""

    name: str

    def value(self, record: object) -> str:
        value = find_field(record, self.name)
        if value is MISSING:
            found, hint = describe_fields(record, self.name)
            wanted = one_line(self.name, _SHOWN)
            raise InputError(
                f"the template needs a field {wanted}, and the record has none: {found}", hint=hint
            )
        return value if isinstance(value, str) else exact_json.dumps(value)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal texts and fields in order."""

    parts: tuple[str | _TemplateField, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read `text`, where `{{` and `}}` are literal braces.

        Raises UsageError for braces that make no sense, and for a template that makes the same prompt of every record.
        """
        parts = tuple(_part(match) for match in _PIECE.finditer(text))
        if not any(isinstance(part, _TemplateField) for part in parts):
            foreign = _FOREIGN.search("".join(map(str, parts)))
            raise UsageError(
                "--template uses nothing of a record: {} is all of it, {title} its field of that name",
                hint="" if foreign is None else _describe_foreign(foreign),
            )
        return cls(parts)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that every record must have."""
        return tuple(part.name for part in self.parts if isinstance(part, _TemplateField) and part.name)

    def find_doubts(self, record: Mapping[str, object]) -> Iterator[str]:
        """Yield a sentence for each literal text that may be meant for a field of this record."""
        for place, part in enumerate(self.parts):
            if isinstance(part, str):
                for found in _FOREIGN.finditer(part):
                    if (found["wide"] or found["doubled"]).strip() in record:
                        yield f"--template: {_describe_foreign(found)}"
            elif place and str(self.parts[place - 1]).endswith("$") and part.name in record:
                name, value = one_line(part.name, _SHOWN), record[part.name]
                # Before a number it is a price.
                if not str(value)[:1].isdigit():
                    yield f"--template: ${{{name}}} leaves a $ in the prompt: a field is {{{name}}}"

    def render(self, content: Content) -> str:
        """The prompt for a record; raises InputError if a field is missing."""
        record = content.read_exactly()
        return "".join(
            part if isinstance(part, str) else part.value(record) if part.name else content.text
            for part in self.parts
        )


def _part(match: re.Match[str]) -> str | _TemplateField:
    name = match["name"]
    if match["stray"]:
        raise UsageError(
            f"--template: the brace at character {match.start() + 1} has no partner",
            hint="a brace itself is written twice",
        )
    if name is None:
        return _single_braces(match["text"])
    if name and _NO_NAME.fullmatch(name):
        raise UsageError(
            f"--template: {{{one_line(name, _SHOWN)}}} names no field",
            hint="a brace itself is written twice",
        )
    return _TemplateField(_single_braces(name))


def _describe_foreign(found: re.Match[str]) -> str:
    name = one_line((found["wide"] or found["doubled"]).strip(), _SHOWN)
    if found["wide"]:
        return f"full-width braces stay as they are: a field is {{{name}}}"
    return f"{{{{{name}}}}} is the text {{{name}}}: a field is {{{name}}}, in single braces"


def _single_braces(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
