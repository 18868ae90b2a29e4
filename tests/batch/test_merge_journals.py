"""Journals are joined into one file, and records that are not there exactly once are reported."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.journal.sidecar import Sidecar, write_sidecar
from mmpipe.batch.merge_journals import merge_journals
from mmpipe.batch.shard import Shard
from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.errors import Busy, InputError, Partial, UsageError
from mmpipe.structured.options import ConstraintOptions
from mmpipe.unix.streams import Streams
from support.batch_in_process import batch_options
from support.journals import batch_api_line, record
from support.merging import joined, journal, numbered, shard


def test_shards_become_one_file_in_the_order_of_the_input(tmp_path: Path) -> None:
    one = journal(tmp_path, "1", record("c", index=2), record("a", index=0))
    two = journal(tmp_path, "2", record("b", index=1))
    assert ["c", "a", "b"] == joined(one, two)[0]
    assert ["a", "b", "c"] == joined(one, two, in_order=True)[0]
    ids, messages = joined(one, two, output=tmp_path / "all")
    assert ([], True) == (ids, "3 records of 2 journals" in messages)
    assert 3 == (tmp_path / "all").read_bytes().count(b"\n")


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_no_journal(name: str) -> None:
    reason = f"--merge {name}: standard input can be read only once, and this is read again: name a file"
    with pytest.raises(UsageError, match=f"^{reason}$"):
        merge_journals(batch_options(files=(name,)), Streams.fake(b"x"), {})


def test_a_joined_table_has_the_columns_of_all_journals(tmp_path: Path) -> None:
    one = journal(tmp_path, "1", record("b", index=1, input={"n": "1"}, content='{"x": 1}'))
    two = journal(tmp_path, "2", record("a", index=0, input={"m": "2"}, content='{"x": [2]}'))
    (tmp_path / "schema.json").write_text('{"type": "object", "properties": {"x": {}}}')
    streams = Streams.fake()
    schema = ConstraintOptions(schema=str(tmp_path / "schema.json"))
    typed = batch_options(files=(str(one), str(two)), format="csv", keep_order=True)
    merge_journals(replace(typed, constraint=schema), streams, {})
    assert b"id,n,m,x,error\na,,2,[2],\nb,1,,1,\n" == streams.captured()[0]


@pytest.mark.parametrize(("line", "wanted"), [(record("a"), "openai"), (batch_api_line("a"), "jsonl")])
def test_lines_are_not_turned_into_another_format(tmp_path: Path, line: bytes, wanted: str) -> None:
    one = journal(tmp_path, "1", line)
    with pytest.raises(InputError, match=f"which are not turned into {wanted}"):
        merge_journals(batch_options(files=(str(one),), format=wanted), Streams.fake(), {})


def test_answers_of_several_hosts_are_joined_with_a_warning(tmp_path: Path) -> None:
    one = journal(tmp_path, "1", record("a", index=0, host="mmpipe sim"), record("b", index=1))
    two = journal(tmp_path, "2", record("c", index=2, host="http://gpu:8000/v1"))
    failed = journal(tmp_path, "3", record("d", index=2, good=False, host="http://other"))
    warning = "warning: the answers are of several hosts: mmpipe sim, http://gpu:8000/v1\n"
    assert warning in joined(one, two)[1]
    assert "several hosts" not in joined(one)[1]
    with pytest.raises(Partial):
        joined(one, failed)
    ids, _ = joined(one, two, output=tmp_path / "all")
    assert b'"host": "mmpipe sim"' in (tmp_path / "all").read_bytes()
    assert [] == ids


def test_what_is_missing_is_reported_by_shard(tmp_path: Path) -> None:
    shard(tmp_path, "1/4", *numbered(1, 5, 9))
    shard(tmp_path, "2/4", *numbered(2), *numbered(10, good=False))
    with pytest.raises(InputError) as missing:
        joined(tmp_path)
    listed = "7 records are missing, by their index: 0, 3, 4, 6, 7, 8, 11"
    assert missing.value.sentence == (
        f"{listed}; 2 shards of 4 have no journal: 3-4; 1 shard of 4 lacks records: 2 (1)"
    )
    assert "run shards 2-4 of 4 with --resume" == missing.value.hint
    shard(tmp_path, "3/4", *numbered(3, 7, 11))
    shard(tmp_path, "4/4", *numbered(0, 4, 8, good=False))
    journal(tmp_path, "of another machine", *numbered(6))
    with pytest.raises(Partial) as failed:
        joined(tmp_path)
    assert failed.value.sentence == (
        "4 records have no good answer: 10, 0, 4, 8; 2 shards of 4 have failed records: 2 (1), 4 (3)"
    )
    assert "run shards 2,4 of 4 with --resume" == failed.value.hint


def test_what_is_missing_of_several_divisions_is_not_known_by_shard(tmp_path: Path) -> None:
    one, two = shard(tmp_path, "1/4", *numbered(1, 5, 9)), shard(tmp_path, "2/3", *numbered(2, 8))
    with pytest.raises(InputError) as missing:
        joined(one, two)
    words = "some runs had --shard I/3, others I/4: keep one N"
    assert missing.value.message.endswith(f"4, 6, 7, 10, 11; {words}")
    shard(tmp_path, "1/1", *numbered(*range(12)), taken=12)
    with pytest.raises(InputError, match=r"some runs had --shard I/1, others I/3: keep one N; 4 ids are in"):
        joined(tmp_path / "part-1", two, shard(tmp_path, "3/3", *numbered(3, 4)))


def test_a_shard_without_a_journal_is_named_where_the_size_of_the_input_is_not_known(tmp_path: Path) -> None:
    one = shard(tmp_path, "1/2", record("a", index=0), size=None, taken=1)
    ids, messages = joined(one)
    assert ["a"] == ids
    assert (
        "has the size of its input, so that only gaps are found; 1 shard of 2 has no journal: 2\n" in messages
    )
    assert "no journal: 2" not in joined(shard(tmp_path, "1/2", record("a", index=0), size=1, taken=1))[1]


def test_that_nothing_is_missing_is_known_too_if_only_the_sizes_of_all_shards_are(tmp_path: Path) -> None:
    one = shard(tmp_path, "1/2", *numbered(1), size=None, taken=2)
    with pytest.raises(InputError) as missing:
        joined(one)
    absent = "1 shard of 2 has no journal: 2; 1 shard of 2 lacks records: 1 (1)"
    gaps = "(no journal has the size of its input, so that only gaps are found)"
    assert f"at least 1 record is missing, by its index: 0 {gaps}; {absent}" == missing.value.sentence
    assert "run shards 1-2 of 2 with --resume" == missing.value.hint
    one = shard(tmp_path, "1/2", *numbered(1, 3), size=None, taken=2)
    two = shard(tmp_path, "2/2", *numbered(0, 2), size=None, taken=2)
    assert "not known" not in joined(one, two)[1]
    two = shard(tmp_path, "2/2", *numbered(0, 2), size=None, taken=None)
    assert "not known" in joined(one, two)[1]
    whole = journal(tmp_path, "whole", record("a", index=0))
    write_sidecar(str(whole), Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0, taken=1))
    assert "not known" not in joined(whole)[1]


def test_missing_and_repeated_records_are_reported_and_the_file_stays(tmp_path: Path) -> None:
    one = journal(tmp_path, "1", record("a", index=0), record("d", index=3))
    two = journal(tmp_path, "2", record("a", index=0))
    target = tmp_path / "all"
    target.write_text("precious\n")
    with pytest.raises(
        InputError,
        match=r"^at least 2 records are missing, by their index: 1, 2 \(no journal has the size of its input, so that only gaps "
        r"are found\); 1 id is in several journals: a \(the first in .*/1 and .*/2\); take one of the two away$",
    ):
        joined(one, two, output=target, overwrite=True)
    assert "precious\n" == target.read_text()


def test_two_journals_of_one_shard_are_named_as_that(tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    one = shard(tmp_path, "1/2", *numbered(1), size=2)
    copy = shard(tmp_path / "copies", "1/2", *numbered(1), size=2)
    two = shard(tmp_path, "2/2", *numbered(0), size=2)
    again = journal(tmp_path, "without a sidecar", *numbered(0))
    with pytest.raises(InputError) as doubled:
        joined(one, copy, two)
    assert f"1 id is in several journals: 1 (the first in {one} and {copy}, both of shard 1/2)" in str(
        doubled.value
    )
    assert (doubled.value.hint or "").endswith("take one of the two away")
    with pytest.raises(InputError, match=f"in {two} and {again}\\)"):
        joined(one, two, again)


def test_journals_of_two_formats_are_not_joined(tmp_path: Path) -> None:
    one, two = journal(tmp_path, "1", record("a", index=0)), journal(tmp_path, "2", batch_api_line("b"))
    three = journal(tmp_path, "3", record("c", index=2), batch_api_line("d"))
    for paths, names in (((one, two), (one, two)), ((two, one), (two, one)), ((one, three), (one, three))):
        words = (
            rf"^{names[0]} has lines in --format \w+, and {names[1]} in --format \w+; only journals of one"
        )
        with pytest.raises(InputError, match=words):
            joined(*paths, output=tmp_path / "all")
        assert not (tmp_path / "all").exists()


def test_two_requests_under_one_id_are_an_error_and_what_is_not_known_is_a_warning(tmp_path: Path) -> None:
    one, two = record("a", index=0, request="one"), record("a", index=0, request="two")
    with pytest.raises(InputError, match="1 id has the answers to two requests: a"):
        joined(journal(tmp_path, "1", one, two))
    empty = [journal(tmp_path, name) for name in ("2", "3")]
    ids, messages = joined(*empty)
    assert ([], True) == (
        ids,
        "warning: it is not known whether a record is missing: no journal has" in messages,
    )


def test_failed_records_are_joined_too_and_make_the_status_partial(tmp_path: Path) -> None:
    one = journal(tmp_path, "1", record("a", index=0), record("b", index=1, good=False))
    advice = "1 record has no good answer: b; retry it with --resume, and merge again with --overwrite$"
    with pytest.raises(Partial, match=advice):
        joined(one, output=tmp_path / "all")
    assert 2 == (tmp_path / "all").read_bytes().count(b"\n")


def test_a_file_with_content_or_in_use_by_a_run_is_not_replaced(tmp_path: Path) -> None:
    one, target = journal(tmp_path, "1", record("a", index=0)), journal(tmp_path, "all", record("b"))
    with pytest.raises(UsageError, match=f"^{target} has content: --overwrite replaces it$"):
        joined(one, output=target)
    with pytest.raises(UsageError, match="both input and output"):
        joined(one, output=one, overwrite=True)
    with open_journal(str(target), resume=True, overwrite=False), pytest.raises(Busy):
        joined(one, output=target, overwrite=True)
    assert record("b") == target.read_bytes()


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ({"shard": Shard(1, 8)}, "--shard"),
        ({"limit": 3}, "--limit"),
        ({"concurrency": 4}, "-j / --concurrency"),
        ({"rpm": 60.0}, "--rpm"),
        ({"limiter": LimiterAddress.parse("redis://host")}, "--limiter"),
        ({"engine": "ray"}, "--engine"),
        ({"thinking": "hide"}, "-t / --thinking"),
        ({"model": "m"}, "-m / --model"),
        ({"template": "{}"}, "--template"),
        ({"meta": "totals"}, "--meta"),
        ({"pass_through": True}, "--pass-through"),
        ({"dry_run": True}, "--dry-run"),
        ({"replay": "folder"}, "--replay"),
        ({"encoding": "latin-1"}, "--encoding"),
        ({"resume": True, "output": "all"}, "--resume"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    tmp_path: Path, typed: dict[str, object], names: str
) -> None:
    one = journal(tmp_path, "1", record("a", index=0))
    with pytest.raises(UsageError) as refused:
        merge_journals(batch_options(files=(str(one),), merge=True, **typed), Streams.fake(), {})
    assert f"{names} and --merge exclude each other" == refused.value.sentence
    assert ("--overwrite replaces FILE" == refused.value.hint) == (names == "--resume")


def test_an_option_on_the_way_to_the_service_may_be_in_an_alias(tmp_path: Path) -> None:
    one = journal(tmp_path, "1", record("a", index=0))
    options = batch_options(files=(str(one),), base_url="http://localhost", retries=1, quiet=True)
    merge_journals(options, Streams.fake(), {})


def test_merge_without_files_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--merge"):
        joined()


def test_a_folder_stands_for_its_journals_and_its_other_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    journal(tmp_path, "1", record("a", index=0))
    journal(tmp_path, "2", record("b", index=1))
    ids, messages = joined(tmp_path)
    assert (["a", "b"], True, False) == (
        ids,
        "2 records of 2 journals" in messages,
        "warning: 1 file" in messages,
    )
    journal(tmp_path, "3", b"{", record("c", index=2))
    assert "warning: 1 file is not a journal and was left out: ./3\n" in joined(Path())[1]
    for number in range(20):
        journal(tmp_path, f"log-{number:02}", b"tea\n")
    (warning,) = (line for line in joined(Path())[1].splitlines() if "21 files are not journals" in line)
    assert (True, True) == (
        " and were left out: ./3, ./log-00, " in warning,
        warning.endswith(" ./log-08, ..."),
    )


def test_a_journal_of_a_folder_is_not_replaced_by_what_is_joined(tmp_path: Path) -> None:
    one = journal(tmp_path, "1", record("a", index=0))
    journal(tmp_path, "2", record("b", index=1))
    with pytest.raises(UsageError, match="both input and output"):
        joined(tmp_path, output=one, overwrite=True)
    assert record("a", index=0) == one.read_bytes()
    with pytest.raises(UsageError, match="outside of the folder"):
        joined(tmp_path, output=tmp_path / "whole")
    assert ["1", "2"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("line", [batch_api_line, partial(record, index=1 << 40)])
def test_lines_of_unknown_indexes_are_missing_in_no_shard(
    tmp_path: Path, line: Callable[[str], bytes]
) -> None:
    for number, names in (("1/2", "abc"), ("2/2", "def")):
        shard(tmp_path, number, *map(line, names), size=6)
    streams = Streams.fake()
    merge_journals(batch_options(files=(str(tmp_path),)), streams, {})
    stdout, stderr = streams.captured()
    assert (6, True, False) == (
        stdout.count(b"\n"),
        b"is not known whether a record is" in stderr,
        b"lack" in stderr,
    )
