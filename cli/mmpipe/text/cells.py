"""Text for decisions: its width on any terminal, and names for what a reader would not see."""

from unicodedata import category, east_asian_width

from mmpipe.text.visible import visible

# Printable for Python, and yet blank or without effect on most terminals: fillers, variation selectors, blank symbols.
_BLANK = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164),
        *(*range(0xFE00, 0xFE10), 0xFFA0, 0x16FE4, 0x1D159, *range(0xE0100, 0xE01F0)),
    )
)
_MAX_MARKS = 2  # combining marks on one character; more could cover the lines around it
_LINE_ENDS = str.maketrans({"\n": "\u240a", "\t": "\u2409"})


def count_cells(character: str) -> int:
    """Return the most cells that any terminal takes for a printable character; a combining mark counts as one."""
    # Terminals disagree about ambiguous characters, and about symbols that may be emoji.
    return 2 if east_asian_width(character) in "WFA" or category(character) == "So" else 1


def measure_line(line: str) -> int:
    """Return the most cells that any terminal takes for a line of printable characters."""
    return sum(map(count_cells, line))


def name_invisible(text: str) -> str:
    """Return the text with each invisible character, line ends too, as a picture (`\u240a`) or its number (`<U+200B>`)."""
    named: list[str] = []
    marks = _MAX_MARKS
    for character in visible(text).translate(_LINE_ENDS):
        is_mark = category(character).startswith("M")
        marks = marks + 1 if is_mark else 0
        is_seen = character.isprintable() and ord(character) not in _BLANK and marks <= _MAX_MARKS
        named.append(character if is_seen else f"<U+{ord(character):04X}>")
    return "".join(named)
