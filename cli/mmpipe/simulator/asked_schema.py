"""Find the JSON Schema by which a request asks for JSON, in a system message: the API ignores `response_format`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.orders import text_of
from mmpipe.text import strict_json
from mmpipe.text.schema_keywords import has_keyword

_MOST_CHARACTERS: Final = 2**18
_MOST_MENTIONS: Final = 20
# After the word, on the same line or the next: in the words of `--schema`, and of others.
_MENTION: Final = re.compile(
    r"schema\b[^{}\n]{0,200}:\s{0,20}(?:```(?:json)?\s{0,20})?(?=\{|true\b|false\b)", re.IGNORECASE
)
_REFERRED: Final = re.compile(r"\nIt refers to ([^\n]+):\n")


@dataclass(frozen=True, slots=True)
class AskedSchema:
    """A schema, and the documents to which it refers, by their names."""

    schema: object
    documents: Mapping[str, object] = field(default_factory=dict)


def find_asked_schema(messages: Sequence[Json]) -> AskedSchema | None:
    """Return the last schema in the system messages; None if there is none, or only one that is too large."""
    for message in reversed(messages):
        if message.get("role") == "system" and (found := _find(text_of(message))):
            return found
    return None


def _find(text: str) -> AskedSchema | None:
    if len(text) > _MOST_CHARACTERS:
        return None
    for mention in list(_MENTION.finditer(text))[: -_MOST_MENTIONS - 1 : -1]:
        try:
            return _read(text, mention.end())
        except ValueError:
            continue
    return None


def _read(text: str, start: int) -> AskedSchema:
    schema, (_, end) = strict_json.load_first(text, start)
    if isinstance(schema, dict) and schema and not has_keyword(schema):
        raise ValueError("an object, and no schema")
    documents = {}
    while referred := _REFERRED.match(text, end):
        documents[referred[1]], (_, end) = strict_json.load_first(text, referred.end())
    return AskedSchema(schema, documents)
