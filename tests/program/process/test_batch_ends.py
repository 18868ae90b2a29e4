"""A batch ends soon, by the status or signal of its reason, and says how to continue."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.harness import AT_ONCE, LIMIT, MMPIPE, eventually, finished, read_until, service, shell, started

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_requests_in_flight_have_their_grace_period_and_no_more(number: signal.Signals) -> None:
    command = (*MMPIPE, "batch", "--grace", "0.5", "-o", "out.jsonl")
    with service("hang") as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        eventually(lambda: server.in_flight, "a request")
        process.send_signal(number)
        began = time.monotonic()
        done = finished(process)
        assert time.monotonic() - began < AT_ONCE
    assert -number == done.status
    assert "--resume" in done.stderr_text


def test_a_second_signal_waits_for_nothing() -> None:
    command = (*MMPIPE, "batch", "--grace", "600")
    with service("hang") as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        eventually(lambda: server.in_flight, "a request")
        process.send_signal(signal.SIGINT)
        time.sleep(0.6)  # two signals within half a second count as one
        assert None is process.poll()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert -signal.SIGINT == finished(process).status
        assert time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize(("code", "status"), [("1004", 3), ("2049", 3), ("1008", 4), ("2061", 4)])
def test_an_error_that_every_request_would_meet_ends_the_run_although_the_pipe_is_open(
    code: str, status: int
) -> None:
    with (
        service(code) as server,
        started((*MMPIPE, "batch"), server, stdin=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert status == process.wait(LIMIT)


def test_a_writer_that_fails_ends_the_run_at_once() -> None:
    with service() as server:
        done = shell("mmpipe batch > /dev/full; echo $?", server, stdin=b"sim:echo hi\n" * 3)
    assert "13" == done.stdout.decode().split()[-1]
    assert "No space left" in done.stderr_text


def eventually_longer(path: Path, size: int) -> int:
    """Wait until the file has more bytes than `size`, and return how many."""
    eventually(lambda: path.exists() and path.stat().st_size > size, f"more is in {path}")
    return path.stat().st_size


def test_the_disk_has_every_line_within_a_second(here: Path, needs: Callable[[str], None]) -> None:
    needs("strace")
    trace = ("strace", "-f", "-ttt", "-o", "trace", "-e", "trace=fdatasync,pwrite64,write")
    command = (*trace, *MMPIPE, "batch", "-o", "out.jsonl", "--template", "sim:echo {}")
    with service() as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        size = 0
        for word in (b"one\n", b"two\n"):
            process.stdin.write(word)
            size = eventually_longer(here / "out.jsonl", size)
            # The second in question.
            time.sleep(2)
        assert 0 == finished(process).status
    calls = re.findall(
        r"^\d+ +([\d.]+) (?:write\(\d+, \"\{|(fdatasync))", (here / "trace").read_text(), re.MULTILINE
    )
    written = [float(at) for at, synced in calls if not synced]
    synced = [float(at) for at, synced in calls if synced]
    assert 2 == len(written)
    assert all(any(at < done < at + 3 for done in synced) for at in written)


def test_two_runs_of_one_key_share_their_limit(tmp_path: Path) -> None:
    """Of 120 a minute two runs together get one each half second, and a burst of one at their beginning."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    lines = b"".join(b"sim:echo %d\n" % number for number in range(1000))
    env = {"XDG_RUNTIME_DIR": str(runtime)}
    command = (*MMPIPE, "batch", "--rpm", "120", "--deadline", "5", "--grace", "0.2")
    (tmp_path / "in.txt").write_bytes(lines)
    with (
        service() as server,
        started((*command, str(tmp_path / "in.txt")), server, env=env) as one,
        started((*command, str(tmp_path / "in.txt")), server, env=env) as other,
    ):
        assert [5, 5] == [finished(one).status, finished(other).status]
        times = sorted(float(str(request["time"])) for request in server.requests)
    # On a busy machine one may begin later than the other. Each for itself they would send twice as many.
    assert 5 <= len(times) <= 2 * (times[-1] - times[0]) + 4


def test_the_totals_are_printed_after_a_signal_too(here: Path) -> None:
    command = (*MMPIPE, "batch", "--meta", "meta.jsonl", "--grace", "0.1")
    with service("hang") as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        eventually(lambda: server.in_flight, "a request")
        process.send_signal(signal.SIGTERM)
        assert -signal.SIGTERM == finished(process).status
    (meta,) = map(json.loads, (here / "meta.jsonl").read_bytes().splitlines())
    assert 143 == meta["exit_status"]


@pytest.mark.parametrize("ending", ["signal", "deadline"])
def test_a_reader_that_stops_reading_does_not_delay_the_end_of_a_run(ending: str) -> None:
    """More than a pipe holds is written, and nobody reads it."""
    reading, writing = os.pipe()
    lines = b"".join(b"sim:echo %d %s\n" % (number, b"x" * 2000) for number in range(200))
    more = ("--deadline", "3") if ending == "deadline" else ()
    try:
        with (
            service() as server,
            started(
                (*MMPIPE, "batch", "--grace", "0.5", *more), server, stdin=subprocess.PIPE, stdout=writing
            ) as process,
        ):
            os.close(writing)
            assert process.stdin is not None
            process.stdin.write(lines)
            if ending == "signal":
                eventually(lambda: len(server.requests) == 200, "all answers")
                process.send_signal(signal.SIGTERM)
            assert (-signal.SIGTERM if ending == "signal" else 5) == process.wait(LIMIT)
    finally:
        os.close(reading)


def test_with_a_slow_reader_no_request_is_sent_twice() -> None:
    lines = "".join(f"sim:echo {number} {'x' * 3000}\n" for number in range(60))
    with service() as server:
        done = shell("mmpipe batch --idle-timeout 2 | { sleep 5; cat; }", server, stdin=lines.encode())
        assert 60 == len(server.requests)
    assert 60 == len(done.records)


def test_answers_held_for_a_missing_one_are_written_when_the_run_ends() -> None:
    lines = b"".join(b"sim:echo %d\n" % number for number in range(50))
    command = (*MMPIPE, "batch", "-k", "-j", "8", "--grace", "2", "--no-dedupe")
    with service("hang:#1") as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(lines)
        eventually(lambda: len(server.requests) >= 49, "answers")
        eventually(lambda: server.in_flight <= 1, "all but the first are answered")
        process.send_signal(signal.SIGTERM)
        done = finished(process)
    indexes = [record["index"] for record in done.records]
    assert 49 == len(indexes)
    assert indexes == sorted(int(str(index)) for index in indexes)


def test_a_signal_ends_a_run_that_is_ending_for_another_reason() -> None:
    command = (*MMPIPE, "batch", "--input-format", "jsonl", "--max-errors", "0", "--grace", "600")
    with service("hang") as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b'"hello"\n')
        eventually(lambda: server.in_flight, "a request")
        process.stdin.write(b'{"prompt": 1}\n')
        # The run ends for the bad record before its line is written.
        read_until(process.stdout, b"prompt")
        assert None is process.poll()
        process.send_signal(signal.SIGINT)
        assert -signal.SIGINT == process.wait(AT_ONCE)


def test_a_run_with_nothing_in_flight_ends_without_its_grace() -> None:
    command = (*MMPIPE, "batch", "--deadline", "2", "--grace", "600", "--retries", "9")
    with service("529") as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n" * 20_000)
        assert 5 == process.wait(2 + AT_ONCE)


GONE = "was removed or replaced meanwhile; the new answers are not in it"
CHANGED = "was written to by another process meanwhile; answers may be missing in it"


@pytest.mark.parametrize("options", [(), ("-k",), ("--overwrite",)])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("rm out.jsonl", GONE),
        ("mv out.jsonl elsewhere", GONE),
        ("cp out.jsonl copy && mv copy out.jsonl", GONE),
        (": > out.jsonl", CHANGED),
        ("truncate -s -1 out.jsonl", CHANGED),
        ("echo >> out.jsonl", CHANGED),
    ],
)
def test_a_journal_without_the_answers_is_no_success(
    damage: str, words: str, options: tuple[str, ...], here: Path
) -> None:
    (here / "out.jsonl").write_bytes(b"old\n" if "--overwrite" in options else b"")
    command = (*MMPIPE, "batch", "-o", "out.jsonl", *options, "--meta", "meta", "--template", "sim:echo {}")
    with service() as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"one\n")
        eventually(lambda: b'"one"' in (here / "out.jsonl").read_bytes(), "an answer")
        assert 0 == shell(damage).status
        done = finished(process)
    assert 13 == done.status
    assert f"mmpipe: output: out.jsonl {words}\n" in done.stderr_text
    assert "0 good, 0 failed, 0 answered before, 1 answered but not written" in done.stderr_text
    meta = json.loads((here / "meta").read_bytes())
    assert (1, 13) == (meta["unwritten"], meta["exit_status"])


def test_a_run_whose_journal_is_gone_asks_nothing_more(here: Path) -> None:
    command = (*MMPIPE, "batch", "-o", "out.jsonl", "--template", "sim:echo {}")
    with service() as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"one\n")
        eventually(lambda: (here / "out.jsonl").exists() and (here / "out.jsonl").stat().st_size, "an answer")
        (here / "out.jsonl").unlink()
        assert 13 == process.wait(AT_ONCE)


def test_overwrite_keeps_the_old_file_until_the_input_is_checked(here: Path) -> None:
    (here / "out.jsonl").write_text("precious\n")
    (here / "in.jsonl").write_text('{"prompt": 1}\n')
    with service() as server:
        for name in ("in.jsonl", "missing.jsonl"):
            done = shell(f"mmpipe batch {name} -o out.jsonl --overwrite", server)
            assert (12, "precious\n") == (done.status, (here / "out.jsonl").read_text())
            assert "--resume" not in done.stderr_text


def test_a_server_that_cannot_be_reached_ends_the_run_early() -> None:
    done = shell(
        "seq 5000 | mmpipe batch -j 4 --retries 0 --base-url http://127.0.0.1:9/v1 | wc -l; exit ${PIPESTATUS[1]}",
        program="bash",
        env={"MINIMAX_API_KEY": "k"},
    )
    assert 6 == done.status
    assert int(done.stdout) < 100


def test_a_closed_output_is_an_error_before_any_request() -> None:
    with service() as server:
        assert 13 == shell("mmpipe batch >&-", server, stdin=b"hello\n").status
        assert [] == server.requests


def test_a_hyphen_as_output_is_standard_output(here: Path) -> None:
    with service() as server:
        done = shell("mmpipe batch -o -", server, stdin=b"sim:echo hi\n")
    assert ["hi"] == [record["content"] for record in done.records]
    assert not (here / "-").exists()


def test_a_signal_during_the_input_check_is_in_the_totals(here: Path) -> None:
    with (here / "in.txt").open("wb") as file:
        for number in range(1_500_000):
            file.write(b"%d\n" % number)
    command = (*MMPIPE, "batch", "in.txt", "--meta", "meta.jsonl", "-o", "out.jsonl")
    with service() as server, started(command, server) as process:
        eventually((here / "out.jsonl").exists, "the journal")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert -signal.SIGTERM == process.wait(AT_ONCE)
        assert [] == server.requests
    (meta,) = map(json.loads, (here / "meta.jsonl").read_bytes().splitlines())
    assert 143 == meta["exit_status"]


def test_after_the_limit_of_records_a_pipe_need_not_end() -> None:
    with (
        service() as server,
        started((*MMPIPE, "batch", "--limit", "2"), server, stdin=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(b"sim:echo 1\nsim:echo 2\n")
        assert 0 == process.wait(LIMIT)


def test_gzip_is_recognised_by_its_first_bytes() -> None:
    with service() as server:
        done = shell("printf 'sim:echo hi' | gzip | mmpipe batch", server)
    assert ["hi"] == [record["content"] for record in done.records]
