"""In a damaged journal the untouched records stay answered; a journal that cannot be read stays as it is."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.batch.journal.journal import open_journal
from mmpipe.errors import InputError
from support.disk_damage import DAMAGE, Damage, damaged
from support.journals import asked, record, states
from support.law_examples import share
from support.transcripts import IN_ONE_FOLDER

pytestmark = pytest.mark.laws

NAMES = st.lists(st.text(max_size=4), min_size=1, max_size=4, unique=True)
TORN = st.sampled_from(
    [b"", b"a prompt", b"{", b'{"id":"half', b'{"index":0,"id":"x","content":"gr\xc3', b"\0" * 9]
)


def opened(path: Path, names: list[str]) -> tuple[list[str], str | None]:
    """Return the state of each id, and the repair."""
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        return states(journal, *names), journal.repaired


@settings(IN_ONE_FOLDER, max_examples=share(150))
@given(NAMES, DAMAGE, TORN)
def test_records_that_damage_did_not_touch_are_still_answered_or_the_file_is_refused_untouched(
    tmp_path: Path, names: list[str], damage: Damage, torn: bytes
) -> None:
    path = tmp_path / "damaged.jsonl"
    records = [record(name) for name in names]
    content, places = damaged(b"".join(records) + torn, damage)
    path.write_bytes(content)
    try:
        found, _ = opened(path, names)
    except InputError:
        assert content == path.read_bytes()
        return
    end = 0
    for name, line, state in zip(names, records, found, strict=True):
        start, end = end, end + len(line)
        if not places & set(range(start, end)):
            assert state == "good", name
            assert line in path.read_bytes()
    kept = path.read_bytes()
    assert all(isinstance(json.loads(line), dict) for line in kept.splitlines())
    lost = content.removeprefix(kept.removesuffix(b"\n")).removeprefix(b"\n")
    assert lost[:1] in (b"", b"{", b"\0")
    # A second look finds nothing to repair, and the same.
    assert (found, None) == opened(path, names)
    assert kept == path.read_bytes()


@IN_ONE_FOLDER
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from(["one", "two"])), max_size=12)
)
def test_of_many_records_of_one_id_the_last_one_counts(
    tmp_path: Path, rows: list[tuple[str, bool, str]]
) -> None:
    path = tmp_path / "many.jsonl"
    path.write_bytes(b"".join(record(name, good=good, request=request) for name, good, request in rows))
    last = {name: (good, request) for name, good, request in rows}
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert len(last) == len(journal)
        for name in "abc":
            good, request = last.get(name, (False, ""))
            for wanted in ("one", "two"):
                expected = "failed" if not good else "good" if request == wanted else "changed"
                assert (expected if request else "new") == journal.state(name, asked(wanted))
