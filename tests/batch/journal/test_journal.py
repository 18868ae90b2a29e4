"""A journal loses no acknowledged record, repairs a torn end, and belongs to one run at a time."""

import json
import os
import pty
import stat
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.batch.journal.journal import open_journal, read_journal
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.journal.scan import MAX_ATTEMPT, NOT_ASKED, Entry, entry, request_half
from mmpipe.batch.journal.sidecar import Sidecar, write_sidecar
from mmpipe.errors import InputError, Internal, OutputError, UsageError
from support.journals import asked, batch_api_line, record, resumed, states


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_an_answered_record_is_good_and_a_failed_one_is_retried(path: Path) -> None:
    path.write_bytes(record("a") + record("b", good=False) + record("c", good=False) + record("c", attempt=2))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good", "failed", "good", "new"] == states(journal, "a", "b", "c", "d")
        assert [1, 1, 2, 0] == [journal.attempt(name, asked()) for name in "abcd"]
        assert (3, None) == (len(journal), journal.repaired)


def test_another_request_under_an_old_id_is_a_change_unless_it_failed(path: Path) -> None:
    path.write_bytes(record("a", request="one") + record("b", request="one", good=False))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["changed", "failed"] == [journal.state(name, asked("another")) for name in "ab"]
        assert "good" == journal.state("a", asked("one").upper())


def test_an_id_with_a_good_answer_is_known_whatever_was_asked(path: Path) -> None:
    path.write_bytes(record("a", request="one") + record("b", good=False))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert [True, False, False] == [journal.is_good(name) for name in "abc"]


def test_a_record_that_was_never_sent_may_have_another_request_later(path: Path) -> None:
    bad = record("a", good=False, request_sha256=None, attempt=0)
    path.write_bytes(bad)
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert (["new"], 0, False) == (
            states(journal, "a"),
            journal.attempt("a", asked()),
            journal.is_good("a"),
        )
    path.write_bytes(bad + record("a", attempt=2) + bad)
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert (["good"], 2) == (states(journal, "a"), journal.attempt("a", asked()))


def test_a_record_without_an_id_is_not_one_that_is_called_like_its_place(path: Path) -> None:
    own, placed = record("1", index=1, has_own_id=True), record("1", index=1, has_own_id=False, good=False)
    path.write_bytes(own + placed)
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        for has_own_id in (True, False):
            assert journal.knows("1", has_own_id=has_own_id)
            assert not journal.knows("0", has_own_id=has_own_id)
            assert has_own_id == journal.is_good("1", has_own_id=has_own_id)
            state = journal.state("1", asked(), has_own_id=has_own_id)
            assert ("good" if has_own_id else "failed") == state


def test_the_error_of_a_record_that_was_not_asked_goes_by_its_place(path: Path) -> None:
    path.write_bytes(record("a", index=1, good=False, request_sha256=None, attempt=0, has_own_id=True))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert (False, True) == (journal.knows("a"), journal.knows("1", has_own_id=False))


def test_a_line_that_does_not_say_what_names_the_record_is_taken_for_that_with_its_request(
    path: Path,
) -> None:
    path.write_bytes(record("7", index=7) + record("9", index=3) + record("5", index=None))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        for name in "75":
            for has_own_id in (True, False):
                assert ("good", "changed", 1) == (
                    journal.state(name, asked(), has_own_id=has_own_id),
                    journal.state(name, asked("another"), has_own_id=has_own_id),
                    journal.attempt(name, asked(), has_own_id=has_own_id),
                )
                # Without the request this is not known.
                assert not journal.is_good(name, has_own_id=has_own_id)
        assert ["good", "new"] == [journal.state("9", asked(), has_own_id=own) for own in (True, False)]
        assert ["new"] * 4 == [journal.state(name, asked()) for name in ("07", "7.0", "-7", "\u0667")]


def test_a_later_line_of_the_record_does_not_hide_an_older_one_with_its_request(path: Path) -> None:
    named = record("7", index=3, has_own_id=True, good=False, request="another")
    path.write_bytes(record("7", index=7) + named)
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ("good", "failed") == (journal.state("7", asked()), journal.state("7", asked("third")))


def test_a_line_that_was_appended_can_be_read_back_from_where_it_began(path: Path) -> None:
    path.write_bytes(record("a") + record("b")[:9])
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        first = journal.end
        journal.append([record("c"), record("d")])
        second = journal.end - len(record("d"))
        assert [record("c"), record("d")] == [
            journal.read(first, len(record("c"))),
            journal.read(second, len(record("d"))),
        ]
        os.truncate(path, second + 1)
        with pytest.raises(OutputError, match=f"^{path} was made shorter by another process$"):
            journal.read(second, len(record("d")))
        with pytest.raises(OutputError, match=f"^cannot read {path}: Invalid argument$"):
            journal.read(-1, 1)


def test_lines_of_the_batch_api_go_by_their_custom_id_and_their_attempts_are_counted(path: Path) -> None:
    path.write_bytes(batch_api_line("a", good=False) + batch_api_line("a"))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good", "new"] == states(journal, "a", "batch_req_1")
        assert 2 == journal.attempt("a", asked())


def test_a_number_of_attempts_that_is_too_large_stays_the_largest(path: Path) -> None:
    path.write_bytes(record("a", attempt=MAX_ATTEMPT) + batch_api_line("a", good=False))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["failed"] == states(journal, "a")
        assert MAX_ATTEMPT == journal.attempt("a", asked())


def test_an_id_may_be_any_string_of_json(path: Path) -> None:
    path.write_bytes(rb'{"id":"\ud800","error":null,"request_sha256":"%s"}' % asked().encode() + b"\r\n")
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good", "new"] == states(journal, "\ud800", "?")
    path.write_bytes(record("a", custom_id="") + record("b", custom_id=None))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good", "new", "good"] == states(journal, "", "a", "b")


@pytest.mark.parametrize(
    "content", [r'"\ud83d"', r'{"\udc00": 1}', "9" * 400, "[" * 900 + "]" * 900, '"\x7f"']
)
def test_a_record_may_hold_whatever_json_has(path: Path, content: str) -> None:
    path.write_bytes(record("a").replace(b'"attempt"', b'"more": %s, "attempt"' % content.encode()))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good"] == states(journal, "a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)
HALVES = st.text(st.characters(categories=["Cs", "Ll"]), max_size=3)
FIELDS = {
    "id": HALVES | JSON,
    "custom_id": HALVES | JSON,
    "error": st.none() | st.dictionaries(HALVES, JSON, max_size=2) | JSON,
    "attempt": st.integers(-1, 3) | st.just(2**31) | JSON,
    "index": st.integers() | JSON,
    "request_sha256": st.just(asked()) | st.just(asked().upper()) | JSON,
    "content": HALVES | JSON,
}


def expected(fields: dict[str, object]) -> Entry | None:
    """Return the state that a record with these fields gives; None if it is no record."""
    name = fields.get("id") if fields.get("custom_id") is None else fields["custom_id"]
    attempt, index, error = fields.get("attempt", 0), fields.get("index"), fields.get("error", "missing")
    index = index if type(index) is int and index >= 0 else None
    sha256 = fields.get("request_sha256")
    is_known = isinstance(sha256, str) and sha256.lower() == asked()
    is_unasked = sha256 is None and error is not None and attempt == 0
    if (
        not isinstance(name, str)
        or not (error is None or isinstance(error, dict))
        or not (type(attempt) is int and 0 <= attempt < 2**31)
        or not (is_known or is_unasked)
    ):
        return None
    has_both_names = fields.get("id") is not None and fields.get("custom_id") is not None
    line_format: JournalFormat = "openai" if has_both_names else "jsonl"
    request = request_half(asked()) if is_known else NOT_ASKED
    return Entry(name, request, error is None, attempt, index, line_format)


@pytest.mark.parametrize(
    ("index", "place"), [(3, 3), (0, 0), (-1, None), (True, None), (1.0, None), ("1", None), (None, None)]
)
def test_an_entry_has_the_id_the_state_and_the_index_if_there_is_one(
    index: object, place: int | None
) -> None:
    good, failed = record("a", index=index), record("a", good=False, index=index, attempt=2)
    unasked = record("a", good=False, index=index, request_sha256=None, attempt=0)
    half = request_half(asked())
    assert Entry("a", half, True, 1, place, "jsonl") == entry(good)
    assert Entry("a", half, False, 2, place, "jsonl") == entry(failed)
    assert Entry("a", NOT_ASKED, False, 0, place, "jsonl") == entry(unasked)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "is not JSON in UTF-8"),
        (b"[]", "is not a JSON object"),
        (record("a", request_sha256=None), "has no request_sha256"),
        (record("a", request_sha256="z" * 64), "has a request_sha256 that is not one"),
    ],
)
def test_a_line_that_is_no_record_is_described(line: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        entry(line)


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=FIELDS), st.sampled_from([b"", b" ", b"\r"]))
def test_a_line_is_read_as_the_reader_of_json_has_it(fields: dict[str, object], end: bytes) -> None:
    line = json.dumps(fields).encode() + end
    # Two halves that stand side by side are one character once they are read.
    read = json.loads(line)
    try:
        found = entry(line)
    except ValueError:
        assert expected(read) is None
    else:
        assert expected(read) == found


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\0" * 40, "not JSON"),
        (b'{"id":"\xff"}', "UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "object"),
        (b'"a"', "object"),
        (record("a")[:-1] + b"x", "not JSON"),
        (record("a")[:-1] + record("c")[:-1], "not JSON"),
        (b"\xef\xbb\xbf" + record("a")[:-1], "not JSON"),
        (record("a").replace(b"content", b"\xed\xa0\x80")[:-1], "UTF-8"),
        (record("a").replace("größer".encode(), b"\xff")[:-1], "UTF-8"),
        (record("a").replace("größer".encode(), b"\x01")[:-1], "not JSON"),
        (record("a", content=float("nan"))[:-1], "not JSON"),
        (record("a", content=[float("-inf")])[:-1], "not JSON"),
        (b'{"id":1}', "id"),
        (record("a", attempt=True)[:-1], "attempt"),
        (record("a", attempt=-1)[:-1], "attempt"),
        (record("a", attempt=1.0)[:-1], "attempt"),
        (record("a", attempt=2**31)[:-1], "attempt"),
        (record("a", custom_id=1)[:-1], "id"),
        (record("a", error=False)[:-1], "error"),
        (record("a", error=[])[:-1], "error"),
        (record("a").replace(b'"error"', b'"trouble"')[:-1], "error"),
        (record("a", request_sha256="z" * 64)[:-1], "request_sha256"),
        (record("a", request_sha256="ab")[:-1], "request_sha256"),
        (record("a", request_sha256=None)[:-1], "request_sha256"),
        (record("a", request_sha256=None, attempt=0)[:-1], "request_sha256"),
        (record("a", request_sha256=None, good=False)[:-1], "request_sha256"),
    ],
)
def test_a_line_inside_that_is_no_record_is_refused_by_its_number(
    path: Path, line: bytes, reason: str
) -> None:
    content = record("a") + line + b"\n" + record("b") + b'{"torn'
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path} is not a journal of mmpipe: line 2 .*{reason}"):
        resumed(path)
    assert content == path.read_bytes()


def test_content_is_neither_lost_nor_added_to_unless_the_user_says_which(path: Path) -> None:
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match=r"--resume .*--overwrite"), ExitStack() as stack:
        stack.enter_context(open_journal(str(path), resume=False, overwrite=False))
    assert b"precious" == path.read_bytes()
    with open_journal(str(path), resume=False, overwrite=True) as journal:
        assert b"precious" == path.read_bytes()
        journal.clear()
        journal.append([record("a")])
    assert record("a") == path.read_bytes()


def test_resume_and_overwrite_exclude_each_other(path: Path) -> None:
    with pytest.raises(UsageError, match="exclude"), open_journal(str(path), resume=True, overwrite=True):
        pass
    assert not path.exists()


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("umask", [0, 0o022, 0o027])
def test_a_new_journal_is_made_as_the_umask_says(path: Path, *, umask: int, resume: bool) -> None:
    before = os.umask(umask)
    try:
        with open_journal(str(path), resume=resume, overwrite=False) as journal:
            assert ["new"] == states(journal, "a")
    finally:
        os.umask(before)
    assert 0o666 & ~umask == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("lines", [[b"no end"], [b"two\nlines\n"], [b"one\n", b"none", b"two\n\n"], [b""]])
def test_a_journal_takes_exactly_one_line_for_each_record(path: Path, lines: list[bytes]) -> None:
    with open_journal(str(path), resume=False, overwrite=False) as journal:
        with pytest.raises(Internal, match=r"^a record for the journal is not one line$"):
            journal.append(lines)
        journal.append([])
    assert b"" == path.read_bytes()


@pytest.mark.parametrize(
    ("before", "overwrite"), [(b"", False), (record("a") + b'{"torn', False), (b"old\n", True)]
)
def test_a_journal_without_another_writer_is_untouched(path: Path, before: bytes, *, overwrite: bool) -> None:
    path.write_bytes(before)
    with open_journal(str(path), resume=not overwrite, overwrite=overwrite) as journal:
        journal.check_untouched()
        if overwrite:
            journal.clear()
        for name in ("b", "c"):
            journal.check_untouched()
            journal.append([record(name)])
        journal.check_untouched()


class _Failure(Exception):
    pass


def _fail(path: Path, *, overwrite: bool = False, line: bytes | None = None) -> None:
    """Open the journal, write the line, and leave with an error."""
    with suppress(_Failure), open_journal(str(path), resume=False, overwrite=overwrite) as journal:
        write_sidecar(str(path), Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0))
        if line is not None:
            journal.append([line])
        raise _Failure


def test_a_new_journal_that_was_not_used_is_removed_after_an_error_and_its_sidecar_too(path: Path) -> None:
    _fail(path)
    assert [] == list(path.parent.iterdir())


def test_a_journal_that_was_there_before_or_has_lines_stays_after_an_error(path: Path) -> None:
    path.touch()
    _fail(path)
    assert b"" == path.read_bytes()
    _fail(path, line=record("a"))
    _fail(path, overwrite=True)
    assert record("a") == path.read_bytes()
    _fail(path.with_name("other"), line=record("b"))
    assert record("b") == path.with_name("other").read_bytes()


def test_a_new_journal_stays_once_something_is_asked_for_it(path: Path) -> None:
    with suppress(_Failure), open_journal(str(path), resume=False, overwrite=False) as journal:
        journal.is_used = True
        raise _Failure
    assert b"" == path.read_bytes()


def test_a_link_to_a_journal_that_stays_empty_remains(path: Path) -> None:
    path.symlink_to("elsewhere")
    _fail(path)
    assert [path] == list(path.parent.iterdir())


def test_an_empty_journal_that_was_replaced_meanwhile_is_left(path: Path) -> None:
    with suppress(_Failure), open_journal(str(path), resume=False, overwrite=False):
        path.rename(path.with_name("moved"))
        path.touch()
        raise _Failure
    assert {"moved", path.name} == {found.name for found in path.parent.iterdir()}


def test_a_run_without_records_leaves_an_empty_journal(path: Path) -> None:
    with open_journal(str(path), resume=False, overwrite=False):
        pass
    assert b"" == path.read_bytes()


@pytest.mark.parametrize(
    ("content", "formats"),
    [
        (b"", {"jsonl", "openai"}),
        (record("a"), {"jsonl"}),
        (record("a", good=False), {"jsonl"}),
        (record("a", good=False, request_sha256=None, attempt=0), {"jsonl"}),
        (record("a")[:-1], {"jsonl"}),
        (record("a") + b'{"torn', {"jsonl"}),
        (batch_api_line("a"), {"openai"}),
        (batch_api_line("a", good=False), {"openai"}),
        (batch_api_line("a")[:-1], {"openai"}),
        (record("a") + batch_api_line("b"), {"jsonl", "openai"}),
    ],
)
def test_a_journal_keeps_its_format(path: Path, content: bytes, formats: set[JournalFormat]) -> None:
    path.write_bytes(content)
    for wanted in get_args(JournalFormat):
        expected = nullcontext() if wanted in formats else pytest.raises(UsageError, match="--format")
        for opened in (read_journal(str(path)), open_journal(str(path), resume=True, overwrite=False)):
            with opened as journal, expected:
                journal.check_format(wanted)


def test_an_empty_journal_knows_nothing(path: Path) -> None:
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert (["new"], 0, 0, False) == (
            states(journal, "a"),
            journal.attempt("a", asked()),
            len(journal),
            journal.knows("a"),
        )


def test_a_journal_knows_which_ids_are_in_it(path: Path) -> None:
    path.write_bytes(record("a") + record("b", good=False))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert [True, True, False] == [journal.knows(name) for name in "abc"]


def test_a_journal_opened_for_reading_is_not_cleared(path: Path) -> None:
    path.write_bytes(record("a"))
    with read_journal(str(path)) as journal:
        assert ["good"] == states(journal, "a")
        with pytest.raises(OutputError, match=f"^cannot write to {path}: Invalid argument$"):
            journal.clear()
    assert record("a") == path.read_bytes()


def test_a_file_that_cannot_be_read_again_is_refused_as_a_journal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ends = pty.openpty()
    for name in (tmp_path / "pipe", os.ttyname(ends[1]), "/dev/stdout", "/dev/fd/1", "/dev/null"):
        with pytest.raises(UsageError, match="leave out -o"):
            resumed(Path(name))
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("place", ["", "no/such/folder"])
def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path, place: str) -> None:
    with pytest.raises(OutputError, match=f"^cannot write to {tmp_path / place}: "):
        resumed(tmp_path / place)
