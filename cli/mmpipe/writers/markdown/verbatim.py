"""Draws what is shown as it was written: code at the left edge, so that it can be copied, HTML and formulas in their place."""

from collections.abc import Iterator
from typing import Final

from mmpipe.writers.markdown.blocks import VerbatimLine, VerbatimStart
from mmpipe.writers.markdown.code import CodeReader
from mmpipe.writers.markdown.spans import DIM, MAGENTA, Span, split_margin
from mmpipe.writers.markdown.wrapping import Line

_EDGE: Final = "───"
_LINE_END: Final = Span("\n")
_STYLES: Final = {"html": DIM, "math": MAGENTA, "code": ""}


class VerbatimDrawing:
    """Drawing of one block, line by line. Lines are never wrapped: the terminal does that, and copies them whole."""

    def __init__(self, start: VerbatimStart) -> None:
        self._start = start
        self._code = CodeReader(start.language) if start.kind == "code" else None
        self._is_first = True
        self._is_in_line = False

    def begin(self) -> Iterator[Line]:
        """Yield the line above code, which names its language."""
        if self._code is not None:
            margin = self._start.margin
            mark = "" if margin.first == margin.rest else margin.first
            edge = f"{_EDGE} {self._start.language}".rstrip(" ")
            yield [*split_margin(mark), Span(edge, DIM), _LINE_END]

    def add(self, line: VerbatimLine) -> Iterator[Line]:
        """Yield the line, or the piece of a line."""
        if self._code is not None:
            spans = self._code.read(line.text)
        else:
            margin = self._start.margin.first if self._is_first else self._start.margin.rest
            place = [] if self._is_in_line else split_margin(margin)
            spans = [*place, Span(line.text, _STYLES[self._start.kind])]
        self._is_first, self._is_in_line = False, not line.is_ended
        yield [*spans, _LINE_END] if line.is_ended else spans

    def end(self) -> Iterator[Line]:
        """Yield the line below code."""
        if self._is_in_line:
            yield [_LINE_END]
        if self._code is not None:
            yield [Span(_EDGE, DIM), _LINE_END]
