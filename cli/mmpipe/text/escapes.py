"""Patterns for a text whose characters stand as they are or escaped: in JSON, JSON within JSON, URLs and HTML; pure."""

import re
from typing import Final

_BEHIND_BACKSLASH: Final = '"\\/'  # characters that JSON may have behind a backslash


def escaped_pattern(character: str) -> str:
    """Return a pattern for one character, as it is or escaped in any of these ways; compare without case."""
    code = ord(character)
    # At most so many backslashes, since a run of them is searched from each of its places.
    backslashes = r"\\{0,16}" if character in _BEHIND_BACKSLASH else ""
    escapes = rf"\\{{1,16}}(?:u{code:04x}|x{code:02x}|u\{{0{{0,4}}{code:x}\}})|%{code:02x}|&\#(?:0{{0,5}}{code}|x0{{0,5}}{code:x});"
    return f"(?:{backslashes}{re.escape(character)}|{escapes})"
