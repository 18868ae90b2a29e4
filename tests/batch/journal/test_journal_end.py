"""The end of a journal: a torn line is cut off and reported, and foreign content stays as it was."""

import os
import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.journal.scan import LINE_LIMIT
from mmpipe.errors import InputError
from support.journals import batch_api_line, record, resumed, states


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(max_size=5), min_size=1, max_size=3, unique=True),
    st.sampled_from([b"", b"\0", b"\0" * 5000]),
)
def test_wherever_a_crash_cuts_it_the_journal_and_the_rest_make_the_whole(
    tmp_path: Path, names: list[str], padding: bytes
) -> None:
    path = tmp_path / "cut.jsonl"
    records = [record(name) for name in names]
    whole = b"".join(records)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut] + padding)
        with open_journal(str(path), resume=True, overwrite=False) as journal:
            journal.append(
                [line for line, name in zip(records, names, strict=True) if states(journal, name) == ["new"]]
            )
            at_line_end = not padding and (cut == 0 or whole[cut - 1 : cut] == b"\n")
            assert at_line_end == (journal.repaired is None), cut
        assert whole == path.read_bytes(), cut


def test_the_repair_of_a_journal_is_reported(path: Path) -> None:
    whole, completed = record("a"), "its last record got the newline that was missing"
    for torn, repaired, left in (
        (whole + record("b")[:-1], completed, whole + record("b")),
        (
            whole + record("b")[:-1] + bytes(9),
            f"{completed} and 9 bytes of NULs were cut off its end",
            whole + record("b"),
        ),
        (whole + record("b")[:7], "7 bytes of a torn record were cut off its end", whole),
        (record("b")[:7], "7 bytes of a torn record were cut off its end", b""),
        # Of two blocks of a write the second may have reached the disk alone.
        (whole + bytes(9) + b'x"}', "12 bytes of a torn record were cut off its end", whole),
        (whole + bytes(9), "9 bytes of NULs were cut off its end", whole),
        (bytes(9), "9 bytes of NULs were cut off its end", b""),
        (whole, None, whole),
    ):
        path.write_bytes(torn)
        assert repaired == resumed(path)
        assert left == path.read_bytes()


def test_a_last_line_of_the_batch_api_that_lacks_its_end_counts_as_asked(path: Path) -> None:
    path.write_bytes(batch_api_line("a", good=False) + batch_api_line("a")[:-1])
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert (["good"], 2) == (states(journal, "a"), journal.attempt("a", "0" * 64))


@pytest.mark.slow
def test_a_journal_may_be_longer_than_a_line_may_be(path: Path) -> None:
    half = record("a", content="x" * (33 << 20))
    path.write_bytes(half * 2 + b'{"torn')
    assert "6 bytes of a torn record were cut off its end" == resumed(path)
    assert 2 * len(half) == path.stat().st_size


@pytest.mark.parametrize("end", [b"a prompt", b'{"prompt": "mine"}', b'{"prompt": "mine"}\0', b"17", b"\xff"])
def test_an_end_that_no_torn_write_can_leave_is_not_cut_off(path: Path, end: bytes) -> None:
    for content in (end, record("a") + end):
        path.write_bytes(content)
        with pytest.raises(
            InputError, match=f"^{path} is not a journal .*: its last line .*; it was left as it is$"
        ):
            resumed(path)
        assert content == path.read_bytes()


def test_records_longer_than_a_block_are_read(path: Path) -> None:
    long = record("long", content="x" * 3_000_000)
    path.write_bytes(record("a") + long + record("b") + long[:-2])
    assert f"{len(long) - 2} bytes" in (resumed(path) or "")
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good"] * 3 == states(journal, "a", "long", "b")


@pytest.mark.slow
def test_a_file_without_line_ends_is_refused_and_not_read_into_memory(path: Path) -> None:
    for end in (b"", b"\n"):
        path.write_bytes(b"{")
        os.truncate(path, 1 << 31)
        with path.open("ab") as file:
            file.write(b"}" + end)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(
            InputError, match=rf"^{path} is not a journal .*: (line 1 is not JSON|its last line is too long)"
        ):
            resumed(path)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KiB
        assert grown < 2.5 * LINE_LIMIT / 1024
