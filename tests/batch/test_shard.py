"""Shards divide an input: nothing is left out, nothing is asked twice, and it is always the same part."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.records import Record
from mmpipe.batch.shard import Shard
from mmpipe.errors import UsageError
from support.record_reading import read

COUNTS = st.integers(1, 40)
IDS = st.text() | st.integers(0, 99).map(str)


def shards(count: int) -> list[Shard]:
    return [Shard.parse(f"{number}/{count}") for number in range(1, count + 1)]


@given(COUNTS, IDS, st.integers(0, 10**12))
def test_each_record_is_in_one_shard(count: int, name: str, index: int) -> None:
    assert 1 == sum(shard.takes(name, index) for shard in shards(count))
    assert 1 == sum(shard.takes(str(index), index) for shard in shards(count))


@given(COUNTS)
def test_arrays_of_jobs_that_count_from_0_and_from_1_have_the_same_shards(count: int) -> None:
    from_0 = {Shard.parse(f"{number}/{count}") for number in range(count)}
    assert from_0 == set(shards(count))
    assert Shard.parse(f"0/{count}") == Shard.parse(f"{count}/{count}")


def test_a_shard_is_shown_as_it_may_be_written() -> None:
    assert ["1/2", "2/2", "2/2"] == [str(Shard.parse(text)) for text in ("1/2", "2/2", "0/2")]


def test_lines_are_dealt_out_in_turn() -> None:
    first, second, third = shards(3)
    names = ["first", "second", "third"]
    takers = [first, second, third]
    dealt = [
        [name for name, shard in zip(names, takers, strict=True) if shard.takes(str(index), index)]
        for index in range(6)
    ]
    assert [["third"], ["first"], ["second"]] * 2 == dealt


def test_a_record_with_an_id_stays_in_its_shard_wherever_it_stands() -> None:
    for shard in shards(5):
        assert 1 == len({shard.takes("rec-7", index) for index in range(100)})


def test_ids_are_spread_evenly() -> None:
    counts = [sum(shard.takes(f"rec-{n}", n) for n in range(10_000)) for shard in shards(10)]
    assert all(850 < count < 1150 for count in counts)


# A journal that was begun with an older version goes on with the same part.
TABLE = {
    ("a", 0): 343,
    ("b", 0): 333,
    ("rec-1", 1): 572,
    ("rec-2", 2): 212,
    ("hü", 7): 631,
    ("\ud800", 7): 464,
    ("7", 0): 890,
    ("7", 7): 7,
    ("1007", 1007): 7,
    ("01007", 1007): 613,
}


def test_every_version_makes_the_same_shards() -> None:
    found = {key: next(n for n in range(1000) if Shard(n, 1000).takes(*key)) for key in TABLE}
    assert TABLE == found


def test_every_process_makes_the_same_shards() -> None:
    code = (
        "from mmpipe.batch.shard import Shard; print([Shard(1, 3).takes(f'rec-{n}', n) for n in range(50)])"
    )
    expected = f"{[Shard(1, 3).takes(f'rec-{n}', n) for n in range(50)]}\n"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert expected == done.stdout


def test_the_shards_of_an_input_make_up_the_input() -> None:
    content = b'"a"\n{"id": "x", "prompt": "b"}\n\n"c"\n{"id": 5, "prompt": "d"}\n"e"\n'
    records = [record for record in read(content) if isinstance(record, Record)]
    parts = [[record.id for record in records if shard.takes(record.id, record.index)] for shard in shards(2)]
    assert ["0", "2", "4", "5", "x"] == sorted(parts[0] + parts[1])


@pytest.mark.parametrize("text", ["1/1", "0/1", "0/1000000", "1000000/1000000", "007/8"])
def test_from_1_to_a_million_shards_can_be_made(text: str) -> None:
    assert isinstance(Shard.parse(text), Shard)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must look like I/N, such as 2/8; is a shell variable not set[?]$"),
        ("3", "must look like I/N, such as 2/8$"),
        ("1/", "must look like I/N, such as 2/8; is a shell variable not set[?]$"),
        ("/4", "must look like I/N, such as 2/8; is a shell variable not set[?]$"),
        (" /4", "is a shell variable not set[?]$"),
        ("/", "is a shell variable not set[?]$"),
        ("-1/3", "must look like I/N"),
        ("1/3\n", "must look like I/N"),
        ("1 / 3", "must look like I/N"),
        ("\u0661/3", "must look like I/N"),
        ("a/b", "must look like I/N"),
        ("1/\x1b[31m", "must look like I/N"),
        ("1/9999999999", "must look like I/N"),
        ("0/0", "there can be 1 to 1000000 shards"),
        ("1/1000001", "there can be 1 to 1000000 shards"),
        ("4/3", "there is no such shard of 3; they are numbered 1 to 3, or 0 to 2"),
    ],
)
def test_a_shard_that_is_none_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        Shard.parse(text)
    assert refused.value.message.isprintable()
