"""Counts the records of each shard while journals are joined, as far as their sidecars name the shards."""

from array import array
from collections.abc import Iterable, Iterator, Mapping

from mmpipe.batch.journal.scan import Entry
from mmpipe.batch.journal.sidecar import Sidecar
from mmpipe.batch.shard import Shard, find_shard
from mmpipe.errors import UsageError


class ShardCounts:
    """Counts of the records that each shard of an input should have, has, and has without a good answer.

    `size` is the number of records in the input, if the sidecars tell it. `counts` are the numbers of shards that sidecars
    name; only if all name one, `count` is it, and there are findings. Shards are numbered from 1, as on the command line.
    Lines of the Batch API do not have their index: with such lines it is not known what a shard lacks.
    """

    def __init__(self, sidecars: Iterable[Sidecar] = ()) -> None:
        self.counts: set[int] = set()
        self._taken: dict[int, int | None] = {}
        sizes = list[int]()
        for sidecar in sidecars:
            shard = _parse(sidecar.shard)
            # A run without a shard takes all records.
            size = sidecar.taken if sidecar.records is None and shard is None else sidecar.records
            sizes += [] if size is None else [size]
            if shard is not None:
                self.counts.add(shard.count)
                taken, before = sidecar.taken, self._taken.get(shard.number)
                self._taken[shard.number] = before if taken is None else max(taken, before or 0)
        self.count = next(iter(self.counts)) if len(self.counts) == 1 else None
        if len(self._taken) == self.count:
            known = [taken for taken in self._taken.values() if taken is not None]
            sizes += [sum(known)] if len(known) == self.count else []
        self.size = max(sizes, default=None)
        self._has_unplaced = False
        self._seen, self._failed = (array("Q", bytes(8 * (self.count or 0))) for _ in range(2))

    def add_record(self, entry: Entry) -> None:
        """Count a record."""
        self._add(self._seen, entry)

    def add_unplaced(self) -> None:
        """Note a record of an unknown index, which any shard may have."""
        self._has_unplaced = True

    def add_failed(self, entry: Entry) -> None:
        """Count a record without a good answer."""
        self._add(self._failed, entry)

    def without_journal(self) -> Iterator[int]:
        """Yield the shards without a journal."""
        if (count := self.count) is not None:
            yield from (shard for shard in range(1, count + 1) if shard % count not in self._taken)

    def lacking(self) -> Mapping[int, int]:
        """Return the shards with a journal that lacks some of their records, and how many, as far as it is known."""
        if self.count is None or self._has_unplaced:
            return {}
        return self._by_number(
            (shard, taken - self._seen[shard]) for shard, taken in self._taken.items() if taken is not None
        )

    def failed(self) -> Mapping[int, int]:
        """Return the shards of records without a good answer, and how many."""
        return self._by_number(enumerate(self._failed))

    def _add(self, numbers: "array[int]", entry: Entry) -> None:
        if self.count is not None and entry.index is not None:
            numbers[find_shard(entry.name, entry.index, self.count)] += 1

    def _by_number(self, found: Iterable[tuple[int, int]]) -> Mapping[int, int]:
        return dict(sorted((shard or self.count or 0, number) for shard, number in found if number > 0))


def _parse(text: str | None) -> Shard | None:
    try:
        return None if text is None else Shard.parse(text)
    except UsageError:
        return None
