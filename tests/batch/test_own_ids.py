"""A record is known by its own id wherever it stands, and a record without one by its place."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.batch.journal.merge import merge
from mmpipe.unix.files import open_output
from support.batch_model import Place, ScriptedService, Verbosity, lines, run
from support.law_examples import share

IN_ORDER = Verbosity(keep_order=True)


def named(*ids: object) -> list[str]:
    return [json.dumps({"id": name, "prompt": f"x{name}"}) for name in ids]


def unnamed(*prompts: str) -> list[str]:
    return [json.dumps({"prompt": prompt}) for prompt in prompts]


def made_old(path: Path) -> None:
    """Leave out the fields that older versions did not write."""
    new = {"has_own_id", "host"}
    kept = [
        {name: value for name, value in json.loads(line).items() if name not in new} for line in lines(path)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in kept))


class Batch:
    """A batch whose input changes between its runs."""

    def __init__(self, folder: Path, how: Verbosity = IN_ORDER) -> None:
        self.place, self.log, self.how = Place(folder / "out.jsonl", folder / "in.jsonl"), folder / "log", how

    def ask(self, records: Sequence[str], status: int = 0, failing: Sequence[str] = ()) -> list[str]:
        """The prompts that were sent."""
        self.log.unlink(missing_ok=True)
        self.place.source.write_text("".join(f"{record}\n" for record in records))
        assert status == run(self.place, self.how, ScriptedService(self.log, frozenset(failing)))
        return self.log.read_text().split() if self.log.exists() else []

    def merged(self) -> list[tuple[str, int]]:
        """The ids and indexes of the lines after --merge, which finds each id once and with a good answer."""
        path = self.place.journal.with_name("merged")
        with open_output(str(path)) as out:
            report = merge([str(self.place.journal)], out)
        assert [0, 0, 0] == [found.count for found in (report.failed, report.repeated, report.different)]
        return [(line.get("custom_id") or line["id"], line["index"]) for line in map(json.loads, lines(path))]


CHANGES = {
    "ids from 1, a line put in front": (named(1, 2, 3), named(0, 1, 2, 3), ["x0"]),
    "ids from 0, the first line removed": (named(0, 1, 2), named(1, 2, 3), ["x3"]),
    "ids from 0, the lines turned round": (named(0, 1, 2, 3), named(3, 2, 1, 0), []),
    "ids from 5 that come to their places": (named(5, 6), named(0, 1, 2, 3, 4, 5, 6), ["x0", "x1", "x2", "x3", "x4"]),
    "custom_id": ([record.replace('"id"', '"custom_id"') for record in named(1, 2)], named(0, 1, 2), ["x0"]),
    "some without an id": ([*named(1), *unnamed("a", "b")], [*named(1), *unnamed("a", "b"), *named(8, 3)], ["x3", "x8"]),
    "those with an id trade places": ([*named(0), *unnamed("b"), *named(2)], [*named(2), *unnamed("b"), *named(0)], []),
}  # fmt: skip


@pytest.mark.parametrize("openai", [False, True])
@pytest.mark.parametrize("keep_order", [False, True])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_no_record_is_paid_twice_when_its_place_changes(
    tmp_path: Path, name: str, *, old: bool, keep_order: bool, openai: bool
) -> None:
    before, after, new = CHANGES[name]
    batch = Batch(tmp_path, Verbosity(keep_order=keep_order, openai=openai))
    assert len(before) == len(batch.ask(before))
    if old:
        made_old(batch.place.journal)
    assert sorted(new) == sorted(batch.ask(after))
    assert [] == batch.ask(after)
    assert len(before) + len(new) == len(batch.merged())


def test_a_record_with_an_id_and_one_whose_place_it_is_are_two(tmp_path: Path) -> None:
    batch, both = Batch(tmp_path), [*named(1), *unnamed("b")]
    assert ["b", "x1"] == sorted(batch.ask(both))
    assert [] == batch.ask(both)
    assert [("1", 0), ("1", 1)] == batch.merged()
    assert [True, False] == [json.loads(line)["has_own_id"] for line in lines(batch.place.journal)]


def test_a_failed_record_that_moved_to_its_place_has_one_line_in_the_end(tmp_path: Path) -> None:
    for old in (False, True):
        folder = tmp_path / str(old)
        folder.mkdir()
        batch = Batch(folder)
        batch.ask(named(1, 0, 3), 14, failing=("x1", "x0"))
        if old:
            made_old(batch.place.journal)
        assert ["x0", "x1"] == sorted(batch.ask(named(0, 1, 3)))
        assert [("0", 0), ("1", 1), ("3", 2)] == batch.merged()


def test_what_an_older_version_did_not_tell_apart_is_refused_and_not_paid_twice(tmp_path: Path) -> None:
    batch = Batch(tmp_path)
    batch.ask([*named(0), *unnamed("b")])
    assert ["x1"] == batch.ask([*named(0), *unnamed("b"), *named(1)])
    batch.place.journal.unlink()
    batch.ask([*named(0), *unnamed("b")])
    made_old(batch.place.journal)
    assert [] == batch.ask([*named(0), *unnamed("b"), *named(1)], 12)
    assert [] == batch.ask([json.dumps({"id": "1", "prompt": "changed"}), *named(0)], 12)


@pytest.mark.slow
@settings(deadline=None, max_examples=share(60))
@given(st.permutations(range(6)), st.permutations(range(6)), st.integers(0, 6), st.booleans(), st.booleans())
def test_records_with_ids_may_stand_in_any_order(
    first: list[int], second: list[int], count: int, old: bool, keep_order: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch(Path(folder), Verbosity(keep_order=keep_order))
        batch.ask(named(*first[:count]) or named("x"))
        if old:
            made_old(batch.place.journal)
        assert sorted(f"x{name}" for name in first[count:]) == sorted(batch.ask(named(*second)))
        names = sorted(name for name, _ in batch.merged() if name != "x")
        assert sorted(map(str, second)) == names
