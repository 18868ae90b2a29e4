"""A run works in every setting that a parent, a shell or the kernel makes, or reports in one line why not."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe.simulator.server import RunningSimulator
from support.fault_cases import BEGUN, MANY, event, head
from support.fault_server import End, Script, fault_server
from support.harness import (
    AT_ONCE,
    KEY,
    LIMIT,
    MMPIPE,
    Finished,
    Process,
    eventually,
    finished,
    limited,
    read_until,
    run,
    service,
    shell,
    started,
)
from support.run_stages import allowed, sockets
from support.terminals import Terminal
from support.tool_conversations import WEATHER, tools_file

pytestmark = pytest.mark.processes

NUMBERS = " ".join(map(str, range(1, 21))) + "\n"
# Each becomes the rest of its command line, with something of its own that is inherited.
BLOCKING = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
os.execvp(sys.argv[1], sys.argv[1:])
"""
IGNORING = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
    signal.signal(number, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])
"""
LIMITED = """
import os, resource, sys
most = int(sys.argv[2])
resource.setrlimit(getattr(resource, sys.argv[1]), (most, most))
os.execvp(sys.argv[3], sys.argv[3:])
"""
WITHOUT_A_FOLDER = """
import os, sys
os.mkdir("gone")
os.chdir("gone")
os.rmdir("../gone")
os.execvp(sys.argv[1], sys.argv[1:])
"""
IN_THE_BACKGROUND = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status = os.waitpid(child, os.WUNTRACED)
sys.exit(99 if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("parent", [BLOCKING, IGNORING], ids=["blocked", "ignored"])
@pytest.mark.parametrize("command", ["stream", "batch"])
def test_a_signal_blocked_or_ignored_by_the_parent_ends_nothing(parent: str, command: str) -> None:
    arguments = ("batch", "-q", "-j1", "in.txt") if command == "batch" else (command, "-n", "sim:chunks 20")
    Path("in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(10)))
    with (
        service(tps=400 if command == "batch" else 40) as server,
        started((sys.executable, "-c", parent, *MMPIPE, *arguments), server) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.read(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
        done = finished(process)
    assert (0, b"") == (done.status, done.stderr)
    if command == "batch":
        assert 10 == done.stdout.count(b"\n")
    else:
        assert NUMBERS == (first + done.stdout).decode()


NO_CHILDREN = """
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def test_the_status_of_a_child_is_known_although_the_parent_ignores_sigchld() -> None:
    parent = (sys.executable, "-c", NO_CHILDREN)
    config = Path(".config/mmpipe/config.toml")
    config.parent.mkdir(parents=True)
    config.write_text('api_key_command = ["sh", "-c", "echo no-key; exit 3"]\n')
    assert 1 == run((*parent, *MMPIPE, "sim", "--", "false")).status
    with service() as server:
        done = run((*parent, *MMPIPE, "chat", "-n", "--base-url", server.base_url, "hi"))
        assert (3, []) == (done.status, server.requests)
        options = ("--tools", tools_file(), "--run", "get_weather=echo fine")
        done = run((*parent, *MMPIPE, "chat", "-n", *options, WEATHER), server)
        assert (0, b"") == (done.status, done.stderr)


def stopped(process: Process) -> bool:
    return ") T " in Path("/proc", str(process.pid), "stat").read_text()


def rested(process: Process, seconds: float) -> None:
    """Stop the process, and let it go on so much later."""
    process.send_signal(signal.SIGSTOP)
    eventually(lambda: stopped(process), "it stands")
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("command", ["chat", "stream", "batch"])
def test_a_stopped_run_continues_and_has_the_whole_answer(command: str) -> None:
    own = 2 if command == "batch" else 0
    arguments = ("batch", "-q", "in.txt") if command == "batch" else (command, "-n", "sim:chunks 20")
    Path("in.txt").write_text("sim:chunks 20\n")
    with service(tps=20) as server, started((*MMPIPE, *arguments), server) as process:
        eventually(lambda: sockets(process) > own, "a connection")
        rested(process, 1.5)
        done = finished(process)
    assert (0, b"") == (done.status, done.stderr)
    text = f"{done.record['content']}\n" if command == "batch" else done.stdout.decode()
    assert NUMBERS == text


@pytest.mark.slow
def test_a_run_that_is_stopped_and_continued_all_the_time_still_ends_by_its_limits() -> None:
    scripts = {"silent": Script((head() + event({"content": "five\n"}),), end=End.SILENCE)}
    command = (*MMPIPE, "stream", "-n", "--retries", "0", "--idle-timeout", "1", "silent")
    with fault_server(scripts) as server, started(command, env=server.env) as process:
        read_until(process.stdout, b"five")
        while process.poll() is None:
            for number in (signal.SIGSTOP, signal.SIGCONT):
                process.send_signal(number)
                time.sleep(0.1)
        done = finished(process)
    assert 5 == done.status


def test_the_time_of_all_goes_on_while_it_is_stopped() -> None:
    with (
        service("hang") as server,
        started((*MMPIPE, "chat", "-n", "-v", "--max-time", "2", "hi"), server) as process,
    ):
        read_until(process.stderr, b"request sent")
        rested(process, 2.0)
        began = time.monotonic()
        assert 5 == finished(process).status
        assert time.monotonic() - began < AT_ONCE


def within(limit: str, most: int, *arguments: str, server: RunningSimulator) -> Finished:
    wrapped = (sys.executable, "-c", LIMITED, limit, str(most), *MMPIPE, *arguments)
    return run(wrapped, server, stdin=b"sim:echo 1\n")


@pytest.mark.parametrize(
    "command", [("chat",), ("stream", "-n", "sim:echo 1"), ("batch", "-q"), ("models",)], ids=lambda c: c[0]
)
def test_a_few_descriptors_are_enough(command: tuple[str, ...]) -> None:
    with service() as server:
        runs = [
            within("RLIMIT_NOFILE", 8, *command, server=server),
            limited({"NOFILE": 20}, command, server, stdin=b"sim:echo 1\n"),
        ]
    for done in runs:
        assert 0 == done.status, done.stderr_text
        assert done.stdout


@pytest.mark.parametrize(("limit", "wanted", "possible", "count"), [(96, 500, 32, 100), (64, 200, 1, 20)])
def test_too_few_descriptors_lower_the_concurrency_and_are_reported(
    limit: int, wanted: int, possible: int, count: int
) -> None:
    lines = b"".join(b"sim:echo %d\n" % number for number in range(count))
    with service("slow:0.2") as server:
        done = shell(f"ulimit -n {limit}; mmpipe batch -j {wanted}", server, stdin=lines)
    assert (0, count) == (done.status, len(done.records))
    assert 1 == done.stderr_text.count(f"-j is {possible}\n")


@pytest.mark.parametrize(
    ("limit", "status", "message"),
    [
        (5, 13, "output: cannot write to out.jsonl: Too many open files"),
        (6, 2, "usage: too many open files: close some, or raise the limit (ulimit -n)"),
        (7, 2, "usage: too many open files: close some, or raise the limit (ulimit -n)"),
    ],
)
def test_without_descriptors_enough_it_is_reported_in_one_line_and_is_no_bug(
    limit: int, status: int, message: str
) -> None:
    Path("in.txt").write_text("sim:echo 1\n")
    with service() as server:
        done = within("RLIMIT_NOFILE", limit, "batch", "in.txt", "-q", "-o", "out.jsonl", server=server)
    assert (status, f"mmpipe: {message}\n") == (done.status, done.stderr_text)


CROWDED = """
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
for _ in range(1200):
    os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("chat",),
        ("stream", "-n", "sim:echo 1"),
        ("batch", "-q"),
        ("batch", "-q", "-o", "/dev/fd/900"),
        ("models", "--live"),
        ("chat", "-n", "--profile", "asks", "sim:echo 1"),
        ("chat", "-n", "--tools", "tools.json", "--run", "get_weather=echo fine", WEATHER),
        ("sim", "--", "echo", "1"),
    ],
    ids=lambda arguments: " ".join(arguments[:4]),
)
def test_more_descriptors_than_select_knows_may_be_inherited(arguments: tuple[str, ...]) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2000:
        pytest.skip("so many descriptors are not permitted here")
    tools_file()
    Path(".config/mmpipe").mkdir(parents=True)
    with service() as server:
        Path(".config/mmpipe/config.toml").write_text(
            f'[profile.asks]\nbase_url = "{server.base_url}"\napi_key_command = "echo {KEY}"\n'
        )
        has_profile = "--profile" in arguments
        crowded = (sys.executable, "-c", CROWDED, *MMPIPE, *arguments)
        done = run(crowded, None if has_profile else server, stdin=b"sim:echo 1\n")
    is_refused = "/dev/fd/900" in arguments
    assert (2 if is_refused else 0) == done.status, done.stderr_text
    assert is_refused or (done.stdout and not done.stderr)


SHORT_OF_MEMORY = """
import resource, sys
from mmpipe.main import run
held = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")) * 1024
most = held + int(sys.argv.pop(1)) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
run()
"""


@pytest.mark.parametrize("megabytes", [2, 4, 12, 24, 36, 48, 60, 72, 96])
@pytest.mark.parametrize("command", ["chat", "batch"])
def test_without_memory_enough_it_says_so_in_one_line_or_has_it_all(command: str, megabytes: int) -> None:
    arguments = ("batch", "-q") if command == "batch" else (command, "-n", "sim:echo 1")
    script = (sys.executable, "-c", SHORT_OF_MEMORY, str(megabytes))
    with service() as server:
        done = run((*script, *arguments), server, stdin=b"sim:echo 1\n")
    assert "Traceback" not in done.stderr_text
    if done.status in (-signal.SIGSEGV, -signal.SIGABRT):
        # A native library of the SDK found no memory and crashed: no code of ours can catch that.
        assert b"" == done.stdout
    elif done.status == 0:
        assert (1, "") == (done.stdout.count(b"\n"), done.stderr_text)
    else:
        assert 1 == done.stderr_text.count("\n"), done.stderr_text
        # A batch may get as far as its first answer, whose record has the error.
        assert b"" == done.stdout or b'"message":"not enough memory (ulimit -v?)"' in done.stdout
        assert done.stderr_text.startswith("mmpipe: ")


def test_the_end_of_the_processor_time_kills_the_run_and_the_old_answer_stays() -> None:
    Path("answer").write_text("old")
    busy = Script((head() + BEGUN, event({"content": ""}) * 1000), times=MANY)
    with fault_server({"busy": busy}) as server:
        script = "ulimit -St 1; exec mmpipe chat -n -o answer busy"
        done = shell(script, program="bash", env=server.env)
    assert (-signal.SIGXCPU, b"", "old") == (done.status, done.stdout, Path("answer").read_text())


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("chat -n -o answer sim:echo", "answer"),
        ("chat -n sim:echo > answer", "standard output"),
        ("chat -n -c talk hi", "talk"),
        ("batch -q -o out.jsonl", "out.jsonl"),
        ("batch -q > answer", "standard output"),
    ],
)
def test_a_file_size_limit_is_an_error_message_and_not_a_fatal_signal(command: str, place: str) -> None:
    with service() as server:
        script = f"ulimit -f 0; exec mmpipe {command}"
        done = shell(script, server, stdin=b"sim:echo 1\n", env={"PYTHONDONTWRITEBYTECODE": "1"})
        assert 1 == len(server.requests)
    expected = f"mmpipe: output: cannot write to {place}: File too large\n"
    assert (13, expected) == (done.status, done.stderr_text)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("chat", "-n", "sim:echo 1"), 0),
        (("batch", "-q"), 0),
        (("models",), 0),
        (("sim", "--", "echo", "1"), 0),
        (("chat", "--help"), 0),
        (("chat", "-n", "-o", "answer", "x"), 13),
        (("stream", "-n", "-c", "talk", "x"), 13),
        (("chat", "-n", "-f", "prompt"), 12),
        (("batch", "-o", "out.jsonl"), 13),
    ],
)
def test_a_folder_that_was_removed_hinders_only_what_needs_it(command: tuple[str, ...], status: int) -> None:
    with service() as server:
        wrapped = (sys.executable, "-c", WITHOUT_A_FOLDER, *MMPIPE, *command)
        done = run(wrapped, server, stdin=b"sim:echo 1\n")
        assert (status, status > 0) == (done.status, done.stdout == b""), done.stderr_text
        assert (status > 0) == done.stderr_text.count("\n")
        assert status == 0 or not server.requests


@pytest.fixture
def first_process(needs: Callable[[str], None]) -> tuple[str, ...]:
    """Return the words that make a command process 1 of its own namespace, where no signal has a default action."""
    needs("unshare")
    return allowed(("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"), "true")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_as_the_first_process_of_a_container_it_ends_by_a_signal_all_the_same(
    first_process: tuple[str, ...], number: signal.Signals
) -> None:
    with (
        service("hang") as server,
        started((*first_process, *MMPIPE, "chat", "-n", "-v", "-o", "answer", "hi"), server) as process,
    ):
        read_until(process.stderr, b"request sent")
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), number)
        assert (128 + number, b"") == (finished(process).status, b"")
    assert [] == list(Path().glob("*answer*"))


def test_as_the_first_process_it_ends_with_its_reader(first_process: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    with (
        service() as server,
        started(
            (*first_process, *MMPIPE, "stream", "-n", "sim:length 300000"), server, stdout=writing
        ) as process,
    ):
        os.close(writing)
        assert b"T" == os.read(reading, 1)
        os.close(reading)
        done = finished(process)
    assert (128 + signal.SIGPIPE, b"") == (done.status, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "status", "screen"),
    [
        (("chat", "-q", "sim:echo here"), 0, b"here\r\n"),
        (("stream", "-q", "-t", "hide", "sim:echo here"), 0, b"here\r\n"),
        (("chat",), 2, b"mmpipe: usage: no prompt"),
        (("batch",), 2, b"mmpipe: usage: there is nothing to ask"),
    ],
)
def test_a_job_in_the_background_does_not_wait_for_its_terminal(
    arguments: tuple[str, ...], status: int, screen: bytes
) -> None:
    with service() as server, Terminal() as terminal:
        there = {"stdin": terminal.slave, "stdout": terminal.slave, "stderr": terminal.slave}
        command = (sys.executable, "-c", IN_THE_BACKGROUND, *MMPIPE, *arguments)
        with started(command, server, **there, env={"TERM": "dumb"}) as process:
            assert status == process.wait(LIMIT)
        assert screen in terminal.seen()
