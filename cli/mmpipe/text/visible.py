"""Makes control characters visible, so that no text from outside can control a terminal (README, "What you can rely on")."""

import json

# Newline and tab are what text is laid out with; everything else below 0x20 moves, clears or rings.
_C0 = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
_NAMED = (
    *range(0x80, 0xA0),  # C1: a lone 0x9B is CSI
    0x061C,
    *range(0x200E, 0x2010),
    *range(0x202A, 0x202F),  # bidi embeddings and overrides
    *range(0x2066, 0x2070),  # bidi isolates
    *range(0xE0000, 0xE0080),  # tags: text that no human sees
    *range(0xD800, 0xE000),  # halves of surrogate pairs: no UTF-8 has them
)
_TABLE = _C0 | {code: f"<U+{code:04X}>" for code in _NAMED}
_ONE_LINE = _TABLE | {ord("\n"): " ", ord("\t"): " "}
# The same characters as JSON escapes; below 0x20 JSON has escaped them already.
_JSON = {code: json.dumps(chr(code))[1:-1] for code in (0x7F, *_NAMED)}


def visible(text: str) -> str:
    """`text` with every control but newline and tab shown as a picture (`␛`) or a name (`<U+202E>`)."""
    return text.translate(_TABLE)


def one_line(text: str, limit: int = 600) -> str:
    """`text` fit for one line of stderr: visible, without line ends, at most `limit` characters."""
    line = text.translate(_ONE_LINE).strip()
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def visible_json(document: str) -> str:
    """A JSON document that means the same and holds no such character."""
    return document.translate(_JSON)
