"""All runs of one key on one machine share one limit, whatever happens to any of them."""

import fcntl
import os
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from zlib import crc32

import pytest

from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import LocalLimiter
from mmpipe.batch.pace.shared_limiter import SharedLimiter, open_limiter
from mmpipe.core.endpoint import Endpoint, Key

PACKAGES = Path(__file__).parents[3] / "cli"
URL, KEY = "https://api.example.com/v1", "sk-very-secret"
SLOW = Rates(requests=1)


class Clock:
    """A clock that moves only on request."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


Open = Callable[..., LocalLimiter]


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def opened(runtime: Path) -> Iterator[Open]:
    """The limits of one more run, as open_limiter gives them."""
    with ExitStack() as open_until_the_end:

        def another(
            rates: Rates = SLOW, clock: Callable[[], float] | None = None, url: str = URL, key: str = KEY
        ) -> LocalLimiter:
            return open_until_the_end.enter_context(
                open_limiter(
                    rates,
                    Endpoint(url, Key(key, "a test")),
                    {"XDG_RUNTIME_DIR": str(runtime)},
                    clock=clock or Clock(),
                )
            )

        yield another


def the_file(runtime: Path) -> Path:
    (found,) = (runtime / "mmpipe").iterdir()
    return found


def test_two_runs_of_one_key_wait_for_each_other(opened: Open) -> None:
    clock = Clock()
    one, other = opened(clock=clock), opened(clock=clock, url=URL + "/")
    assert [0, 60, 120] == [one.reserve(0), other.reserve(0), one.reserve(0)]


def test_another_key_or_host_has_its_own_limit(opened: Open) -> None:
    assert 0 == opened().reserve(0)
    assert [0, 0] == [opened(key="sk-other").reserve(0), opened(url="http://127.0.0.1:1").reserve(0)]


def test_a_pause_and_returned_tokens_count_for_other_runs(opened: Open) -> None:
    clock, rates = Clock(), Rates(tokens=60)
    one, other = opened(rates, clock), opened(rates, clock)
    one.reserve(600)
    one.settle(600, 500)
    assert 500 == other.reserve(1)
    other.pause(2000)
    assert 2000 == one.reserve(1)


def test_each_run_counts_at_its_own_rate(opened: Open) -> None:
    clock = Clock()
    opened(Rates(requests=60), clock).reserve(0)
    assert 1 == opened(Rates(requests=6), clock).reserve(0)
    assert 11 == opened(Rates(requests=60), clock).reserve(0)


def test_a_run_without_limits_takes_nothing_from_the_others(opened: Open) -> None:
    clock = Clock()
    opened(Rates(), clock).reserve(10**6)
    assert 0 == opened(Rates(requests=1, tokens=1), clock).reserve(1)


def test_two_runs_at_600_keep_to_605_in_any_minute_and_waste_none(opened: Open) -> None:
    clock, rates = Clock(), Rates(requests=600)
    runs, starts = [opened(rates, clock), opened(rates, clock)], list[float]()
    while clock.now < 1600:
        clock.now += runs[len(starts) % 2].reserve(0)
        starts.append(clock.now)
    assert all(later - earlier > 60 for earlier, later in zip(starts, starts[605:], strict=False))
    assert 600 == sum(1060 <= start < 1120 for start in starts)


def test_the_file_is_private_and_does_not_reveal_the_key(opened: Open, runtime: Path) -> None:
    opened().reserve(0)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (runtime / "mmpipe", the_file(runtime))]
    assert [0o700, 0o600] == modes
    assert "secret" not in the_file(runtime).name
    assert b"secret" not in the_file(runtime).read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda block: block[:13],
        lambda block: bytes([block[0] ^ 1]) + block[1:],
        lambda block: bytes(len(block)),
        lambda block: b"\xff" * len(block),
    ],
)
def test_an_invalid_file_is_begun_anew(opened: Open, runtime: Path, damage: Callable[[bytes], bytes]) -> None:
    limiter = opened()
    limiter.reserve(0)
    the_file(runtime).write_bytes(damage(the_file(runtime).read_bytes()))
    assert [0, 60] == [limiter.reserve(0), limiter.reserve(0)]


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    found = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT, 0o600)
    yield found
    os.close(found)


def test_times_of_another_boot_are_ignored(descriptor: int) -> None:
    assert 0 == SharedLimiter(SLOW, descriptor, Clock(), b"one boot").reserve(0)
    assert 60 == SharedLimiter(SLOW, descriptor, Clock(), b"one boot").reserve(0)
    assert 0 == SharedLimiter(SLOW, descriptor, Clock(), b"another").reserve(0)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    "moment", [float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, -1.0, 90_000.0]
)
def test_a_time_that_cannot_be_is_ignored_and_replaced(descriptor: int, moment: float, place: int) -> None:
    moments = [0.0, 0.0, 0.0]
    moments[place] = moment
    times = struct.pack("=ddd", *moments)
    os.pwrite(descriptor, times + struct.pack("=I", crc32(times, crc32(b"boot"))), 0)
    both = Rates(requests=1, tokens=1)
    limiter = SharedLimiter(both, descriptor, Clock(), b"boot")
    assert [0, 0, 60] == [
        limiter.paused(),
        limiter.reserve(0),
        SharedLimiter(both, descriptor, Clock(), b"boot").reserve(0),
    ]
    assert all(0 <= moment < 90_000 for moment in struct.unpack("=ddd", os.pread(descriptor, 24, 0)))


def test_the_times_are_those_of_this_boot(opened: Open, runtime: Path) -> None:
    opened().reserve(0)
    descriptor = os.open(the_file(runtime), os.O_RDWR)
    try:
        assert 0 == SharedLimiter(SLOW, descriptor, Clock(), boot=b"").reserve(0)
        assert 0 == opened().reserve(0)
        assert 60 == opened().reserve(0)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("earlier", [1_000_000, 4_601])
def test_a_time_more_than_an_hour_ahead_is_ignored(descriptor: int, earlier: float) -> None:
    SharedLimiter(SLOW, descriptor, Clock(earlier)).reserve(0)
    assert 0 == SharedLimiter(SLOW, descriptor, Clock(1000)).reserve(0)


def test_a_lie_about_tokens_holds_other_runs_for_ten_minutes_at_most(opened: Open) -> None:
    clock, rates = Clock(), Rates(tokens=1000)
    one, other = opened(rates, clock=clock), opened(rates, clock=clock)
    for _ in range(50):
        one.reserve(1)
    for _ in range(50):
        one.settle(1, 2e12)
    assert 600 == pytest.approx(other.reserve(1), abs=4)


def test_no_pause_is_longer_than_a_day_and_none_is_lost(opened: Open) -> None:
    clock = Clock()
    opened(clock=clock).pause(7 * 86_400)
    assert 86_400 == opened(clock=clock).reserve(0)


def test_a_run_killed_with_the_lock_blocks_no_other(opened: Open, runtime: Path) -> None:
    limiter = opened()
    limiter.reserve(0)
    holder = held(the_file(runtime))
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert [60, 120] == [limiter.reserve(0), opened().reserve(0)]


def test_a_run_halted_with_the_lock_is_not_waited_for(opened: Open, runtime: Path) -> None:
    limiter = opened()
    limiter.reserve(0)
    holder = held(the_file(runtime))
    holder.send_signal(signal.SIGSTOP)
    try:
        assert [60, 120] == [limiter.reserve(0), limiter.reserve(0)]
    finally:
        holder.kill()
        holder.wait()


def test_a_pause_is_noticed_while_another_run_holds_the_lock(opened: Open, runtime: Path) -> None:
    opened().pause(30)
    limiter = opened()
    holder = held(the_file(runtime))
    try:
        assert 30 == limiter.paused()
    finally:
        holder.kill()
        holder.wait()


def test_a_run_whose_file_fails_keeps_to_its_own_pause(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        limiter = SharedLimiter(SLOW, descriptor, Clock())
        assert 0 == limiter.paused()
        limiter.pause(30)
        assert 30 == limiter.paused()
    finally:
        os.close(descriptor)


def held(file: Path) -> subprocess.Popen[bytes]:
    """A process that has locked the file."""
    code = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(file)])
    with file.open() as probe:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(probe, fcntl.LOCK_UN)
                continue
            return holder


HAMMER = """
import os, sys, time
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.shared_limiter import open_limiter
from mmpipe.core.endpoint import Endpoint, Key
begin, starts = time.monotonic(), []
with open_limiter(Rates(requests=60_000), Endpoint("u", Key("k", "a test")), os.environ) as limiter:
    while time.monotonic() < begin + 2:
        time.sleep(limiter.reserve(0))
        starts.append(time.monotonic())
print(begin, *starts)
"""


@pytest.mark.slow
def test_processes_on_one_file_keep_to_the_limit_together(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "PYTHONPATH": str(PACKAGES)}
    runs = [
        subprocess.Popen([sys.executable, "-c", HAMMER], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    sent = [[float(word) for word in run.communicate()[0].split()] for run in runs]
    begin, end = min(min(times) for times in sent), max(max(times) for times in sent)
    counts = [len(times) - 1 for times in sent]
    # A place each millisecond, and 250 in the bucket.
    assert (end - begin) * 1000 + 250 >= sum(counts)
    assert 100 < min(counts)
    assert 1000 < sum(counts)


def test_a_run_without_rates_notices_the_pause_of_another(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    with (
        open_limiter(Rates(), Endpoint(URL, Key(KEY, "a test")), environment) as one,
        open_limiter(Rates(requests=60), Endpoint(URL, Key(KEY, "a test")), environment) as other,
    ):
        assert 0 == one.reserve(0)
        other.pause(30)
        assert 29 < one.reserve(0) <= 30
        assert 29 < one.paused() <= 30
