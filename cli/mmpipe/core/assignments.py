"""Parses the KEY=VALUE of `-p` and `--set`: a field of the request and its value; pure."""

import re
from typing import Final

from mmpipe.errors import UsageError
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import reject_lone_surrogates
from mmpipe.text.visible import one_line

_SHOWN: Final = 60  # characters of a value
# The beginnings of values that are JSON, or else refused: never sent as text by mistake.
_STRUCTURES: Final = ("{", "[", '"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: Final = ("true", "false", "null")
# Words and numbers as other languages write them: a text of this kind is more likely a mistake.
_MISSPELT: Final = re.compile(
    r"(?i:true|false|null|nan|[+-]?inf(?:inity)?)|None|[+-]?[0-9][0-9_]*(?:[.,][0-9_]*)?|[+-]?[.,][0-9]+"
)


def parse_assignment(option: str, assignment: str) -> tuple[str, object]:
    """Return the key and the value, which is JSON if it looks like JSON, and otherwise a string. Raises UsageError."""
    shown = f"{option} {one_line(assignment, _SHOWN)}"
    if any("\ud800" <= character <= "\udfff" for character in assignment):
        # Python decodes invalid bytes of an argument as lone surrogates.
        raise UsageError(f"{shown}: it is not UTF-8")
    key, equals, text = assignment.partition("=")
    if not (key and equals):
        raise UsageError(f"{shown}: it must look like KEY=VALUE")
    return key, _parse_value(f"{option} {one_line(key, _SHOWN)}", text)


def _parse_value(name: str, given: str) -> object:
    text = given.strip()
    if not (text.startswith(_STRUCTURES) or text in _WORDS or _NUMBER.fullmatch(text)):
        if not text or _MISSPELT.fullmatch(text):
            what = f"{one_line(text, _SHOWN)} is not JSON" if text else "it has no value"
            raise UsageError(
                f"{name}: {what}", hint=f"""for a text write '"{one_line(text, _SHOWN)}"', quotes included"""
            )
        return given
    try:
        value = strict_json.loads(text)
        reject_lone_surrogates(value)
    except strict_json.TooLarge as error:
        raise UsageError(f"{name}: {one_line(str(error), _SHOWN)}") from error
    except ValueError as error:
        raise UsageError(f"{name}: {one_line(text, _SHOWN)} is not JSON") from error
    return value
