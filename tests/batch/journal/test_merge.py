"""Merged shards hold every id once; missing and repeated ids are reported."""

import os
import select
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.journal.merge import MergeReport, merge
from mmpipe.batch.journal.sidecar import Sidecar, write_sidecar
from mmpipe.errors import Busy, InputError
from mmpipe.unix.files import open_output
from mmpipe.unix.streams import Output
from support.journals import batch_api_line, record

SIZE_UNKNOWN = "no journal has the size of its input, so that only gaps are found"


def merged(folder: Path, *shards: bytes, in_order: bool = False) -> tuple[bytes, MergeReport]:
    for number, content in enumerate(shards):
        (folder / f"{number}").write_bytes(content)
    with open_output(str(folder / "all")) as out:
        found = merge([str(folder / f"{number}") for number in range(len(shards))], out, in_order=in_order)
    return (folder / "all").read_bytes(), found


def test_shards_are_joined_in_their_order_and_the_last_good_record_is_taken(tmp_path: Path) -> None:
    again, failed = record("a", attempt=2), record("a", good=False, attempt=3)
    content, found = merged(
        tmp_path, record("a", good=False) + record("b") + again + failed, b"", record("c")
    )
    assert (record("b") + again + record("c"), 3) == (content, found.records)
    assert ([], []) == (found.failed.examples, found.repeated.examples)


def test_of_two_good_records_in_one_file_the_last_is_taken(tmp_path: Path) -> None:
    content, _ = merged(tmp_path, record("a", index=1) + record("a", index=2))
    assert record("a", index=2) == content


def test_an_id_without_a_good_answer_is_there_once_and_reported(tmp_path: Path) -> None:
    last = record("a", good=False, attempt=2)
    content, found = merged(tmp_path, record("a", good=False) + last)
    assert (last, 1, ["a"]) == (content, found.failed.count, found.failed.examples)


@pytest.mark.parametrize("good", [True, False])
def test_an_id_in_several_files_is_reported_once_and_the_first_good_record_taken(
    tmp_path: Path, *, good: bool
) -> None:
    first, second, third = record("a", index=1, good=good), record("a", index=2), record("a", index=3)
    content, found = merged(tmp_path, first, second, third + third)
    assert (first if good else second, 1) == (content, found.records)
    assert (1, ["a"], 0) == (found.repeated.count, found.repeated.examples, found.failed.count)


def test_only_some_examples_are_kept_of_many(tmp_path: Path) -> None:
    many = b"".join(record(str(number), good=False) for number in range(30))
    _, found = merged(tmp_path, many, many)
    assert (30, 10, 30, 10) == (
        found.failed.count,
        len(found.failed.examples),
        found.repeated.count,
        len(found.repeated.examples),
    )


def placed(*indexes: int, good: bool = True) -> bytes:
    """A record for each place in the input."""
    return b"".join(record(f"id{index}", index=index, good=good) for index in indexes)


def test_the_order_of_the_input_is_kept_if_that_is_wanted(tmp_path: Path) -> None:
    shards = (placed(4, 0) + record("x", index=None), placed(3, good=False), placed(1, 3, 10**30)[:-1])
    content, found = merged(tmp_path, *shards, in_order=True)
    assert placed(0, 1, 3, 4, 10**30) + record("x", index=None) == content
    assert (6, 0, 1) == (found.records, found.failed.count, found.repeated.count)


def test_indexes_that_no_shard_has_are_reported(tmp_path: Path) -> None:
    _, found = merged(tmp_path, placed(1, 7), placed(3, good=False) + record("x", index=None))
    assert (5, ["0", "2", "4", "5", "6"], SIZE_UNKNOWN) == (
        found.missing.count,
        found.missing.examples,
        found.unchecked,
    )
    _, found = merged(tmp_path, placed(1, 0), placed(2))
    assert (0, []) == (found.missing.count, found.missing.examples)
    _, found = merged(tmp_path, placed(20))
    assert (20, 10) == (found.missing.count, len(found.missing.examples))


def test_missing_last_records_are_reported_if_the_size_of_the_input_is_known(tmp_path: Path) -> None:
    for shard, records in (("0", None), ("1", 4), ("2", 2)):
        (tmp_path / shard).touch()
        write_sidecar(
            str(tmp_path / shard), Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0, records, f"{shard}/3")
        )
    _, found = merged(tmp_path, placed(0), placed(1), b"")
    assert ["2", "3"] == found.missing.examples
    _, found = merged(tmp_path, b"", b"", b"")
    assert ["0", "1", "2", "3"] == found.missing.examples


@pytest.mark.parametrize("index", [2**27, 2**40, 10**30])
def test_a_huge_index_takes_no_memory_and_no_gaps_are_reported(tmp_path: Path, index: int) -> None:
    tracemalloc.start()
    try:
        _, found = merged(tmp_path, placed(0, 2, index))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
    assert (0, f"an input of {index + 1} records is too long to be searched for gaps") == (
        found.missing.count,
        found.unchecked,
    )


def sized(folder: Path, shard: int, records: int | None) -> None:
    (folder / str(shard)).touch()
    write_sidecar(str(folder / str(shard)), Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0, records))


@pytest.mark.parametrize(
    ("sizes", "is_known"),
    [
        ((), False),
        ((None,), False),
        ((3,), True),
        ((None, 3), True),
        ((2,), False),
        ((2, 4), True),
        ((0,), False),
    ],
)
def test_that_nothing_is_missing_is_known_only_with_the_size_of_the_input(
    tmp_path: Path, sizes: tuple[int | None, ...], *, is_known: bool
) -> None:
    for shard, records in enumerate(sizes):
        sized(tmp_path, shard, records)
    _, found = merged(tmp_path, placed(0, 2), placed(1))
    assert (None if is_known else SIZE_UNKNOWN) == found.unchecked
    assert (["3"] if 4 in sizes else []) == found.missing.examples


def test_of_empty_journals_nothing_is_known_but_that_their_input_was_empty(tmp_path: Path) -> None:
    _, found = merged(tmp_path, b"", b"")
    assert (0, SIZE_UNKNOWN) == (found.missing.count, found.unchecked)
    sized(tmp_path, 1, 0)
    _, found = merged(tmp_path, b"", b"")
    assert (0, None) == (found.missing.count, found.unchecked)


def test_an_index_without_a_good_answer_is_seen_behind_a_record_that_is_called_like_it(
    tmp_path: Path,
) -> None:
    unasked = record("1", index=1, good=False, request_sha256=None, attempt=0)
    content, found = merged(tmp_path, record("1", index=0) + unasked)
    assert (record("1", index=0) + unasked, 2, ["1"]) == (content, found.records, found.failed.examples)
    assert [] == found.repeated.examples
    _, found = merged(tmp_path, record("1", index=0), unasked)
    assert ([], ["1"]) == (found.repeated.examples, found.failed.examples)


def test_two_requests_under_one_id_are_reported_once(tmp_path: Path) -> None:
    asked = [record("a", index=1, request=text) for text in ("one", "two", "three")]
    for shards in ((b"".join(asked),), (asked[0], asked[1]), (asked[0] + asked[0], b"", asked[2] + asked[1])):
        _, found = merged(tmp_path, *shards)
        assert (1, ["a"]) == (found.different.count, found.different.examples)
    _, found = merged(tmp_path, record("0", index=0, request="one") + record("0", index=0, request="two"))
    assert ["0"] == found.different.examples
    failed = record("a", index=1, request="two", good=False)
    _, found = merged(tmp_path, asked[0] + failed + asked[0])
    assert 0 == found.different.count


def test_records_that_do_not_say_their_place_have_no_gaps(tmp_path: Path) -> None:
    (tmp_path / "0").touch()
    write_sidecar(str(tmp_path / "0"), Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0, records=4))
    for content in (
        batch_api_line("a"),
        record("a", index=-1),
        record("a", index="7"),
        record("a", index=True),
    ):
        _, found = merged(tmp_path, content)
        assert (0, "no record has its index in the input") == (
            found.missing.count,
            found.unchecked,
        )


MANY = b"".join(record(str(index), index=index, content="x" * 1000) for index in range(1000))
WRITTEN: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: os.truncate(path, len(MANY) // 2),
    "emptied": lambda path: path.write_bytes(b""),
    "turned round": lambda path: path.write_bytes(b"".join(MANY.splitlines(keepends=True)[::-1])),
    "appended": lambda path: path.write_bytes(MANY + record("more", index=1000)),
    "other bytes": lambda path: path.write_bytes(bytes(len(MANY))),
}


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_journal_that_somebody_writes_to_without_the_lock_is_an_input_error(
    tmp_path: Path, name: str, *, in_order: bool
) -> None:
    """The merge has read it once, and waits for a reader of its output."""
    path = tmp_path / "0"
    path.write_bytes(MANY)
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1) as other:
        merging = other.submit(merge, [str(path)], Output(writing, "out"), in_order=in_order)
        os.read(reading, 1)
        WRITTEN[name](path)
        while not merging.done():
            if select.select([reading], [], [], 0.01)[0]:
                os.read(reading, 1 << 20)
        with pytest.raises(InputError, match=f"^{path} was written to while it was read; do it again$"):
            merging.result()
    os.close(reading)
    os.close(writing)


def test_a_torn_end_is_left_out_and_a_whole_one_gets_its_newline(tmp_path: Path) -> None:
    content, _ = merged(tmp_path, record("a") + record("b")[:-1], record("c") + record("d")[:-9], record("e"))
    assert b"".join(map(record, "abce")) == content
    assert record("c") + record("d")[:-9] == (tmp_path / "1").read_bytes()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1"):
        merged(tmp_path, b"a prompt\n")
    with pytest.raises(InputError, match="cannot read"), open_output(str(tmp_path / "all")) as out:
        merge([str(tmp_path / "missing")], out)
    with pytest.raises(InputError, match="cannot read"), open_output(str(tmp_path / "all")) as out:
        merge([str(tmp_path)], out)


def test_a_shard_that_is_still_at_work_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "shard")
    with (
        open_journal(path, resume=False, overwrite=False),
        open_output(str(tmp_path / "all")) as out,
        pytest.raises(Busy, match=rf"process {os.getpid()}\b"),
    ):
        merge([path], out)
    with open_output(str(tmp_path / "all")) as out:
        assert 0 == merge([path, path], out).records
