"""Every record of an input has a line of its own, whatever others are called; ids and places are never mixed up."""

import json
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.batch_model import Place, ScriptedService, Verbosity, lines, run
from support.law_examples import share

NAMES = ("0", "1", "2", "3", "a", "")
RECORD = st.one_of(
    st.just("{bad"),
    st.just(json.dumps("x")),
    st.builds(lambda name: json.dumps({"id": name, "prompt": "x" + name}), st.sampled_from(NAMES)),
    st.builds(lambda name: json.dumps({"id": name, "prompt": 1}), st.sampled_from(NAMES)),
)


def indexes(path: Path) -> list[int]:
    return [json.loads(line)["index"] for line in lines(path)]


@pytest.mark.slow
@settings(deadline=None, max_examples=share(40))
@given(st.lists(RECORD, min_size=1, max_size=6), st.booleans(), st.booleans(), st.booleans())
def test_every_record_has_one_line_and_a_second_run_adds_none(
    records: list[str], keep_order: bool, piped: bool, openai: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder, "out"), Path(folder, "in"))
        place.source.write_text("".join(f"{record}\n" for record in records))
        how = Verbosity(keep_order=keep_order, piped=piped, openai=openai, dedupe=False)
        log = Path(folder, "log")
        first = run(place, how, ScriptedService(log))
        before = place.journal.read_bytes()
        assert Counter(range(len(records))) == Counter(indexes(place.journal))
        if keep_order:
            assert sorted(indexes(place.journal)) == indexes(place.journal)
        assert first == run(place, how, ScriptedService(Path(folder, "again")))
        assert before == place.journal.read_bytes()
        assert not Path(folder, "again").exists()


def test_the_error_of_a_line_stays_beside_a_record_that_is_called_like_its_place(tmp_path: Path) -> None:
    place = Place(tmp_path / "out", tmp_path / "in")
    place.source.write_text(
        '{"id": "1", "prompt": "x"}\n{bad\n{"id": "a", "prompt": "y"}\n{"id": "a", "prompt": "z"}\n'
    )
    run(place, Verbosity(keep_order=True), ScriptedService(tmp_path / "log"))
    found = [json.loads(line) for line in lines(place.journal)]
    assert [("1", 0), ("1", 1), ("a", 2), ("3", 3)] == [(line["id"], line["index"]) for line in found]
    assert [None, 12, None, 12] == [line["error"] and line["error"]["code"] for line in found]
    assert "the id 'a' is in" in found[3]["error"]["message"]


@pytest.mark.parametrize("is_first", [False, True])
def test_the_error_of_a_bad_record_stays_beside_a_good_one_with_its_id(
    tmp_path: Path, *, is_first: bool
) -> None:
    place, how = Place(tmp_path / "out", tmp_path / "in"), Verbosity(keep_order=True)
    both = ['{"id": "a", "prompt": 1}\n', '{"id": "a", "prompt": "x"}\n']
    place.source.write_text("".join(both if is_first else both[::-1]))
    for _ in range(2):
        run(place, how, ScriptedService(tmp_path / "log"))
        found = [json.loads(line) for line in lines(place.journal)]
        assert [("a", 0), ("a", 1)] == [(line["id"], line["index"]) for line in found]
        assert [is_first, not is_first] == [line["error"] is not None for line in found]
    assert "x" == (tmp_path / "log").read_text().strip()
    corrected = both[0].replace("1", '"y"').replace('"a"', '"b"')
    place.source.write_text("".join([corrected, both[1]] if is_first else [both[1], corrected]))
    assert 0 == run(place, how, ScriptedService(tmp_path / "log"))
    assert [0, 1] == indexes(place.journal)
