"""Finds the closing tag of thinking whose opening tag is missing, in a text that begins without a tag; pure.

Chat templates that end a prompt with `<think>` leave the opening tag out of the answer (FACTS.md, "Thinking in the content").
An answer may also mention the tag. So only the first tag of the text counts, tags in code aside, and text must follow it.
Unless a tag counts `anywhere`, it must stand as these models write it: alone on its line, or at the end of a line right
behind a word or a sign, with an empty line after it.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

OPENERS: Final = ("<think>", "<mm:think>")
CLOSERS: Final = ("</think>", "</mm:think>")
TAG_END: Final = "think>"  # of each of them

_TAG: Final = re.compile(r"</?(?:mm:)?think>")
_MARK: Final = re.compile(rf"`+|{_TAG.pattern}")
_MOST_MARKS: Final = 10_000  # tags, runs of backticks, and blocks: each takes a step
_OWN_LINE: Final = re.compile(r"[ \t]*\r?\n")
_EMPTY_LINE: Final = re.compile(r"[ \t]*\r?\n[ \t]*\r?\n")
# Before a tag that is mentioned, and not meant.
_QUOTES: Final = "\"'`(<[{\u201c\u2018\u00ab*_"


def find_lone_closer(text: str, *, anywhere: bool) -> tuple[int, int] | None:
    """Return the start and the end of the tag that ends the thinking at the beginning of `text`; None if there is none."""
    tag = find_first_tag(text) if any(closer in text for closer in CLOSERS) else None
    if tag is None or text.startswith(OPENERS, tag[0]):
        return None
    start, end = tag
    is_meant = anywhere or (_stands_apart(text, start, end) and text[end:].strip() != "")
    return tag if is_meant else None


def find_first_tag(text: str) -> tuple[int, int] | None:
    """Return the start and the end of the first tag outside fenced blocks and outside the code spans of its line.

    A tag behind very many blocks or marks is not found.
    """
    # Compiles expressions, and few answers have a tag.
    from mmpipe.text.fences import find_outside

    parts = islice(find_outside(text), _MOST_MARKS)
    marks = chain.from_iterable(_marks_beside_tags(text, *part) for part in parts)
    line, span = -1, ""
    for begin, mark in islice(marks, _MOST_MARKS):
        if begin != line:
            line, span = begin, ""
        if mark[0].startswith("`"):
            span = "" if span == mark[0] else span or mark[0]
        elif not span:
            return mark.span()
    return None


def _marks_beside_tags(text: str, start: int, end: int) -> Iterator[tuple[int, re.Match[str]]]:
    """The marks of each line that has a tag, between `start` and `end`, with the place where the line begins."""
    while tag := _TAG.search(text, start, end):
        begin = max(start, text.rfind("\n", start, tag.start()) + 1)
        newline = text.find("\n", tag.end(), end)
        start = end if newline < 0 else newline
        for mark in _MARK.finditer(text, begin, start):
            yield begin, mark


def _stands_apart(text: str, start: int, end: int) -> bool:
    before = text[start - 1 : start]
    if before in ("", "\n"):
        return _OWN_LINE.match(text, end) is not None
    return not before.isspace() and before not in _QUOTES and _EMPTY_LINE.match(text, end) is not None
