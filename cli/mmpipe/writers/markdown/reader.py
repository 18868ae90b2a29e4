"""Reads Markdown line by line into blocks, by the algorithm of CommonMark (Appendix, "Phase 1"), with the tables of GitHub.

Each line costs time by its own length: no more than so many containers are open, and nothing is read twice.
"""

import re
from collections.abc import Callable
from typing import Final

from mmpipe.writers.markdown import blocks, leaves
from mmpipe.writers.markdown.blocks import Block, Margin
from mmpipe.writers.markdown.container_stack import ContainerStack
from mmpipe.writers.markdown.containers import CODE_INDENT, Cursor, ItemMark, Quote, skip_quote_mark
from mmpipe.writers.markdown.rows import read_alignments, read_row, split_cells
from mmpipe.writers.markdown.splitting import LIMIT, LineCutter

_DEPTH: Final = 12  # most containers in each other; deeper marks are text
_HEADING: Final = re.compile(r"#{1,6}(?=[ \t]|$)")
_UNDERLINE: Final = re.compile(r"(?P<mark>=+|-+)[ \t]*$")
_RULE: Final = re.compile(r"(?:(?:\*[ \t]*){3,}+|(?:-[ \t]*){3,}+|(?:_[ \t]*){3,}+)$")


class BlockReader:
    """Reader of one text, which comes in pieces; the blocks are the same however it is cut."""

    def __init__(self) -> None:
        self._cutter = LineCutter()
        self._around = ContainerStack()
        self._leaf: leaves.OpenParagraph | leaves.OpenTable | leaves.OpenVerbatim | None = None
        self._is_in_line = False
        self._ready: list[Block] = []
        self._openings: tuple[Callable[[Cursor, int], bool], ...] = (
            self._open_heading,
            self._open_verbatim,
            self._underline,
            self._open_table,
            self._open_rule,
        )

    def feed(self, text: str) -> list[Block]:
        """Return the blocks, and the parts of blocks, that are whole now."""
        for line, is_ended in self._cutter.feed(text):
            self._read(line, is_ended=is_ended)
        return self._take()

    def close(self) -> list[Block]:
        """Return the rest; the reader is ready for another text then."""
        for line, is_ended in self._cutter.close():
            self._read(line, is_ended=is_ended)
        self._start(0)
        self._is_in_line = False
        return self._take()

    def _take(self) -> list[Block]:
        ready, self._ready = self._ready, []
        return ready

    def _read(self, line: str, *, is_ended: bool) -> None:
        goes_on, self._is_in_line = self._is_in_line, not is_ended
        cursor = Cursor(line)
        if goes_on:
            self._go_on(cursor)
            return
        matched = self._around.match(cursor)
        if matched == len(self._around) and self._take_verbatim(cursor):
            return
        if cursor.is_blank and is_ended:
            self._close(matched)
            self._around.has_blank = True
            return
        matched = self._open_containers(cursor, matched)
        if cursor.is_blank:
            return
        if not self._open_leaf(cursor, matched):
            self._add_text(cursor, matched)

    def _go_on(self, cursor: Cursor) -> None:
        """Read a further piece of a very long line: nothing begins in it."""
        if isinstance(self._leaf, leaves.OpenVerbatim):
            self._ready.append(blocks.VerbatimLine(cursor.rest, not self._is_in_line))
        elif not cursor.is_blank:
            self._close_leaf(leaves.OpenTable)
            self._add_text(cursor, len(self._around))

    # Containers

    def _open_containers(self, cursor: Cursor, matched: int) -> int:
        """Open the quotes and items that begin in this line, and return the number of containers around the rest."""
        while cursor.indent < CODE_INDENT and matched < _DEPTH:
            if self._is_rule_or_underline(cursor, matched):
                break
            if skip_quote_mark(cursor):
                self._start(matched)
                self._around.push(Quote())
            elif (mark := self._find_item(cursor, matched)) is not None:
                self._close(matched)
                self._around.push(self._around.create_item(cursor, mark))
            else:
                break
            matched += 1
        return matched

    def _is_rule_or_underline(self, cursor: Cursor, matched: int) -> bool:
        text = cursor.rest.lstrip(" \t")
        return _RULE.match(text) is not None or (
            self._is_in_paragraph(matched) and _UNDERLINE.match(text) is not None
        )

    def _find_item(self, cursor: Cursor, matched: int) -> ItemMark | None:
        """Return the mark of an item that begins here."""
        text = cursor.rest.lstrip(" \t")
        mark = ItemMark.find(text)
        if mark is not None and self._is_in_paragraph(matched):
            # A number in a sentence may stand at the beginning of a line.
            is_empty = not text[mark.length :].strip(" \t")
            if is_empty or mark.number not in (None, 1):
                return None
        return mark

    def _close(self, matched: int) -> None:
        """Close the leaf, and all containers but the first `matched`."""
        self._close_leaf()
        while len(self._around) > matched:
            if self._around.has_mark:
                self._ready.append(blocks.Paragraph(self._begin(), ""))
            self._around.pop()

    # Leaves

    def _begin(self, *, wants_gap: bool = False) -> Margin:
        """Begin a leaf, perhaps after a blank line, and return its margin."""
        gap = self._around.find_gap(wants_gap=wants_gap)
        if gap is not None:
            self._ready.append(gap)
        return self._around.take_margin()

    def _is_in_paragraph(self, matched: int) -> bool:
        return isinstance(self._leaf, leaves.OpenParagraph) and matched == len(self._around)

    def _open_leaf(self, cursor: Cursor, matched: int) -> bool:
        """Open the leaf that this line begins, but for a paragraph; return False if it begins none."""
        if cursor.indent < CODE_INDENT:
            return any(opens(cursor, matched) for opens in self._openings)
        if isinstance(self._leaf, leaves.OpenParagraph):
            return False
        self._start_verbatim(leaves.open_indented_code(), cursor, matched)
        return True

    def _open_heading(self, cursor: Cursor, matched: int) -> bool:
        text = cursor.rest.lstrip(" \t")
        found = _HEADING.match(text)
        if found is None:
            return False
        title = text[found.end() :].strip(" \t")
        shorter = title.rstrip("#")
        if not shorter or shorter[-1] in " \t":
            title = shorter.rstrip(" \t")
        self._start(matched)
        self._ready.append(blocks.Heading(self._begin(wants_gap=True), found.end(), title))
        return True

    def _open_verbatim(self, cursor: Cursor, matched: int) -> bool:
        text, indent = cursor.rest.lstrip(" \t"), cursor.indent
        opened = (
            leaves.open_fence(text, indent)
            or leaves.open_formula(text)
            or leaves.open_html(text, in_paragraph=self._is_in_paragraph(matched))
        )
        if opened is None:
            return False
        self._start_verbatim(opened, cursor, matched)
        return True

    def _underline(self, cursor: Cursor, matched: int) -> bool:
        """Make the paragraph a heading, if this line is its underline."""
        found = _UNDERLINE.match(cursor.rest.lstrip(" \t"))
        paragraph = self._leaf
        if found is None or not isinstance(paragraph, leaves.OpenParagraph) or matched < len(self._around):
            return False
        self._leaf = None
        level = 1 if found["mark"].startswith("=") else 2
        self._ready.append(blocks.Heading(paragraph.margin, level, paragraph.text.replace("\n", " ")))
        return True

    def _open_table(self, cursor: Cursor, matched: int) -> bool:
        """Make the last line of the paragraph the header of a table, if this line is the one below a header."""
        paragraph, alignments = self._leaf, read_alignments(cursor.rest)
        if not alignments or not isinstance(paragraph, leaves.OpenParagraph) or matched < len(self._around):
            return False
        *before, header = paragraph.parts or [""]
        cells = split_cells(header.rstrip("\n"))
        if len(cells) != len(alignments):
            return False
        margin = paragraph.margin
        if before:
            paragraph.parts = before
            self._close_leaf()
            margin = self._begin()
        self._leaf = leaves.OpenTable(len(cells))
        self._ready.append(blocks.TableStart(margin, tuple(cells), alignments))
        return True

    def _open_rule(self, cursor: Cursor, matched: int) -> bool:
        if not _RULE.match(cursor.rest.lstrip(" \t")):
            return False
        self._start(matched)
        self._ready.append(blocks.Rule(self._begin()))
        return True

    def _start(self, matched: int) -> None:
        self._close(matched)
        self._around.end_lists(matched)

    def _start_verbatim(self, opened: leaves.OpenVerbatim, cursor: Cursor, matched: int) -> None:
        self._start(matched)
        self._ready.append(blocks.VerbatimStart(self._begin(), opened.kind, opened.language))
        self._leaf = opened
        if opened.last != "dropped":
            # The first line is part of it.
            self._add_verbatim(opened, cursor)
            if opened.last == "part" and opened.kind == "html" and opened.closing.search(cursor.rest):
                self._close_leaf()

    def _add_verbatim(self, leaf: leaves.OpenVerbatim, cursor: Cursor) -> None:
        self._ready += [blocks.VerbatimLine("")] * leaf.blanks
        leaf.blanks = 0
        cursor.skip_indent(leaf.indent)
        self._ready.append(blocks.VerbatimLine(cursor.rest, not self._is_in_line))

    def _take_verbatim(self, cursor: Cursor) -> bool:
        """Add the line to open verbatim text; return False if it is no part of any."""
        leaf = self._leaf
        if not isinstance(leaf, leaves.OpenVerbatim):
            return False
        is_last = leaf.closing.search(" " * cursor.indent + cursor.rest.lstrip(" \t")) is not None
        if leaf.last == "left" and cursor.is_blank and not is_last:
            leaf.blanks += 1
            return True
        if not is_last or leaf.last == "part":
            self._add_verbatim(leaf, cursor)
        if is_last:
            self._close_leaf()
        return not is_last or leaf.last != "left"

    def _add_text(self, cursor: Cursor, matched: int) -> None:
        """Add a line of text to the open paragraph or table, or begin a paragraph."""
        if isinstance(self._leaf, leaves.OpenTable) and matched == len(self._around):
            self._ready.append(blocks.TableRow(read_row(cursor.rest, self._leaf.columns)))
            return
        if not isinstance(self._leaf, leaves.OpenParagraph):
            self._start(matched)
            self._leaf = leaves.OpenParagraph(self._begin())
        self._leaf.add(cursor.rest.lstrip(" \t") + ("" if self._is_in_line else "\n"))
        if self._leaf.size >= LIMIT:
            margin, text = self._leaf.margin, self._leaf.cut()
            self._ready.append(blocks.Paragraph(margin, text))

    def _close_leaf(self, kind: type | None = None) -> None:
        """End the open leaf, or only one of this kind."""
        leaf = self._leaf
        if leaf is None or (kind is not None and not isinstance(leaf, kind)):
            return
        self._leaf = None
        if isinstance(leaf, leaves.OpenParagraph):
            if leaf.text:
                self._ready.append(blocks.Paragraph(leaf.margin, leaf.text))
        elif isinstance(leaf, leaves.OpenVerbatim):
            self._around.has_blank |= leaf.blanks > 0
            self._ready.append(blocks.VerbatimEnd())
        else:
            self._ready.append(blocks.TableEnd())
