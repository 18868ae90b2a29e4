"""Wraps spans into lines of a terminal. Words break at spaces; Chinese and Japanese also between characters."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.cells import cell_len

from mmpipe.writers.markdown.spans import Span

# Characters of scripts that are written without spaces, in two cells each.
WIDE: Final = "[\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]"
_CLOSERS: Final = "\u3001\u3002\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\uff09\uff3d\uff5d\u3009\u300b\u300d\u300f\u3011\u3015\u2019\u201d\u2026\u30fc,.:;!?)]}%"
_OPENERS: Final = "\uff08\uff3b\uff5b\u3008\u300a\u300c\u300e\u3010\u3014\u2018\u201c([{"
_UNITS: Final = re.compile(rf"\n| +|{WIDE}[\u3099\u309a\ufe00-\ufe0f]*|(?:(?!{WIDE})[^ \n])+")
_IS_WIDE: Final = re.compile(WIDE)

Line = list[Span]


def measure(spans: Iterable[Span]) -> int:
    """Return the cells of a line."""
    return sum(cell_len(span.text) for span in spans)


def wrap(spans: Iterable[Span], width: int, *, folds: bool = False) -> list[Line]:
    """Return lines of at most `width` cells; a longer word stands alone, or is cut in pieces if `folds`."""
    lines: list[Line] = [[]]
    used = 0
    spaces: Line = []
    for word in _split_words(spans):
        if word[0].text == "\n":
            lines.append([])
            used, spaces = 0, []
        elif word[0].text.isspace():
            spaces = word if lines[-1] else []
        else:
            size, gap = measure(word), measure(spaces)
            if used and used + gap + size > width:
                lines.append([])
                used, gap, spaces = 0, 0, []
            pieces = _fold(word, width) if folds and size > width else [word]
            lines[-1] += [*spaces, *pieces[0]]
            lines += pieces[1:]
            used = used + gap + size if len(pieces) == 1 else measure(pieces[-1])
            spaces = []
    return [_join(line) for line in lines]


def _split_words(spans: Iterable[Span]) -> Iterator[Line]:
    """Yield words, runs of spaces and line breaks; a word may have several styles."""
    word: Line = []
    for span in spans:
        for found in _UNITS.finditer(span.text):
            unit = Span(found[0], span.style)
            if word and _can_break(word[-1].text, unit.text):
                yield word
                word = []
            word.append(unit)
    if word:
        yield word


def _can_break(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return True
    if after[0] in _CLOSERS or before[-1] in _OPENERS:
        return False
    return _IS_WIDE.match(before[-1]) is not None or _IS_WIDE.match(after) is not None


def _fold(word: Line, width: int) -> list[Line]:
    """Return the word in lines of at most `width` cells, or of one character."""
    lines: list[Line] = [[]]
    used = 0
    for span in word:
        for character in span.text:
            size = cell_len(character)
            if used + size > width and lines[-1]:
                lines.append([])
                used = 0
            lines[-1].append(Span(character, span.style))
            used += size
    return lines


def _join(line: Sequence[Span]) -> Line:
    """Return the line with neighbours of one style joined."""
    joined: Line = []
    for span in line:
        if joined and joined[-1].style == span.style:
            joined[-1] = Span(joined[-1].text + span.text, span.style)
        else:
            joined.append(span)
    return joined
