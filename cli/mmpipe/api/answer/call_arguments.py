"""Reads the arguments of a tool call from the pieces in which servers send them; pure.

Most servers send new text in each piece. Others repeat text (FACTS.md, "Tool calls of other servers"). The arguments
are the first of these readings that is JSON:

* all pieces joined: valid arguments never change;
* several documents, each of which begins with a piece: the last one, if each is a part of the next. Empty documents
  are placeholders and do not count;
* cumulative pieces: the last one, if the text before it is a beginning of it.

Otherwise all pieces are joined: the arguments are not JSON, and the caller decides what follows.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final

from mmpipe.api.answer.surrogates import join_surrogates
from mmpipe.core.calls import is_valid_json
from mmpipe.text import strict_json

_NO_ARGUMENTS: Final = "{}"
# Texts that servers send where there are no arguments (yet).
_NONE: Final = ("", "null")
_EMPTY: Final = (*_NONE, "{}", "[]", '""')
_MARK_IN_STRING: Final = re.compile(r'["\\]')
_MARK: Final = re.compile(r'"|[{}\[\]]+')
DEEPEST: Final = 100  # levels; deeper documents are not compared


def read_arguments(pieces: Sequence[str]) -> str:
    """Return the arguments as one text: JSON if there is a reading that gives JSON, `{}` for none."""
    joined = join_surrogates("".join(pieces))
    if joined.strip() in _NONE:
        return _NO_ARGUMENTS
    if len(pieces) == 1 or is_valid_json(joined):
        return joined
    read = _last_document(pieces) or _last_cumulative(pieces)
    return joined if read is None else join_surrogates(read)


def is_part(earlier: object, later: object) -> bool:
    """Return True if the JSON value `later` continues `earlier`: more keys, more items or longer strings."""
    if earlier is None:
        return True
    if isinstance(earlier, str) and isinstance(later, str):
        return later.startswith(earlier)
    if isinstance(earlier, dict) and isinstance(later, dict):
        return all(key in later and is_part(value, later[key]) for key, value in earlier.items())
    if isinstance(earlier, list) and isinstance(later, list):
        return len(earlier) <= len(later) and all(map(is_part, earlier, later))
    return type(earlier) is type(later) and earlier == later


def is_empty(arguments: str) -> bool:
    """Return True for a text that stands for no arguments."""
    return arguments.strip() in _EMPTY


class EndFinder:
    """Follows JSON text to the end of its outermost array, object or string; takes linear time."""

    def __init__(self) -> None:
        self._depth = self._skipped = 0
        self._in_string = self._begun = False

    @property
    def is_closed(self) -> bool:
        """True if the text so far ends with a closed value, which need not be JSON."""
        return self._begun and self._depth <= 0 and not self._in_string

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        at = self._skipped
        while at < len(text):
            mark = (_MARK_IN_STRING if self._in_string else _MARK).search(text, at)
            if mark is None:
                at = len(text)
                break
            at = mark.end()
            self._begun = True
            if (found := mark[0]) == "\\":
                at += 1
            elif found == '"':
                self._in_string = not self._in_string
            else:
                opened = found.count("{") + found.count("[")
                self._depth = max(self._depth, 0) + 2 * opened - len(found)
        self._skipped = at - len(text)


def _last_document(pieces: Sequence[str]) -> str | None:
    """The last document, if the pieces are documents and each is a part of the next; else None."""
    try:
        documents = list(_documents(pieces))
    except ValueError:
        return None
    found = [(text, value) for text, value in documents if not is_empty(text)]
    if not found:
        return next((text for text, _ in documents if text.strip() not in _NONE), _NO_ARGUMENTS)
    values = [value for _, value in found]
    if strict_json.is_deeper(values, DEEPEST) or not all(is_part(*pair) for pair in pairwise(values)):
        return None
    return found[-1][0]


def _documents(pieces: Sequence[str]) -> Iterator[tuple[str, object]]:
    """The documents that begin where a piece begins, each with its value; None for a piece that is empty.

    A document ends with the piece that ends its value, and the spaces behind; a number or a word only at the end of all.
    Raises ValueError for a document that is not JSON. JSON is read by the decoder alone: a step for each of its signs
    would take seconds.
    """
    text, ends = "".join(pieces), list(accumulate(map(len, pieces)))
    start = number = 0
    while number < len(pieces):
        end, value = ends[number], None
        if not is_empty(pieces[number]):
            value, (begin, value_end) = strict_json.load_first(text, start)
            is_closed = isinstance(value, dict | list | str)
            number = bisect_left(ends, value_end if is_closed else len(text), number)
            while number + 1 < len(pieces) and not pieces[number + 1].strip():
                number += 1
            end = ends[number]
            spaces = text[start:begin] + text[value_end:end]
            if spaces.strip(strict_json.SPACES) and not is_empty(text[start:end]):
                raise ValueError("not JSON")
        yield text[start:end], value
        start, number = end, number + 1


def _last_cumulative(pieces: Sequence[str]) -> str | None:
    """The last piece, if it is JSON, and the others are beginnings of it, each or joined; else None."""
    readings = (
        [piece for piece in pieces if not is_empty(piece)],
        # `{` and then `{}` are the pieces of an empty object.
        [piece for piece in pieces if piece.strip() not in _NONE],
    )
    return next((whole[-1] for whole in readings if _is_cumulative(whole)), None)


def _is_cumulative(whole: Sequence[str]) -> bool:
    if not whole or not is_valid_json(whole[-1]):
        return False
    # A piece may end between the two surrogates of a character.
    *before, last = (piece.encode("utf-16-le", "surrogatepass") for piece in whole)
    return all(map(last.startswith, before)) or last.startswith(b"".join(before))
