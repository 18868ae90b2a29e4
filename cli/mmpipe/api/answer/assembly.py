"""Assembles an object from the pieces that deltas bring: texts, constants, inner objects, and lists.

The rule for a field that no table names: a value that never changes is a constant, and is kept once. Strings that change are
pieces of one text, lists that change are pieces of one list, unless each repeats all of the one before. Objects that change are
assembled field by field. Of names (`role`, `type`, `id`), numbers and the rest the last value counts.
"""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Final

from mmpipe.api.answer.cumulative import join_cumulative, join_undecided
from mmpipe.api.answer.fields import THINKING_FIELDS, is_text_part
from mmpipe.api.answer.repetition import OPEN_DETAIL_FIELD
from mmpipe.api.answer.surrogates import join_surrogates

# Texts: even pieces that are all equal are pieces.
TEXTS: Final = frozenset({"content", "refusal", *THINKING_FIELDS, "text", "summary", "transcript"})
# Names do not come in pieces: the last one counts.
_NAMES: Final = frozenset({"role", "name", "id", "type", "object", "model", "format", "status", "time"})
_NAME_ENDS: Final = ("_id", "Id", "_type", "_name", "_status", "_at", "_time", "timestamp")
# Fields that may be lists of parts, each of which may come in pieces.
_PART_LISTS: Final = frozenset({"content", "summary", "parts", *THINKING_FIELDS})
_MAX_DEPTH: Final = 16  # levels that are assembled; below them the last value counts

# The index, the type and the id of a detail.
_Identity = tuple[int, str | None, str | None]


class FieldAssembler:
    """One object in pieces: a message, a detail of the thinking, a part of the content."""

    def __init__(self, depth: int = _MAX_DEPTH) -> None:
        self._depth = depth
        # By name: each value, and for a value that repeats the one before it, that same object.
        self._values: dict[str, list[object]] = {}

    def merge(self, piece: Mapping[str, object], but: Container[str] = ()) -> bool:
        """Take every field of `piece` but some; return True if a further piece came to a field that no table names."""
        goes_on = False
        for name, value in piece.items():
            if name in but:
                continue
            values = self._values.get(name)
            if values is None:
                self._values[name] = [value]
                continue
            # Some generations blank `role` in later deltas (FACTS.md, "The end of a stream").
            if not value and (value is None or value == ""):
                continue
            last = values[-1]
            if last == value:
                values.append(last)
            elif last is None or last == "":
                values[-1] = value
            else:
                values.append(value)
                # A count or a time that changes is no part of an answer.
                if name not in TEXTS and isinstance(value, str) and not _is_name(name):
                    goes_on = True
        return goes_on

    def repeat(self, piece: Mapping[str, object], texts: Sequence[str], of: Container[str]) -> None:
        """Take `piece`, the last one, once more for each of `texts`, none empty, which the fields `of` hold in it."""
        for name, value in piece.items():
            values = self._values.get(name)
            if values is not None and value is not None and value != "":
                is_open = name in of and isinstance(value, str)
                values += texts if is_open else [values[-1]] * len(texts)

    def complete(self, piece: Mapping[str, object]) -> None:
        """Take the fields of `piece` that did not come yet; of different values the one before stays."""
        self.merge(piece, {name for name in piece if self.holds(name)})

    def holds(self, name: str) -> bool:
        """Return True if the field came with a value."""
        values = self._values.get(name)
        return values is not None and values[-1] not in ("", None)

    def assembled(self, *, cumulative: bool) -> dict[str, object]:
        """Return the object so far; in a `cumulative` stream each text repeats the one before."""
        return {
            name: _join(name, values, self._depth, cumulative=cumulative)
            for name, values in self._values.items()
        }


class DetailAssembler:
    """A list whose items come in pieces: an item is known by its index, its type and its id.

    A piece without type or id continues the latest item that has the rest. A piece without an index has that of its place
    among the pieces of its type in the delta.
    """

    def __init__(self) -> None:
        self._items: dict[_Identity, FieldAssembler] = {}
        self._order: list[tuple[int, FieldAssembler]] = []

    def merge(self, details: Sequence[object]) -> bool:
        """Take the pieces in one delta; return True if they brought something new."""
        is_new = False
        places: defaultdict[str | None, int] = defaultdict(int)
        for detail in details:
            if isinstance(detail, dict):
                known = len(self._order)
                identity = _identity(detail, places)
                item = self._items.get(identity) or self._item(*identity)
                is_new |= item.merge(detail) or len(self._order) > known
        return is_new

    def repeat(self, detail: Mapping[str, object], texts: Sequence[str]) -> None:
        """Take `detail`, alone in the last delta, once more for each of `texts`, which it has in place of its own."""
        self._items[_identity(detail, defaultdict(int))].repeat(detail, texts, (OPEN_DETAIL_FIELD,))

    def assembled(self, *, cumulative: bool) -> list[dict[str, object]]:
        """Return the items so far, by index, and in order of arrival."""
        in_order = sorted(self._order, key=lambda item: item[0])
        return [item.assembled(cumulative=cumulative) for _, item in in_order]

    def _item(self, index: int, kind: str | None, name: str | None) -> FieldAssembler:
        item = self._find_unnamed(index, kind, name)
        if item is None:
            item = FieldAssembler()
            self._order.append((index, item))
        for key in ((index, kind, name), (index, kind, None), (index, None, name), (index, None, None)):
            self._items[key] = item
        return item

    def _find_unnamed(self, index: int, kind: str | None, name: str | None) -> FieldAssembler | None:
        """Return the item whose type or id comes only now, or None."""
        latest = self._items.get((index, kind, None))
        if latest is not None and not latest.holds("id"):
            return latest
        latest = self._items.get((index, None, name)) or self._items.get((index, None, None))
        if latest is not None and not latest.holds("type") and not (name and latest.holds("id")):
            return latest
        return None


def _identity(detail: Mapping[str, object], places: defaultdict[str | None, int]) -> _Identity:
    index, kind, name = detail.get("index"), detail.get("type"), detail.get("id")
    kind = kind if isinstance(kind, str) and kind else None
    if not isinstance(index, int):
        index = places[kind]
        places[kind] += 1
    return index, kind, name if isinstance(name, str) and name else None


def _is_name(field: str) -> bool:
    return field in _NAMES or field.endswith(_NAME_ENDS)


def _join(name: str, values: list[object], depth: int, *, cumulative: bool) -> object:
    last, is_text = values[-1], name in TEXTS
    if len(values) == 1 or not depth or _is_name(name):
        return last
    if not is_text and all(value is last for value in values):
        return last
    texts = [value for value in values if isinstance(value, str)]
    lists = [value for value in values if isinstance(value, list)]
    objects = [value for value in values if isinstance(value, dict)]
    if len(texts) == len(values):
        join = join_cumulative if cumulative else "".join if is_text else join_undecided
        return join_surrogates(join(texts))
    if name in _PART_LISTS and len(texts) + len(lists) + len(objects) == len(values):
        return last if cumulative else _join_parts(values, depth)
    if len(lists) == len(values):
        repeated = all(after[: len(before)] == before for before, after in pairwise(lists))
        return last if repeated else [*chain.from_iterable(lists)]
    if len(objects) == len(values):
        whole = FieldAssembler(depth - 1)
        for piece in objects:
            whole.merge(piece)
        return whole.assembled(cumulative=cumulative)
    return last


def _join_parts(values: Sequence[object], depth: int) -> list[object]:
    """Return the parts of all values.

    A part with text continues the part of its type and index. Without an index it continues a part of its type right before it.
    """
    joined: list[object] = []
    by_index: dict[tuple[object, int], FieldAssembler] = {}
    last: Mapping[str, object] = {}
    for part in _parts(values):
        if not isinstance(part, dict) or not is_text_part(part):
            joined.append(part)
            last = {}
            continue
        index, before = part.get("index"), joined[-1] if last and _continues(part, last) else None
        assembler = by_index.get((part.get("type"), index)) if isinstance(index, int) else None
        if assembler is None and isinstance(before, FieldAssembler):
            assembler = before
        if assembler is None:
            assembler = FieldAssembler(depth - 1)
            joined.append(assembler)
            last = part
        if isinstance(index, int):
            by_index[part.get("type"), index] = assembler
        assembler.merge(part)
    return [part.assembled(cumulative=False) if isinstance(part, FieldAssembler) else part for part in joined]


def _parts(values: Sequence[object]) -> Iterator[object]:
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield {"type": "text", "text": value} if isinstance(value, str) else value


def _continues(part: Mapping[str, object], last: Mapping[str, object]) -> bool:
    return part.get("type") == last.get("type") and all(
        part.get(name) in (None, last.get(name)) for name in ("id", "index")
    )
