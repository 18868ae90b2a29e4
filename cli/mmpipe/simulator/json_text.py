"""Read and write JSON as the API does: compact, raw UTF-8, and Go's escapes in errors."""

import json
import re
from typing import Never, TypeAlias

from mmpipe.text.json_encoding import format_json

Json: TypeAlias = dict[str, object]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(raw: bytes) -> object:
    """Return the JSON value. Raises ValueError or RecursionError for anything else."""
    return json.loads(raw.decode(), parse_constant=_refuse_constant)


def encode(value: object) -> bytes:
    """Encode for an answer (FACTS.md, "Whole answers"): no spaces, and only necessary escapes."""
    text = format_json(value)
    # A request may contain the escape of a lone surrogate; Go writes U+FFFD for it.
    return _LONE_SURROGATE.sub("\ufffd", text).encode()


def encode_for_error(value: object) -> bytes:
    r"""Encode for an error (FACTS.md, "Error bodies"): ``<``, ``>`` and ``&`` become ``\u003c`` and so on."""
    written = encode(value)
    for character in b"<>&":
        written = written.replace(bytes([character]), b"\\u%04x" % character)
    return written


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def type_name(value: object) -> str:
    """Return the name of the JSON type of a value."""
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
