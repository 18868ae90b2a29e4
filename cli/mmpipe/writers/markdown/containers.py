"""Containers of Markdown: quotes and list items; and the position in a line behind their marks. CommonMark, 5.1 and 5.2."""

import re
from typing import Final

from mmpipe.dataclass import dataclass

CODE_INDENT: Final = 4  # columns; from there on a line is code, or goes on with a paragraph
_TAB: Final = 4
_BAR: Final = "│ "
_ITEM: Final = re.compile(r"(?P<number>\d{1,9}(?=[.)]))?(?P<kind>(?(number)[.)]|[-+*]))(?=[ \t]|$)", re.ASCII)
_BULLETS: Final = "•◦▪"


@dataclass(slots=True)
class Cursor:
    """Position in a line: the `rest` of it, which begins at `column`; tabs go to every fourth column."""

    rest: str
    column: int = 0

    @property
    def is_blank(self) -> bool:
        """True if nothing but spaces and tabs is left."""
        return not self.rest.strip(" \t")

    @property
    def indent(self) -> int:
        """The columns of spaces and tabs that come next."""
        column = self.column
        for character in self.rest:
            if character == " ":
                column += 1
            elif character == "\t":
                column += _TAB - column % _TAB
            else:
                break
        return column - self.column

    def skip_indent(self, most: int) -> None:
        """Go over at most so many columns of spaces and tabs; what is left of a tab are spaces."""
        place = 0
        while most > 0 and self.rest[place : place + 1] in (" ", "\t"):
            width = 1 if self.rest[place] == " " else _TAB - self.column % _TAB
            place += 1
            self.column += min(width, most)
            if width > most:
                self.rest = " " * (width - most) + self.rest[place:]
                return
            most -= width
        self.rest = self.rest[place:]

    def skip(self, length: int) -> None:
        """Go over so many characters."""
        self.rest = self.rest[length:]
        self.column += length


@dataclass(frozen=True, slots=True)
class ItemMark:
    """Mark of a list item: its kind (`-`, `+`, `*`, `.`, `)`), its number if it has one, and its length."""

    kind: str
    number: int | None
    length: int

    @classmethod
    def find(cls, text: str) -> "ItemMark | None":
        """Return the mark with which `text` begins."""
        found = _ITEM.match(text)
        if found is None:
            return None
        number = found["number"]
        return cls(found["kind"], None if number is None else int(number), found.end())

    def describe(self, number: int | None, depth: int) -> str:
        """Return the mark as it is shown, in a list with `depth` lists around it."""
        return f"{_BULLETS[depth % len(_BULLETS)]} " if number is None else f"{number}{self.kind} "


@dataclass(slots=True, eq=False)
class Quote:
    """Block quote."""

    first: str = _BAR
    rest: str = _BAR
    is_empty: bool = True

    def continues(self, cursor: Cursor) -> bool:
        """Go behind the mark of the quote, and return True if the line has one."""
        return skip_quote_mark(cursor)


@dataclass(slots=True, eq=False)
class Item:
    """List item, whose lines begin at column `offset`; `first` is its mark until that is shown."""

    first: str
    offset: int
    rest: str = ""
    is_empty: bool = True

    def __post_init__(self) -> None:
        """Make the other lines as wide as the mark."""
        self.rest = " " * len(self.first)

    def continues(self, cursor: Cursor) -> bool:
        """Go to the content of the item, and return True if the line belongs to the item."""
        if cursor.is_blank:
            # An item may begin with one blank line, not with two.
            return not self.is_empty
        if cursor.indent < self.offset:
            return False
        cursor.skip_indent(self.offset)
        return True


Container = Quote | Item


def skip_quote_mark(cursor: Cursor) -> bool:
    """Go behind the mark of a quote and a space after it; return False if there is none."""
    if cursor.indent >= CODE_INDENT or not cursor.rest.lstrip(" \t").startswith(">"):
        return False
    cursor.skip_indent(CODE_INDENT)
    cursor.skip(1)
    cursor.skip_indent(1)
    return True


def count_content_offset(cursor: Cursor, mark: ItemMark) -> int:
    """Go behind the mark of an item, and return the columns from here to its content, the mark included."""
    indent = cursor.indent
    cursor.skip_indent(indent)
    cursor.skip(mark.length)
    spaces = cursor.indent
    if cursor.is_blank or spaces > CODE_INDENT:
        # Blank, or code that begins one space behind the mark.
        spaces = 1
    cursor.skip_indent(spaces)
    return indent + mark.length + spaces
