"""A connection that is made while the SDK is imported: name resolution, TCP, TLS and the reading of certificates then take
no time of their own.

It is idle until the request is ready. A server may close it meanwhile (RFC 9112, 9.5); as nothing was sent, another one is as good.
"""

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import httpcore2


class EarlyConnection:
    """Runs `connect` in a thread from the beginning of the context; a connection that is not taken is closed at its end."""

    def __init__(self, connect: Callable[[], "httpcore2.NetworkStream"]) -> None:
        self._connect = connect
        self._connection: httpcore2.NetworkStream | None = None
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="connection")

    def __enter__(self) -> Self:
        # If there can be no more threads, the connection is made when it is taken.
        with suppress(RuntimeError):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_over = True
            self._close()

    def take(self) -> "httpcore2.NetworkStream":
        """Return the connection, which is the caller's from then on, or raise the error that it met.

        A connection that has ended, or brought bytes that nobody asked for, is replaced by a new one, once.
        """
        if self._thread.ident is None:
            return self._connect()
        self._thread.join()
        if self._error is not None:
            raise self._error
        connection, self._connection = self._connection, None
        assert connection is not None  # noqa: S101  it is taken once
        if _is_silent(connection):
            return connection
        connection.close()
        return self._connect()

    def _run(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:  # noqa: BLE001  the boundary of the thread: who takes the connection raises it
            self._error = error
            return
        with self._lock:
            self._connection = connection
            if self._is_over:
                self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _is_silent(connection: "httpcore2.NetworkStream") -> bool:
    """True if nothing can be read, not even the end. The tickets of TLS 1.3, which are no content, are read here."""
    import httpcore2

    try:
        connection.read(1, 0)
    except httpcore2.ReadTimeout:
        return True
    except httpcore2.ReadError as error:
        return isinstance(error.__cause__, (BlockingIOError, ssl.SSLWantReadError))
    return False
