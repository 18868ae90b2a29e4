"""Other processes, kills and full disks: no turn is lost, and two conversations never mix."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.chat.message_lines import format_line
from mmpipe.chat.transcript import open_transcript
from mmpipe.core.events import Message
from mmpipe.errors import Busy, ExitStatus, InputError, Interrupted, OutputError, PipeClosed
from mmpipe.unix.signals import raise_interrupts
from support.full_disk import largest_file
from support.transcripts import IN_ONE_FOLDER, MESSAGES, NEXT, TALK, add, kept, read

KEPT = """
import sys
from mmpipe.chat.transcript import open_transcript
def kept(patience):
    return open_transcript(sys.argv[1], patience=patience, look=lambda: None, waiting=lambda: None)
"""
HOLD = f"""{KEPT}
with kept(0):
    print("held", flush=True)
    sys.stdin.read()
"""
APPEND = f"""{KEPT}
for number in range(25):
    with kept(90) as transcript:
        fields = dict(content="x" * 500, writer=sys.argv[2], number=number, before=len(transcript.messages))
        transcript.append([dict(role=role, **fields) for role in ("user", "assistant")])
"""
ADD = f"""{KEPT}
with kept(0) as transcript:
    for count in (2, 1):
        transcript.append([dict(role="user", content="and now?")] * count)
"""


@contextmanager
def script(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def never() -> NoReturn:
    pytest.fail("there was nothing to wait for")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "talk.jsonl"


@pytest.mark.slow
def test_processes_that_extend_one_conversation_take_turns(path: Path) -> None:
    with ExitStack() as stack:
        writers = [stack.enter_context(script(APPEND, path, writer)) for writer in range(8)]
        assert [0] * 8 == [writer.wait() for writer in writers]
    messages = read(path)
    assert 8 * 25 * 2 == len(messages)
    # Every writer saw all earlier turns, and its own two turns are neighbours.
    assert [place // 2 * 2 for place in range(400)] == [message["before"] for message in messages]
    assert ["user", "assistant"] * 200 == [message["role"] for message in messages]
    for writer in range(8):
        numbers = [message["number"] for message in messages if message["writer"] == str(writer)]
        assert [number // 2 for number in range(50)] == numbers


def test_the_holder_of_a_conversation_is_named_and_a_kill_releases_the_lock(path: Path) -> None:
    path.write_bytes(TALK)
    with script(HOLD, path) as first:
        assert first.stdout is not None
        assert "held\n" == first.stdout.readline()
        with (
            pytest.raises(Busy, match=rf"process {first.pid}\b") as caught,
            open_transcript(str(path), patience=0, look=never, waiting=never),
        ):
            pass
        assert ExitStatus.BUSY == caught.value.status
        first.kill()
        first.wait()
    add(path, NEXT)
    assert TALK + format_line(NEXT) == path.read_bytes()


def test_a_wait_is_announced_once_and_ends(path: Path) -> None:
    steps: list[str] = []
    with (
        kept(path),
        pytest.raises(Busy),
        open_transcript(
            str(path),
            patience=0.3,
            look=lambda: steps.append("look"),
            waiting=lambda: steps.append("waiting"),
        ),
    ):
        pass
    assert "waiting" == steps[0]
    assert {"look"} == set(steps[1:])
    assert not path.exists()


def test_after_a_wait_the_conversation_holds_the_turns_of_the_other_process(path: Path) -> None:
    with ExitStack() as first:
        transcript = first.enter_context(kept(path))

        def look() -> None:
            transcript.append([NEXT])
            first.close()

        with open_transcript(str(path), patience=60, look=look, waiting=lambda: None) as second:
            assert (NEXT,) == second.messages


def test_a_wait_ends_when_the_reader_has_gone(path: Path) -> None:
    def look() -> None:
        raise PipeClosed

    with (
        kept(path),
        pytest.raises(PipeClosed),
        open_transcript(str(path), patience=60, look=look, waiting=lambda: None),
    ):
        pass
    add(path, NEXT)


def _say_nothing(_: Path) -> None:
    """The first question failed: the file that was made for it goes again."""


def _put_aside(path: Path) -> None:
    path.rename(path.with_name("old"))


def _replace(path: Path) -> None:
    path.with_name("new").write_bytes(TALK)
    path.with_name("new").rename(path)


@pytest.mark.parametrize(
    ("change", "there"), [(_say_nothing, b""), (_put_aside, b""), (Path.unlink, b""), (_replace, TALK)]
)
def test_a_file_that_lost_its_name_during_the_wait_is_not_written_to(
    path: Path, change: Callable[[Path], None], there: bytes
) -> None:
    steps: list[str] = []
    with ExitStack() as first:
        first.enter_context(kept(path))

        def look() -> None:
            change(path)
            first.close()

        with open_transcript(
            str(path), patience=60, look=look, waiting=lambda: steps.append("waiting")
        ) as second:
            second.append([NEXT])
    assert there + format_line(NEXT) == path.read_bytes()
    assert ["waiting"] == steps


def test_a_signal_leaves_the_conversation_unchanged_and_unlocked(path: Path) -> None:
    def ask() -> None:
        with raise_interrupts(), kept(path):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        ask()
    assert not path.exists()
    add(path, NEXT)


def test_turns_are_one_write_and_on_the_disk_with_the_name_of_the_file(
    path: Path, tmp_path: Path, needs: Callable[[str], None]
) -> None:
    needs("strace")
    trace = ["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=write,ftruncate,fdatasync,fsync"]
    command = [*trace, sys.executable, "-c", ADD, str(path)]
    # What the interpreter keeps for itself is not ours.
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    calls: list[Sequence[str]] = []
    for end in (b"", TALK[:-1], TALK + b'{"role":"us'):
        if end:
            path.write_bytes(end)
        subprocess.run(command, env=environment, check=True)
        calls.append(re.findall(r"(\w+)\(\d", (tmp_path / "trace").read_text()))
    again = ["write", "fdatasync"]
    assert [[*again, "fsync", *again], again * 2, ["ftruncate", *again * 2]] == calls


@pytest.mark.slow
@settings(IN_ONE_FOLDER, max_examples=5)
@given(
    MESSAGES.filter(bool), MESSAGES.filter(bool), st.booleans(), st.sampled_from([b"", b"\0", b"\0" * 5000])
)
def test_a_crash_at_any_byte_of_the_last_turns_leaves_whole_messages(
    tmp_path: Path, before: list[Message], last: list[Message], has_newline: bool, padding: bytes
) -> None:
    path = tmp_path / "cut"
    first, lines = b"".join(map(format_line, before)), list(map(format_line, last))
    path.write_bytes(first if has_newline else first[:-1])
    size = path.stat().st_size
    add(path, *last)
    whole = path.read_bytes()
    assert first + b"".join(lines) == whole
    # Without its newline a message is whole already.
    ends = [len(first) + len(b"".join(lines[:count])) - 1 for count in range(1, len(lines) + 1)]
    for cut in range(size, len(whole) + 1):
        path.write_bytes(whole[:cut] + padding)
        left = [*before, *last][: len(before) + sum(end <= cut for end in ends)]
        with kept(path) as transcript:
            assert left == list(transcript.messages), cut
            is_whole = cut in (size, len(whole)) or cut in ends or cut - 1 in ends or cut <= len(first)
            assert (is_whole and not padding) == (transcript.repaired is None), cut
            transcript.append([NEXT])
        assert [*left, NEXT] == list(read(path)), cut


@pytest.mark.parametrize("room", [0, 1, 50, 99])
@pytest.mark.parametrize("end", [b"", b"\n", b'\n{"role":"us'])
def test_a_full_disk_takes_the_turns_whole_or_not_at_all(path: Path, room: int, end: bytes) -> None:
    path.write_bytes(TALK[:-1] + end)
    whole, turns = (TALK, [NEXT, NEXT]) if b"{" in end else (TALK[:-1] + end, [NEXT, NEXT])
    length = len(b"".join(map(format_line, turns)))
    with kept(path) as transcript:
        with (
            largest_file(len(whole) + length * room // 100),
            pytest.raises(OutputError, match="File too large"),
        ):
            transcript.append(turns)
        assert whole == path.read_bytes()
        transcript.append(turns)
    assert TALK + format_line(NEXT) * 2 == path.read_bytes()


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), Interrupted(2)])
def test_turns_that_may_not_have_reached_the_disk_are_removed(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fdatasync(_: int) -> None:
        raise error

    path.write_bytes(TALK)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    for name in (path, path.with_name("new")):
        with pytest.raises((OutputError, Interrupted), match=r"cannot write to .*: Input/output error|^2$"):
            add(name, NEXT)
    assert TALK == path.read_bytes()
    assert not path.with_name("new").exists()


def _edit(path: Path) -> None:
    path.write_bytes(TALK * 2)


@pytest.mark.parametrize(
    ("change", "reason"), [(_edit, "written to"), (_replace, "replaced"), (Path.unlink, "removed")]
)
def test_changes_by_an_editor_in_the_meantime_are_not_touched(
    path: Path, change: Callable[[Path], None], reason: str
) -> None:
    path.write_bytes(TALK + b'{"role":"us')
    with kept(path) as transcript:
        change(path)
        left = path.read_bytes() if path.exists() else None
        with pytest.raises(OutputError, match=reason):
            transcript.append([NEXT])
    assert left == (path.read_bytes() if path.exists() else None)


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_a_conversation_with_a_torn_first_turn_starts_again(path: Path, cut: int) -> None:
    line = format_line({"role": "user", "content": "what was asked first"})
    path.write_bytes(line[: 9 + cut])
    with kept(path) as transcript:
        assert () == transcript.messages
        transcript.append([NEXT])
    assert [NEXT] == list(read(path))


@pytest.mark.parametrize("other", [b'{"precious": [1, 2], "more": "unfin', b"{", b"\0" * 50])
def test_a_file_that_is_no_transcript_is_not_cut(path: Path, other: bytes) -> None:
    path.write_bytes(other)
    with pytest.raises(InputError), kept(path):
        pass
    assert other == path.read_bytes()
