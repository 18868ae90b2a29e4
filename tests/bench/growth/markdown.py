"""Markdown of every kind, read into blocks and drawn as lines for a terminal."""

from growth.case import Case, cut
from mmpipe.writers.markdown.page import Page
from mmpipe.writers.markdown.reader import BlockReader

_WIDTH = 40  # cells
_PIECE = 4096  # characters

_ROWS_BELOW = "| a | b |\n|---|---|\n"
_MANY_COLUMNS = f"{'|a' * 99}|\n{'|-' * 99}|\n"

# The unit that repeats; some have a text before all of them.
_UNITS = {
    "words": ("the quick brown fox ", ""),
    "lines": ("a\n", ""),
    "paragraphs": ("the quick brown fox\n\n", ""),
    "items": ("- a\n", ""),
    "items in each other": ("- ", ""),
    "quotes in each other": ("> ", ""),
    "brackets": ("[", ""),
    "images without an end": ("![", ""),
    "links without an end": ("[a](", ""),
    "stars": ("*", ""),
    "emphasis without an end": ("**a", ""),
    "emphasis": ("**a** ", ""),
    "backticks": ("`", ""),
    "code without an end": ("`a ", ""),
    "formulas without an end": ("$a ", ""),
    "tags without an end": ("<", ""),
    "ampersands": ("&", ""),
    "fences": ("```\n", ""),
    "code": ("def f(): # '''\n", "```python\n"),
    "tables": ("| a |\n|---|\n", ""),
    "rows of a table": ("c | d\n", _ROWS_BELOW),
    "short rows of a table of many columns": ("|\n", _MANY_COLUMNS),
    "empty rows of a table of many columns": ("|" * 100 + "\n", _MANY_COLUMNS),
}


def _drawn(text: str) -> None:
    reader = BlockReader()
    page = Page(lambda: _WIDTH, has_styles=True)
    for piece in cut(text, _PIECE):
        page.draw(reader.feed(piece))
    page.draw(reader.close())


# Drawn, a megabyte takes some seconds.
MARKDOWN = tuple(
    Case(f"Markdown: {name}", lambda size, unit=unit, before=before: before + unit * (size // 8 // len(unit)), _drawn)  # type: ignore[misc]
    for name, (unit, before) in _UNITS.items()
)  # fmt: skip
