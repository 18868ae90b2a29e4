"""What shards lack is known exactly where their sidecars allow it, and nowhere else."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.journal.scan import Entry
from mmpipe.batch.journal.shard_counts import ShardCounts
from mmpipe.batch.journal.sidecar import Sidecar
from mmpipe.batch.shard import Shard


def sidecar(shard: str | None, taken: int | None = None, records: int | None = None) -> Sidecar:
    return Sidecar("00" * 16, (), {}, 1, 1.0, records, shard, taken)


def line(name: str, index: int | None, *, good: bool = True) -> Entry:
    return Entry(name, b"", good, 1, index, "jsonl")


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.booleans(), st.sampled_from(["good", "failed", "missing"])), max_size=60),
    st.data(),
)
def test_each_record_is_counted_for_the_shard_that_takes_it(
    count: int, records: Sequence[tuple[bool, str]], data: st.DataObject
) -> None:
    """Records with and without ids of their own, and any shards with a journal."""
    names = [f"id{index}" if is_own else str(index) for index, (is_own, _) in enumerate(records)]
    shards = [Shard(number % count, count) for number in range(1, count + 1)]
    of = {
        index: next(place for place, shard in enumerate(shards, 1) if shard.takes(name, index))
        for index, name in enumerate(names)
    }
    taken, present = Counter(of.values()), data.draw(st.sets(st.integers(1, count)))
    counts = ShardCounts([sidecar(str(shards[place - 1]), taken[place]) for place in present])
    seen = Counter[int]()
    for index, (_, state) in enumerate(records):
        if of[index] in present and state != "missing":
            seen[of[index]] += 1
            counts.add_record(line(names[index], index))
            if state == "failed":
                counts.add_failed(line(names[index], index, good=False))
    assert (count if present else None) == counts.count
    if present:
        assert sorted({*range(1, count + 1)} - present) == list(counts.without_journal())
    lacking = {place: taken[place] - seen[place] for place in sorted(present) if taken[place] > seen[place]}
    assert lacking == counts.lacking()
    failed = Counter(
        of[index] for index, (_, state) in enumerate(records) if state == "failed" and of[index] in present
    )
    assert dict(sorted(failed.items())) == counts.failed()


def test_journals_of_different_divisions_tell_nothing_by_shard() -> None:
    counts = ShardCounts(
        [sidecar("1/2", 5, 10), sidecar("1/3", 4), sidecar(None, 3), sidecar("4/3"), sidecar("x")]
    )
    counts.add_record(line("0", 0))
    counts.add_failed(line("0", 0))
    assert (None, {2, 3}, 10) == (counts.count, counts.counts, counts.size)
    assert ([], {}, {}) == (list(counts.without_journal()), counts.lacking(), counts.failed())


def test_what_is_not_known_of_a_shard_is_not_missing() -> None:
    counts = ShardCounts([sidecar("1/3"), sidecar("3/3", 2), sidecar("0/3", None)])
    assert ([2], {3: 2}) == (list(counts.without_journal()), counts.lacking())
    counts.add_unplaced()
    assert ([2], {}) == (list(counts.without_journal()), counts.lacking())
