"""A sorted journal is in the order of the input, and no record is in danger while it is sorted."""

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.journal.sort import sort_journal
from mmpipe.errors import InputError, OutputError
from support.full_disk import largest_file
from support.journals import batch_api_line, record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def line(index: int, attempt: int, *, good: bool) -> bytes:
    return record(f"id{index}", index=index, attempt=attempt, good=good)


def in_order(attempts: Sequence[tuple[int, bool]]) -> bytes:
    """The last good line of each index, or else its last one, sorted."""
    best: dict[int, tuple[bool, bytes]] = {}
    for number, (index, good) in enumerate(attempts, 1):
        if good or not best.get(index, (False, b""))[0]:
            best[index] = good, line(index, number, good=good)
    return b"".join(best[index][1] for index in sorted(best))


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9) | st.integers(2**39, 2**41), st.booleans()), min_size=1))
def test_each_id_is_there_once_with_its_last_good_record_in_the_order_of_the_input(
    path: Path, attempts: list[tuple[int, bool]]
) -> None:
    content = b"".join(line(index, number, good=good) for number, (index, good) in enumerate(attempts, 1))
    path.write_bytes(content)
    before = path.stat().st_ino
    assert (content != in_order(attempts)) == sort_journal(str(path))
    assert in_order(attempts) == path.read_bytes()
    assert (before == path.stat().st_ino) == (content == in_order(attempts))
    assert not sort_journal(str(path))


def test_it_is_done_while_the_run_still_holds_the_journal(path: Path) -> None:
    with open_journal(str(path), resume=False, overwrite=False) as journal:
        journal.append([line(1, 1, good=True), line(0, 1, good=False)])
        assert sort_journal(str(path))
    assert line(0, 1, good=False) + line(1, 1, good=True) == path.read_bytes()


def test_records_that_do_not_say_their_place_come_last_as_they_came(path: Path) -> None:
    path.write_bytes(batch_api_line("b") + batch_api_line("a") + line(0, 1, good=True))
    assert sort_journal(str(path))
    assert line(0, 1, good=True) + batch_api_line("b") + batch_api_line("a") == path.read_bytes()


@pytest.mark.parametrize(
    ("end", "kept"), [(record("b")[:-1], record("b")), (record("b")[:9], b""), (b"\0", b"")]
)
def test_an_incomplete_end_is_repaired(path: Path, end: bytes, kept: bytes) -> None:
    path.write_bytes(record("a") + end)
    assert sort_journal(str(path))
    assert record("a") + kept == path.read_bytes()


def test_the_error_of_a_place_is_not_dropped_for_a_record_that_is_called_like_it(path: Path) -> None:
    unasked = record("1", index=1, good=False, request_sha256=None, attempt=0)
    named, other = record("1", index=2), record("0", index=0)
    path.write_bytes(named + unasked + other)
    assert sort_journal(str(path))
    assert other + unasked + named == path.read_bytes()


def test_the_error_of_a_place_is_dropped_once_the_record_there_is_corrected(path: Path) -> None:
    unasked = record("a", index=1, good=False, request_sha256=None, attempt=0)
    other = record("a", index=0)
    path.write_bytes(unasked + other)
    assert sort_journal(str(path))
    assert other + unasked == path.read_bytes()
    corrected = record("b", index=1)
    path.write_bytes(unasked + unasked + other + corrected)
    assert sort_journal(str(path))
    assert other + corrected == path.read_bytes()


def test_the_answers_to_two_requests_under_one_id_are_both_kept(path: Path) -> None:
    content = record("a", index=1) + record("a", index=0, request="another")
    path.write_bytes(content)
    with pytest.raises(InputError, match="two requests under the id 'a'; it was left unsorted"):
        sort_journal(str(path))
    assert content == path.read_bytes()
    path.write_bytes(record("a", good=False, request="another") + record("a"))
    assert sort_journal(str(path))
    assert record("a") == path.read_bytes()


def test_an_empty_journal_is_in_order(path: Path) -> None:
    path.write_bytes(b"")
    assert not sort_journal(str(path))


def test_a_full_disk_leaves_the_journal_as_it_was(path: Path) -> None:
    content = line(1, 1, good=True) + line(0, 1, good=True)
    path.write_bytes(content)
    with largest_file(len(content) - 1), pytest.raises(OutputError, match="File too large"):
        sort_journal(str(path))
    assert (content, [path]) == (path.read_bytes(), list(path.parent.iterdir()))


def test_a_file_that_is_no_journal_is_refused_and_not_changed(path: Path) -> None:
    path.write_bytes(line(1, 1, good=True) + b"mine\n")
    with pytest.raises(InputError, match="line 2"):
        sort_journal(str(path))
    assert line(1, 1, good=True) + b"mine\n" == path.read_bytes()


@pytest.mark.slow
def test_many_records_take_little_memory(path: Path) -> None:
    count = 10_000
    shuffled = [number * 7919 % count for number in range(count)]
    example = record("NAME", index=0, content="x" * 2000)
    with path.open("wb") as file:
        file.writelines(
            example.replace(b"NAME", b"%d" % n).replace(b'"index": 0', b'"index": %d' % n) for n in shuffled
        )
    tracemalloc.start()
    try:
        assert sort_journal(str(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The blocks that are read and written, and the rows that are sorted at once, are the same for any size.
    assert peak < 50 * count + 5_000_000
    with path.open("rb") as file:
        assert all(b'"index": %d,' % number in row for number, row in enumerate(file))
