"""No tool harms the run or the machine: it has limits, and all its processes end with it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.errors import Interrupted, PipeClosed, ToolError
from mmpipe.tools.environment import select_environment
from mmpipe.tools.process import Containment, Execution, run_contained, run_side_by_side
from support.harness import eventually

pytestmark = pytest.mark.tools

MIB = 1024 * 1024
LONG = 60.0  # seconds; the limit that is not what ends a command here


def run(*argv: str, arguments: bytes = b"", timeout: float = LONG, folder: Path | None = None) -> Execution:
    place = None if folder is None else str(folder)
    containment = Containment(select_environment(os.environ, []), place, timeout)
    return run_contained(argv, arguments, containment, threading.Event())


def python(code: str, *, arguments: bytes = b"", timeout: float = LONG) -> Execution:
    return run(sys.executable, "-I", "-S", "-c", code, arguments=arguments, timeout=timeout)


def shell(script: str, *, timeout: float = LONG) -> Execution:
    return run("sh", "-c", script, timeout=timeout)


def alive(pid: int) -> bool:
    """Return True if the process runs; a zombie does not."""
    try:
        return ") Z " not in Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return False


def gone(pid: int) -> bool:
    eventually(lambda: not alive(pid), "it ends")
    return True


@pytest.mark.parametrize(
    "word",
    [
        "$(touch pwned)",
        "; touch pwned",
        "`touch pwned`",
        "--help",
        "-n",
        "two\nlines",
        "*",
        "",
        "$HOME",
        "好",
    ],
)
def test_no_shell_looks_at_the_words_of_the_command(word: str, tmp_path: Path) -> None:
    done = run("printf", "%s", word, folder=tmp_path)
    assert (0, word.encode()) == (done.status, done.output)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=300))
def test_arguments_reach_standard_input_and_output_comes_back_byte_for_byte(data: bytes) -> None:
    done = run("cat", arguments=data)
    assert (0, data, len(data), False) == (done.status, done.output, done.printed, done.is_truncated)


def test_megabytes_of_arguments_reach_a_tool_that_prints_as_much_while_it_reads() -> None:
    done = run("cat", arguments=b"x" * (5 * MIB))
    assert (0, 5 * MIB) == (done.status, done.printed)


@pytest.mark.parametrize(
    "script", ["exec <&-; sleep 0.2; echo done", "echo done"], ids=["closed", "not read"]
)
def test_a_tool_need_not_read_its_arguments(script: str) -> None:
    done = run("sh", "-c", script, arguments=b"x" * MIB)
    assert (0, b"done\n", None) == (done.status, done.output, done.killed)


def test_status_and_standard_error_are_reported() -> None:
    done = shell("echo out; echo no such thing >&2; exit 7")
    assert (7, None, b"out\n", b"no such thing\n") == (done.status, done.signal, done.output, done.errors)


def test_the_signal_that_ended_a_tool_is_reported() -> None:
    done = shell("kill -TERM $$")
    assert (None, signal.SIGTERM, None) == (done.status, done.signal, done.killed)


def test_of_much_output_the_beginning_is_kept_and_of_many_errors_the_end() -> None:
    done = python("import sys; print('b' + 'x' * 10_000_000); sys.stderr.write('y' * 1_000_000 + 'e')")
    assert (0, 10_000_002, 65_536, True) == (done.status, done.printed, len(done.output), done.is_truncated)
    assert (b"bx", 4096, b"ye") == (done.output[:2], len(done.errors), done.errors[-2:])


@pytest.mark.parametrize("script", ["yes", "yes >&2"], ids=["output", "errors"])
def test_a_tool_that_prints_for_ever_is_killed(script: str) -> None:
    done = shell(script)
    assert "printed more than 64 MiB" == done.killed
    assert done.printed < 70 * MIB


def test_a_tool_that_runs_too_long_is_killed() -> None:
    done = shell("echo begun; sleep 600", timeout=2)
    assert ("ran longer than 2 s", b"begun\n", 9) == (done.killed, done.output, done.signal)


def test_a_tool_that_reads_little_of_much_input_is_killed_in_time() -> None:
    # What it takes makes room for less than we would write.
    script = "dd bs=4096 count=1 of=/dev/null 2>/dev/null; exec sleep 600"
    done = run("sh", "-c", script, arguments=b"x" * MIB, timeout=0.5)
    assert "ran longer than 0.5 s" == done.killed


def test_a_tool_that_ignores_every_other_signal_is_killed() -> None:
    script = "trap '' TERM HUP INT; echo begun; while :; do sleep 600; done"
    assert "ran longer than 0.5 s" == shell(script, timeout=0.5).killed


def test_a_child_that_holds_the_output_open_does_not_hold_us_and_ends_with_the_tool() -> None:
    done = shell("sleep 600 & echo $!")
    assert (0, None) == (done.status, done.killed)
    assert gone(int(done.output))


def test_a_daemon_that_leaves_the_group_does_not_hold_us_either() -> None:
    done = shell("setsid sleep 20 & echo done")
    assert (0, b"done\n") == (done.status, done.output)
    assert done.elapsed_ms < 19_000


def test_a_cancelled_command_is_killed() -> None:
    cancelled = threading.Event()
    cancelled.set()
    containment = Containment(select_environment(os.environ, []), None, LONG)
    assert "was cancelled" == run_contained(["sleep", "600"], b"", containment, cancelled).killed


def test_a_fork_bomb_is_killed_with_all_its_processes(tmp_path: Path) -> None:
    bomb = tmp_path / "small_bomb.py"
    bomb.write_text("import os, time\nfor _ in range(400):\n    if os.fork() == 0: break\ntime.sleep(20)\n")
    done = run(sys.executable, "-I", "-S", str(bomb))
    assert "started more than 256 processes" == done.killed
    assert 0 == running(str(bomb))


def running(word: str) -> int:
    """Return the number of processes with the word in their command, after those that are ending have ended."""
    deadline = time.monotonic() + 60
    while (count := len(_with_word(word.encode()))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return count


def _with_word(word: bytes) -> list[Path]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path] if word in path.read_bytes() else []
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("name", "status"),
    [("no-such-program", 127), ("./folder", 126), ("./data", 126)],
    ids=["missing", "folder", "data"],
)
def test_a_command_that_cannot_run_ends_as_in_a_shell(name: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "data").write_bytes(b"\0")
    (tmp_path / "data").chmod(0o755)
    done = run(name, folder=tmp_path)
    assert (status, b"") == (done.status, done.output)
    assert done.errors.startswith(f"cannot run {name}: ".encode())
    assert 1 == len(done.errors.splitlines())


def test_a_process_that_cannot_be_started_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot start a tool"):
        run("true", folder=tmp_path / "missing")


@pytest.mark.parametrize(("option", "most"), [("-c", 0), ("-n", 1024), ("-d", 4 * MIB)])
def test_a_tool_has_limits_that_it_cannot_raise(option: str, most: int) -> None:
    hard = shell(f"ulimit -H {option}").output
    assert int(hard) <= most
    assert hard == shell(f"ulimit -S {option}").output


def test_a_tool_has_the_default_signal_handling() -> None:
    # Python ignores SIGPIPE; the loop of yes would say so instead of ending.
    done = shell("yes | head -n 1; grep SigIgn /proc/self/status")
    # What the tests ignore themselves (under nohup, as a job in the background) a tool ignores too.
    inherited = {number for number in signal.valid_signals() if signal.getsignal(number) == signal.SIG_IGN}
    ignored = sum(1 << (number - 1) for number in inherited - {signal.SIGPIPE, signal.SIGXFSZ})
    assert (f"y\nSigIgn:\t{ignored:016x}\n".encode(), b"") == (done.output, done.errors)


def test_a_tool_inherits_no_descriptor_of_ours(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        done = shell("ls -l /proc/self/fd")
    assert b"secret" not in done.output


def descriptors() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


def test_no_descriptor_and_no_zombie_is_left() -> None:
    shell("true")
    before = descriptors()
    for script in ("true", "sleep 600 &", "exec <&- >&-", "exit 3"):
        shell(script)
    shell("sleep 600", timeout=0.1)
    assert before == descriptors()
    children = [
        pid for listed in Path("/proc/self/task").glob("*/children") for pid in listed.read_text().split()
    ]
    assert [] == [pid for pid in children if ") Z " in Path("/proc", pid, "stat").read_text()]


Task = Callable[[threading.Event], int]


def nothing() -> None:
    return


def test_results_come_in_the_order_of_the_tasks_and_no_more_run_than_are_allowed() -> None:
    lock = threading.Lock()
    both = threading.Barrier(2, timeout=60)
    now: list[int] = []
    most = 0

    def task(number: int, cancelled: threading.Event) -> int:
        nonlocal most
        with lock:
            now.append(number)
            most = max(most, len(now))
        if number <= 2:
            both.wait()
        cancelled.wait(0.1 / number)
        with lock:
            now.remove(number)
        return number

    def numbered(number: int) -> Task:
        return lambda cancelled: task(number, cancelled)

    assert [1, 2, 3, 4, 5] == run_side_by_side([numbered(number) for number in range(1, 6)], 2, nothing)
    assert 2 == most


def test_tasks_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=60)
    assert [0, 1, 2] == sorted(run_side_by_side([lambda _: barrier.wait()] * 3, 3, nothing))


def test_nothing_to_do_is_done() -> None:
    assert [] == run_side_by_side([], 4, nothing)


@pytest.mark.parametrize("reason", [PipeClosed(), Interrupted(signal.SIGTERM)], ids=["pipe", "signal"])
def test_every_end_of_a_run_ends_its_tools(reason: BaseException, tmp_path: Path) -> None:
    containment = Containment(select_environment(os.environ, []), str(tmp_path), LONG)
    done: list[Execution] = []

    def task(cancelled: threading.Event) -> None:
        done.append(
            run_contained(["sh", "-c", "echo $$ >begun; exec sleep 600"], b"", containment, cancelled)
        )

    def look() -> None:
        if (tmp_path / "begun").exists():
            raise reason

    with pytest.raises(type(reason)):
        run_side_by_side([task], 1, look)
    assert ["was cancelled"] == [execution.killed for execution in done]
    assert gone(int((tmp_path / "begun").read_text()))


def test_an_interrupt_in_the_middle_ends_the_command(tmp_path: Path) -> None:
    def interrupt(number: int, _: object) -> None:
        raise Interrupted(number)

    def run_it(cancelled: threading.Event) -> None:
        containment = Containment(select_environment(os.environ, []), str(tmp_path), LONG)
        run_contained(["sh", "-c", "echo $$ >pid; mv pid begun; exec sleep 600"], b"", containment, cancelled)

    begun, main_thread = tmp_path / "begun", threading.get_ident()

    def signal_once_it_runs() -> None:
        eventually(begun.exists, "it begins")
        signal.pthread_kill(main_thread, signal.SIGALRM)

    signaller = threading.Thread(target=signal_once_it_runs)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signaller.start()
        with pytest.raises(Interrupted):
            run_side_by_side([run_it], 1, nothing)
    finally:
        signaller.join()
        signal.signal(signal.SIGALRM, before)
    assert gone(int(begun.read_text()))


def test_the_exception_of_a_task_ends_the_others_and_is_raised() -> None:
    def fail(_: threading.Event) -> bool:
        raise ToolError("no")

    ended: list[bool] = []
    with pytest.raises(ToolError, match="no"):
        run_side_by_side([lambda cancelled: ended.append(cancelled.wait(60)), fail], 2, nothing)
    assert [True] == ended
