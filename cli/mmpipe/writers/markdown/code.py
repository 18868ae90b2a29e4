"""Colours code line by line, so that a line can be written when it has come."""

import re
from typing import Final

from mmpipe.writers.markdown.languages import Grammar, find_grammar
from mmpipe.writers.markdown.spans import BLUE, BOLD, CYAN, DIM, GREEN, MAGENTA, RED, Span, add_style

_NAME: Final = add_style(BOLD, BLUE)
_STYLES: Final = {"comment": DIM, "name": _NAME, "string": GREEN, "number": CYAN}
_DIFF: Final = {"+": GREEN, "-": RED, "@": CYAN}
_DIFF_NAMES: Final = ("diff", "patch", "udiff")


class CodeReader:
    """Reader of one code block; a comment or string of many lines goes on in the next line."""

    def __init__(self, language: str) -> None:
        self._is_diff = language.lower() in _DIFF_NAMES
        self._grammar = find_grammar(language)
        self._closing: re.Pattern[str] | None = None
        self._style = ""

    def read(self, line: str) -> list[Span]:
        """Return the line with its colours, and not a character more or less."""
        if self._is_diff:
            return [Span(line, _DIFF.get(line[:1], ""))]
        return [Span(line)] if self._grammar is None else self._read_tokens(line, self._grammar)

    def _read_tokens(self, line: str, grammar: Grammar) -> list[Span]:
        spans: list[Span] = []
        place = 0
        while place < len(line):
            if self._closing is not None:
                place = self._read_block(line, place, 0, spans)
                continue
            found = grammar.token.search(line, place)
            if found is None:
                break
            if found.start() > place:
                spans.append(Span(line[place : found.start()]))
            place = found.end()
            kind, text = found.lastgroup, found[0]
            if kind == "block":
                self._closing = next(
                    closing for opening, closing in grammar.closings if opening.fullmatch(text)
                )
                self._style = DIM if _is_comment(text) else GREEN
                place = self._read_block(line, found.start(), len(text), spans)
            elif kind == "word":
                style = MAGENTA if grammar.is_word(text) else CYAN if grammar.is_constant(text) else ""
                spans.append(Span(text, style))
            else:
                spans.append(Span(text, _STYLES[str(kind)]))
        spans.append(Span(line[place:]))
        return spans

    def _read_block(self, line: str, place: int, skipped: int, spans: list[Span]) -> int:
        """Add the part of an open comment or string that is in this line; return its end."""
        found = None if self._closing is None else self._closing.match(line, place + skipped)
        end = len(line) if found is None else found.end()
        if found is not None:
            self._closing = None
        spans.append(Span(line[place:end], self._style))
        return end


def _is_comment(opening: str) -> bool:
    return opening[0] not in "\"'`["
