"""Makes control characters visible, so that no text from outside can control a terminal (README, "What you can rely on")."""

import json

# Newline and tab stay: text needs them. Everything else below 0x20 moves the cursor, clears or rings.
_C0 = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
_NAMED = (
    *range(0x80, 0xA0),  # C1: a lone 0x9B is CSI
    0x061C,
    *range(0x200E, 0x2010),
    *range(0x202A, 0x202F),  # bidi embeddings and overrides
    *range(0x2066, 0x2070),  # bidi isolates
    *range(0xE0000, 0xE0080),  # tags: invisible text
    *range(0xD800, 0xE000),  # lone surrogates, which UTF-8 cannot express
)
_TABLE = _C0 | {code: f"<U+{code:04X}>" for code in _NAMED}
_ONE_LINE = _TABLE | {ord("\n"): " ", ord("\t"): " "}
# The same characters as JSON escapes; JSON itself escapes those below 0x20.
_JSON = {code: json.dumps(chr(code))[1:-1] for code in (0x7F, *_NAMED)}


def visible(text: str) -> str:
    """Return `text` with every control character but newline and tab as a picture (`␛`) or a name (`<U+202E>`)."""
    return text.translate(_TABLE)


def one_line(text: str, limit: int = 600) -> str:
    """Return `text` as one line for stderr: visible, without line ends, at most `limit` characters."""
    line = text.translate(_ONE_LINE).strip()
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def visible_json(document: str) -> str:
    """Return an equal JSON document with escapes instead of such characters."""
    return document.translate(_JSON)
