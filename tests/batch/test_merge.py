"""Shards joined hold every id once, and what is missing or double is told."""

import os
from pathlib import Path

import pytest

from batch.journals import batch_api_line, record
from mmpipe.batch.journal import open_journal
from mmpipe.batch.merge import Merged, merge
from mmpipe.errors import Busy, InputError
from mmpipe.files import opened


def merged(folder: Path, *shards: bytes) -> tuple[bytes, Merged]:
    for number, content in enumerate(shards):
        (folder / f"{number}").write_bytes(content)
    with opened(str(folder / "all")) as out:
        found = merge([str(folder / f"{number}") for number in range(len(shards))], out)
    return (folder / "all").read_bytes(), found


def test_shards_are_joined_in_their_order_and_the_last_good_record_is_taken(tmp_path: Path) -> None:
    again, failed = record("a", attempt=2), record("a", good=False, attempt=3)
    content, found = merged(
        tmp_path, record("a", good=False) + record("b") + again + failed, b"", batch_api_line("c")
    )
    assert (record("b") + again + batch_api_line("c"), 3) == (content, found.records)
    assert ([], []) == (found.failed.examples, found.repeated.examples)


def test_of_two_good_records_in_one_file_the_last_is_taken(tmp_path: Path) -> None:
    content, _ = merged(tmp_path, record("a", index=1) + record("a", index=2))
    assert record("a", index=2) == content


def test_an_id_that_was_never_answered_is_there_once_and_told(tmp_path: Path) -> None:
    last = record("a", good=False, attempt=2)
    content, found = merged(tmp_path, record("a", good=False) + last)
    assert (last, 1, ["a"]) == (content, found.failed.count, found.failed.examples)


@pytest.mark.parametrize("good", [True, False])
def test_an_id_in_several_files_is_told_once_and_the_first_good_record_taken(
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


def test_a_torn_end_is_left_out_and_a_whole_one_gets_its_newline(tmp_path: Path) -> None:
    content, _ = merged(tmp_path, record("a") + record("b")[:-1], record("c") + record("d")[:-9], record("e"))
    assert b"".join(map(record, "abce")) == content
    assert record("c") + record("d")[:-9] == (tmp_path / "1").read_bytes()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1"):
        merged(tmp_path, b"a prompt\n")
    with pytest.raises(InputError, match="cannot read"), opened(str(tmp_path / "all")) as out:
        merge([str(tmp_path / "missing")], out)
    with pytest.raises(InputError, match="cannot read"), opened(str(tmp_path / "all")) as out:
        merge([str(tmp_path)], out)


def test_a_shard_that_is_still_at_work_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "shard")
    with (
        open_journal(path, resume=False, overwrite=False),
        opened(str(tmp_path / "all")) as out,
        pytest.raises(Busy, match=rf"process {os.getpid()}\b"),
    ):
        merge([path], out)
    with opened(str(tmp_path / "all")) as out:
        assert 0 == merge([path, path], out).records
