"""A power cut at any moment of a run takes nothing that was acknowledged, even by the weakest reading of the standard."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mmpipe.batch.journal.journal import open_journal
from mmpipe.core.host_identity import SIMULATOR_KEY
from mmpipe.errors import InputError
from support.harness import MMPIPE, parsed, run, service
from support.power_loss import OPTIONS, Disk
from support.transcripts import read

pytestmark = pytest.mark.crashes

OLD = b"what was there before\n"
TALK = b'{"role":"user","content":"name a prime"}\n{"role":"assistant","content":"7"}\n'
FIRST = b'{"role":"'  # of any conversation that begins with us
TORN = b'{"role":"us'
COUNT = 3
BATCH = ("batch", "-o", "out.jsonl", "-j", "1", "-q", "--resume")
CHAT = ("chat", "-n", "-c", "talk", "sim:echo 11")
ANSWER = ("chat", "-n", "-o", "answer", "sim:echo new")


@pytest.fixture(autouse=True)
def strace(needs: Callable[[str], None]) -> None:
    needs("strace")


@pytest.fixture
def folder(here: Path) -> Path:
    """The folder of the run; no other is looked at."""
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(COUNT)))
    made = here / "work"
    made.mkdir()
    return made


Left = frozenset[tuple[str, bytes]]  # the files of a folder


def cuts(folder: Path, arguments: Sequence[str], **before: bytes) -> tuple[set[Left], set[Left]]:
    """All that may be left while the run is at work, and all that may be left once it has ended well."""
    for name, content in before.items():
        (folder / name).write_bytes(content)
    trace = folder.parent / "trace"
    command = ("strace", "-o", str(trace), *OPTIONS, *MMPIPE, *arguments)
    inside = ("sh", "-c", 'cd work && exec "$@" < ../in.txt', "sh", *command)
    with service() as server:
        # By its key the simulator is one host at every port.
        env = {"PYTHONDONTWRITEBYTECODE": "1", "MINIMAX_API_KEY": SIMULATOR_KEY}
        done = run(inside, server, env=env)
    assert 0 == done.status, done.stderr_text
    disk = Disk(folder, before)
    found = set(disk.leftovers())
    for line in trace.read_text().splitlines():
        if disk.call(line):
            found |= set(disk.leftovers())
    # The model knows the calls: what it has at the end is what is there.
    assert {(path.name, path.read_bytes()) for path in folder.iterdir()} == disk.now()
    return found, set(disk.leftovers())


def put_back(folder: Path, left: Left) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in left:
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("before", [{}, {"answer": OLD}])
def test_a_file_for_an_answer_is_the_old_one_or_the_new_one_and_in_the_end_the_new_one(
    folder: Path, before: dict[str, bytes]
) -> None:
    during, after = cuts(folder, ANSWER, **before)
    assert {before.get("answer"), b"new\n"} == {dict(left).get("answer") for left in during}
    assert {b"new\n"} == {dict(left).get("answer") for left in after}


@pytest.mark.parametrize("before", [b"", TALK, TALK[:-1], TALK + TORN])
def test_a_conversation_keeps_all_earlier_turns_and_ends_with_the_new_ones(
    folder: Path, before: bytes
) -> None:
    during, after = cuts(folder, CHAT, **({"talk": before} if before else {}))
    messages = read(folder / "talk")
    kept = messages[:-2]
    assert 2 * bool(before) == len(kept)
    for left in during:
        put_back(folder, left)
        content = dict(left).get("talk", b"")
        if content and len(content.rstrip(b"\0")) < len(FIRST):
            # So little may be anything, and is left to its owner.
            with pytest.raises(InputError):
                read(folder / "talk")
            continue
        found = read(folder / "talk") if content else ()
        assert kept == found[: len(kept)], content
        assert found == messages[: len(found)], content
    for left in after:
        put_back(folder, left)
        assert messages == read(folder / "talk")


def good(path: Path) -> set[str]:
    """The ids that a later run would take for answered."""
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        return {str(number) for number in range(COUNT) if journal.is_good(str(number), has_own_id=False)}


@pytest.mark.parametrize("more", [(), ("-k", "../in.txt")])
@pytest.mark.parametrize("torn", [False, True])
def test_a_journal_can_be_taken_up_and_has_all_that_was_synced_and_in_the_end_all(
    folder: Path, more: tuple[str, ...], torn: bool
) -> None:
    """A torn one is what a run left that was killed at its second record. A note is kept of files, and not of a pipe."""
    before: dict[str, bytes] = {}
    if torn:
        cuts(folder, BATCH)
        *_, second, last = (folder / "out.jsonl").read_bytes().splitlines(keepends=True)
        before = {"out.jsonl": second + last[:99]}
        put_back(folder, frozenset(before.items()))
    during, after = cuts(folder, (*BATCH, *more), **before)
    kept = {json.loads(line)["id"] for line in before.get("out.jsonl", b"").splitlines()[:1]}
    for left in during:
        put_back(folder, left)
        if "out.jsonl" in dict(left):
            assert kept <= good(folder / "out.jsonl"), left
            assert all(map(parsed, (folder / "out.jsonl").read_bytes().splitlines()))
        else:
            assert not kept
    for left in after:
        put_back(folder, left)
        assert {str(number) for number in range(COUNT)} == good(folder / "out.jsonl"), left
