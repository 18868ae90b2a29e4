"""Shares one limit among all runs of one key on one machine, through a small locked file."""

import fcntl
import os
import stat
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from zlib import crc32

from mmpipe.batch.pace.account import name_account
from mmpipe.batch.pace.gcra import LATEST_S, Rates, RateState
from mmpipe.batch.pace.limiter import LocalLimiter, Step
from mmpipe.core.endpoint import Endpoint

_TIMES = struct.Struct("=ddd")
_CHECKSUM = struct.Struct("=I")
_SIZE = _TIMES.size + _CHECKSUM.size
# Folders by the number of the user, for runs without XDG_RUNTIME_DIR (cron), and without a session (containers).
_FOLDERS = ("/run/user/{}/mmpipe", "/tmp/mmpipe-{}")  # noqa: S108  used only if it is ours alone
_PAUSE_S = 0.0005
_TRIES = 2000  # one second altogether; a lock is held for some microseconds


class SharedLimiter(LocalLimiter):
    """The limits of all processes that have the file open.

    Each step is a read, a pure function and one write of 28 bytes under flock, which the kernel releases when a process
    dies. If the file fails, or another process keeps the lock, the limits continue for this process alone. Not for
    several threads, which would share the lock.
    """

    def __init__(
        self, rates: Rates, descriptor: int, clock: Callable[[], float] = time.monotonic, boot: bytes = b""
    ) -> None:
        super().__init__(rates, clock)
        self._descriptor: int | None = descriptor
        self._salt = crc32(boot)

    def reserve(self, tokens: float) -> float:
        """Reserve as LocalLimiter does; without rates, only wait for a pause that another run began."""
        return self.paused() if self.rates == Rates() else super().reserve(tokens)

    def paused(self) -> float:
        """The seconds that are left of a pause, read without the lock: the checksum detects a half-written state."""
        if self._descriptor is not None:
            with suppress(OSError):
                block, now = os.pread(self._descriptor, _SIZE, 0), self._clock()
                return max(0.0, _unpacked(block, self._salt, now).paused_until - now)
        return super().paused()

    def _take(self, step: Step) -> float:
        if self._descriptor is not None:
            try:
                with _locked(self._descriptor):
                    return self._take_from(self._descriptor, step)
            except OSError:
                self._descriptor = None
        return super()._take(step)

    def _take_from(self, descriptor: int, step: Step) -> float:
        now = self._clock()
        block = os.pread(descriptor, _SIZE, 0)
        self._state, found = step(_unpacked(block, self._salt, now), now)
        os.pwrite(descriptor, _packed(self._state, self._salt, now), 0)
        return found


@contextmanager
def open_limiter(
    rates: Rates,
    endpoint: Endpoint,
    environment: Mapping[str, str],
    *,
    clock: Callable[[], float] = time.monotonic,
    folders: Sequence[str] = _FOLDERS,
) -> Iterator[LocalLimiter]:
    """The limiter that all runs of this key share on this machine; one of this run alone if no file can be shared."""
    runtime, name = Path(environment.get("XDG_RUNTIME_DIR", "")), name_account(endpoint)
    places = [runtime / "mmpipe", *(Path(folder.format(os.geteuid())) for folder in folders)]
    descriptor = next((found for place in places if (found := _opened(place, name)) is not None), None)
    if descriptor is None:
        yield LocalLimiter(rates, clock)
        return
    try:
        yield SharedLimiter(rates, descriptor, clock, _boot())
    finally:
        os.close(descriptor)


def _opened(path: Path, name: str) -> int | None:
    """The descriptor of the file in our folder, created if missing; None if it cannot be trusted or written."""
    if not path.is_absolute():
        # Not set, or relative: the XDG specification requires to ignore a relative path.
        return None
    try:
        with suppress(FileExistsError):
            path.mkdir(0o700)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return _opened_in(folder, name)
        finally:
            os.close(folder)
    except OSError:
        return None


def _opened_in(folder: int, name: str) -> int | None:
    if not _is_ours(os.fstat(folder)):
        return None
    # O_NONBLOCK: opening a FIFO in its place must not block.
    how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(name, how, 0o600, dir_fd=folder)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and _is_ours(found) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    return None


def _is_ours(found: os.stat_result) -> bool:
    """True if this user owns it, and nobody else has any right to it."""
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077


def _boot() -> bytes:
    """The identity of this boot of the machine; empty where there is no Linux."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return b""


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    _lock(descriptor)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock(descriptor: int) -> None:
    """Take the lock; raises BlockingIOError if another process keeps it, because it is halted, for example."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE_S)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _packed(state: RateState, salt: int, now: float) -> bytes:
    times = _TIMES.pack(
        *(max(0.0, min(moment, now + most)) for moment, most in zip(_times(state), LATEST_S, strict=True))
    )
    return times + _CHECKSUM.pack(crc32(times, salt))


def _unpacked(block: bytes, salt: int, now: float) -> RateState:
    """The state, or a new one if the file is empty, half-written, of another boot, or not valid."""
    times, checksum = block[: _TIMES.size], block[_TIMES.size :]
    if checksum != _CHECKSUM.pack(crc32(times, salt)):
        return RateState()
    state = RateState(*_TIMES.unpack(times))
    is_valid = all(0 <= moment <= now + most for moment, most in zip(_times(state), LATEST_S, strict=True))
    return state if is_valid else RateState()


def _times(state: RateState) -> tuple[float, float, float]:
    return state.requests, state.tokens, state.paused_until
