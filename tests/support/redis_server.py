"""A real redis-server on a socket of its own, which keeps nothing on disk; it is started, killed and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from support.harness import eventually

if TYPE_CHECKING:
    import redis


def need_redis(needs: Callable[[str], None]) -> None:
    """Skip the test without the server or the client of Redis; in CI, fail it."""
    needs("redis-server")
    try:
        import redis.asyncio  # noqa: F401  the tests below this one use it
    except ModuleNotFoundError:
        reason = "the client of Redis is not installed: pip install -e '.[test,redis]'"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


class RedisServer:
    """The server, from `start` to `kill`; `more` are further words of its command."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.socket, self._more = folder / "redis.sock", more
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> Self:
        """Start it without data, and return once it answers."""
        command = ("redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "", *self._more)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self.socket.parent)
        eventually(self._answers, "redis-server answers")
        return self

    def _answers(self) -> bool:
        from redis.exceptions import ConnectionError as NotThere

        with self.client() as client:
            try:
                return bool(client.ping())
            except NotThere:
                return False

    def kill(self) -> None:
        """End it at once, with all its data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def halt(self) -> None:
        """Keep it from answering, though its socket takes whatever is sent."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def client(self, password: str | None = None) -> "redis.Redis":
        """A client of the test."""
        import redis

        return redis.Redis(unix_socket_path=str(self.socket), decode_responses=True, password=password)


@contextmanager
def redis_server(*more: str) -> Iterator[RedisServer]:
    """A server that runs, until the context ends."""
    # The path of a socket has at most 108 bytes, and the folders of tests have long names.
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder, *more)
    try:
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(folder)
