"""Shares one limit among all runs of one key on one machine, through a small locked file."""

import fcntl
import math
import os
import stat
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from mmpipe.batch.pace.gcra import Rates, RateState
from mmpipe.batch.pace.limiter import LocalLimiter, Step

_TIMES = struct.Struct("=ddd")
_CHECKSUM = struct.Struct("=I")
_SIZE = _TIMES.size + _CHECKSUM.size
_RUNTIME_FOLDERS = Path("/run/user")
_DAY = 86_400.0  # nothing is kept waiting longer, so what says otherwise is not a state
_PAUSE_S = 0.0005
_TRIES = 2000  # for a second altogether; a lock is held for some microseconds


class SharedLimiter(LocalLimiter):
    """The limits of everyone who has the file open.

    Each step is a read, a pure function and one write of 28 bytes under flock, which the kernel lifts from whoever
    dies. When the file fails, or someone sits on the lock, the limits go on as those of this process alone. Not for
    several threads: they would share the lock.
    """

    def __init__(
        self, rates: Rates, descriptor: int, clock: Callable[[], float] = time.monotonic, boot: bytes = b""
    ) -> None:
        super().__init__(rates, clock)
        self._descriptor: int | None = descriptor
        self._salt = crc32(boot)

    def reserve(self, tokens: float) -> float:
        """As always; where nothing is limited, only a pause of others has to be heard of."""
        return self.paused() if self._rates == Rates() else super().reserve(tokens)

    def paused(self) -> float:
        """Looked at without the lock: what is torn is none of our states."""
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
    *,
    base_url: str,
    key: str,
    environment: Mapping[str, str],
    clock: Callable[[], float] = time.monotonic,
    runtime_folders: Path = _RUNTIME_FOLDERS,
) -> Iterator[LocalLimiter]:
    """The limits that all runs of this key share on this machine, or those of this run where that cannot be."""
    # cron does not set the variable; the folder may be there all the same.
    runtime = environment.get("XDG_RUNTIME_DIR") or f"{runtime_folders}/{os.geteuid()}"
    descriptor = _opened(runtime, _name(base_url, key))
    if descriptor is None:
        yield LocalLimiter(rates, clock)
        return
    try:
        yield SharedLimiter(rates, descriptor, clock, _boot())
    finally:
        os.close(descriptor)


def _name(base_url: str, key: str) -> str:
    # Half of a digest tells keys apart, and none of it tells the key.
    return sha256(f"{base_url.rstrip('/')}\0{key}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _opened(runtime: str, name: str) -> int | None:
    """The file in our folder, made if need be; None if it is not to be trusted, or cannot be written."""
    path = Path(runtime, "mmpipe")
    if not path.is_absolute():
        # Not set, or relative, which the XDG specification tells to ignore.
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
    # A FIFO in its place must not hold us up.
    how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(name, how, 0o600, dir_fd=folder)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and _is_ours(found) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    return None


def _is_ours(found: os.stat_result) -> bool:
    """Whether it is this user's, and nobody else has any right to it."""
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077


def _boot() -> bytes:
    """What tells this boot of the machine from the one before; nothing where there is no Linux."""
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
    """Raise BlockingIOError if somebody does not let go, as one who was stopped just then."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE_S)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _packed(state: RateState, salt: int, now: float) -> bytes:
    times = _TIMES.pack(*(min(moment, now + _DAY) for moment in _times(state)))
    return times + _CHECKSUM.pack(crc32(times, salt))


def _unpacked(block: bytes, salt: int, now: float) -> RateState:
    """The state, or a new one where the file is empty, torn, of another boot, or makes no sense."""
    times, checksum = block[: _TIMES.size], block[_TIMES.size :]
    if checksum != _CHECKSUM.pack(crc32(times, salt)):
        return RateState()
    state = RateState(*_TIMES.unpack(times))
    is_sound = all(math.isfinite(moment) and moment <= now + _DAY for moment in _times(state))
    return state if is_sound else RateState()


def _times(state: RateState) -> tuple[float, float, float]:
    return state.requests, state.tokens, state.paused_until
