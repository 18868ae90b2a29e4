"""Read and write JSON as the API does: compact, raw UTF-8, and Go's escapes in errors."""

import json
import re
from typing import Never, TypeAlias

Json: TypeAlias = dict[str, object]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(raw: bytes) -> object:
    """Return the JSON value; ValueError or RecursionError if it is none."""
    return json.loads(raw.decode(), parse_constant=_refuse_constant)


def encode(value: object) -> bytes:
    """Write as an answer (FACTS.md, "Whole answers"): no spaces, nothing escaped that need not be."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A request may smuggle in half a character as an escape; Go writes U+FFFD for it.
    return _LONE_SURROGATE.sub("\ufffd", text).encode()


def encode_for_error(value: object) -> bytes:
    r"""Write as an error envelope (FACTS.md, "Error bodies"): ``<``, ``>`` and ``&`` as ``\u003c`` and so on."""
    written = encode(value)
    for character in b"<>&":
        written = written.replace(bytes([character]), b"\\u%04x" % character)
    return written


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def type_name(value: object) -> str:
    """Return what JSON calls the type of a value."""
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
