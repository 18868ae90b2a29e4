"""Finds a field of a record by its name, a key or a path; describes what is there instead; pure."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

from mmpipe.text.strict_json import MAX_DEPTH
from mmpipe.text.suggestions import suggest
from mmpipe.text.visible import one_line

MISSING: Final = object()

# More digits are no index of an array that fits into a record.
_INDEX: Final = re.compile(r"-?[0-9]{1,8}")
_BRACKETS: Final = re.compile(r"\[(-?[0-9]{1,8})\]")
# Of tables that are no CSV; those of CSV are known.
_DELIMITER: Final = re.compile(r"[|;^~\t]")
_SHOWN: Final = 8  # keys that an error names
_GUESSED: Final = 100  # names among which a similar one is looked for: the comparison is slow
_LONGEST: Final = 60  # characters of a name


def find_field(value: object, name: str) -> object:
    """Return the field of that name, or MISSING.

    A name is a key as it stands, dots included; in an array it is an index, from the end if negative. If there is none,
    the name is a path: its longest beginning that is a key or an index, a dot, and a name inside that value.
    """
    if (found := _child(value, name)) is not MISSING:
        return found
    # Each dot costs the length of the name. No record is nested deeper.
    dot = len(name) if name.count(".") <= MAX_DEPTH else 0
    while (dot := name.rfind(".", 0, dot)) >= 0:
        inner = _child(value, name[:dot])
        if inner is not MISSING and (found := find_field(inner, name[dot + 1 :])) is not MISSING:
            return found
    return MISSING


def describe_fields(record: object, wanted: str) -> tuple[str, str]:
    """Return what a record without the field `wanted` has instead: its first keys; and a hint at the name most like it."""
    if not isinstance(record, Mapping):
        return "it is a text, which has no fields", _suggest_table(record)
    keys = [one_line(str(key), _LONGEST) for key in islice(record, _SHOWN)]
    more = f" and {len(record) - _SHOWN} more" if len(record) > _SHOWN else ""
    plain = _BRACKETS.sub(r".\1", wanted)
    bare = wanted.strip()
    if bare != wanted and find_field(record, bare) is not MISSING:
        guess = f"write {{{one_line(bare, _LONGEST)}}}, without spaces"
    elif len(record) == 1 and (delimiter := _find_delimiter(keys[0], bare)):
        guess = f"its columns are separated by {delimiter}: put the line sep={delimiter} before its first one"
    elif plain != wanted and find_field(record, plain) is not MISSING:
        guess = f"did you mean {one_line(plain, _LONGEST)}?"
    else:
        guess = _suggest_name(wanted[:_LONGEST], tuple(islice(_names(record), _GUESSED)))
    return f"it has {', '.join(keys) or 'no fields'}{more}", guess


def _suggest_table(line: object) -> str:
    """Return the option that reads a line like this one as a row."""
    text = line if isinstance(line, str) else ""
    if "\t" in text:
        return "it has tabs: --input-format tsv reads a table"
    return (
        "--input-format csv reads a table"
        if "," in text or ";" in text
        else "a table needs --input-format csv, or tsv"
    )


def _find_delimiter(header: str, wanted: str) -> str | None:
    """Return the character that separates the columns in what was taken for one name; None if `wanted` is not among them."""
    found = _DELIMITER.search(header)
    return found[0] if found and wanted in map(str.strip, header.split(found[0])) else None


def _child(value: object, name: str) -> object:
    if isinstance(value, Mapping):
        return value.get(name, MISSING)
    if isinstance(value, list) and _INDEX.fullmatch(name) and -len(value) <= int(name) < len(value):
        return value[int(name)]
    return MISSING


def _names(record: Mapping[str, object]) -> Iterator[str]:
    """The names of a record's fields that are short enough for a guess: its keys, and the keys inside its objects."""
    yield from (key for key in record if len(key) <= _LONGEST)
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from (name for inner in value if len(name := f"{key}.{inner}") <= _LONGEST)


# Records that lack a field often have the same keys.
@lru_cache(16)
def _suggest_name(wanted: str, names: tuple[str, ...]) -> str:
    return one_line(suggest(wanted, names))
