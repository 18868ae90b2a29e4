"""`--deadline` and signals end a run that does nothing but read, however much there is to read."""

import gzip
import itertools
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.journal.scan import Entry
from mmpipe.errors import ExitStatus, TimedOut
from support.batch_in_process import run
from support.harness import MMPIPE, service, started
from support.journals import record

pytestmark = pytest.mark.timeout(60)
BLANK = b"\n" * 65536


def test_a_file_that_is_longer_than_the_time_ends_at_the_deadline(tmp_path: Path) -> None:
    """It has no bytes on the disk, and would take hours to read."""
    (tmp_path / "in").touch()
    os.truncate(tmp_path / "in", 1 << 40)
    with service() as server:
        for dry_run in (False, True):
            for name in ("lines", "jsonl"):
                with pytest.raises(TimedOut, match="--deadline"):
                    run(
                        server,
                        files=(str(tmp_path / "in"),),
                        deadline=0.3,
                        input_format=name,
                        dry_run=dry_run,
                    )
        assert [] == server.requests


def test_a_short_file_that_unfolds_to_nothing_but_blank_lines_ends_at_the_deadline(tmp_path: Path) -> None:
    """Members of gzip data may be repeated, and may be empty."""
    for name, content in (("blank", BLANK * 64), ("empty", b"")):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content, mtime=0) * (2000 if content else 4_000_000))
        with service() as server, pytest.raises(TimedOut, match="--deadline"):
            run(server, files=(str(path),), deadline=0.3)


def test_a_journal_that_is_longer_than_the_time_ends_at_the_deadline_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "out"
    content = record("a") + record("b")[:-1]
    path.write_bytes(content)

    def hold(_: Iterable[Entry]) -> Iterator[Entry]:
        raise TimedOut("over")

    with pytest.raises(TimedOut), open_journal(str(path), resume=True, overwrite=False, hold=hold):
        pass
    assert content == path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["deadline", "signal"])
def test_an_endless_pipe_of_blank_lines_is_ended(ending: str) -> None:
    more = ("--deadline", "0.5") if ending == "deadline" else ()
    command = (*MMPIPE, "batch", "--input-format", "lines", *more)
    with service() as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            for number in itertools.count():
                process.stdin.write(BLANK)
                # More than a pipe holds: it is read.
                if number == 64 and ending == "signal":
                    process.terminate()
        status = process.wait(30)
        assert [] == server.requests
    assert (-signal.SIGTERM if ending == "signal" else ExitStatus.TIMEOUT) == status
