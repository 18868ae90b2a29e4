"""Runs the bridge as a child process, and is the transport to it.

The child leads a session of its own: what the terminal sends does not reach Ray, and whatever Ray has started is found by
its session when the run ends. If this process is killed, the child sees the end of the socket, and ends likewise.
"""

import asyncio
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from mmpipe.api.ray_pool.frames import read_frame, write_frame
from mmpipe.api.ray_pool.greeting import WorkerTerms
from mmpipe.api.ray_pool.session import kill_session
from mmpipe.api.ray_pool.terms import ClusterRefused, ClusterTerms
from mmpipe.api.ray_pool.transport import Order, Report
from mmpipe.api.ray_pool.values import unpack_error
from mmpipe.errors import NetworkError
from mmpipe.text.visible import one_line

_LEAVE: Final = 15.0  # seconds for the bridge to leave a cluster of others in good order
_LOOK: Final = 0.02
# Characters of a folder for that of Ray, whose sockets have paths of at most 107 bytes.
_LONGEST_PLACE: Final = 24


@asynccontextmanager
async def open_bridge(
    address: str | None, worker: WorkerTerms, environment: Mapping[str, str]
) -> AsyncIterator["BridgeLink"]:
    """A transport over a new child process; at the end nothing of it is left. Raises OSError."""
    with _own_folder() as folder:
        ours, theirs = socket.socketpair()
        with theirs, (folder / "errors").open("wb") as errors:
            process = subprocess.Popen(  # noqa: ASYNC220  asyncio's own would watch the child with a thread
                [sys.executable, "-P", "-m", "mmpipe.api.ray_pool.bridge", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_environment(address, environment),
                cwd=folder,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            reader, writer = await asyncio.open_connection(sock=ours)
            write_frame(writer, ClusterTerms(address, folder, worker))
            link = BridgeLink(reader, writer, folder / "errors")
            try:
                yield link
            finally:
                writer.close()
                if address is not None and link.has_joined:
                    await _leave(process)
        finally:
            # A cluster of this run alone has nothing to keep.
            kill_session(process.pid)
            process.wait()


class BridgeLink:
    """The transport to the bridge; `errors` is the file of what its process has printed.

    The bridge has joined the cluster once it reports anything.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, errors: Path) -> None:
        self._reader, self._writer, self._errors = reader, writer, errors
        self.has_joined = False

    def send(self, order: Order) -> None:
        """Pass an order on."""
        write_frame(self._writer, order)

    async def receive(self) -> Report:
        """Return the next report; raises the error of a cluster that is refused or lost."""
        try:
            found = await read_frame(self._reader)
        except EOFError:
            raise NetworkError(f"Ray has ended{self._last_words()}", retryable=True) from None
        if isinstance(found, ClusterRefused):
            raise unpack_error(found.error)
        assert isinstance(found, Report)  # noqa: S101  the bridge sends nothing else
        self.has_joined = True
        return found

    def _last_words(self) -> str:
        lines = self._errors.read_text("utf-8", "replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return f": {one_line(last, 200)}" if last else ""


def _environment(address: str | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment of the bridge.

    The processes of a cluster that the bridge starts inherit the key with it. A connection to them needs a token.
    On the way to another cluster no key is needed: its nodes have their own.
    """
    # Ray sends reports of its usage, unless it is told not to.
    found = {**environment, "RAY_USAGE_STATS_ENABLED": "0"}
    if address is None:
        found.pop("RAY_ADDRESS", None)
        return {**found, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {name: value for name, value in found.items() if not name.endswith("_API_KEY")}


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder for the files of Ray, which is removed at the end."""
    place = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="mmpipe-", dir=place if len(place) <= _LONGEST_PLACE else "/tmp"))  # noqa: S108  mkdtemp
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _leave(process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _LEAVE
    while process.poll() is None and time.monotonic() < end:  # noqa: ASYNC110  nobody reports the end of a child
        await asyncio.sleep(_LOOK)
