"""Runs the script of a limit on its Redis server, over one connection; the only file that knows the client of Redis."""

import asyncio
import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import Any, Final, Protocol

from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError

from mmpipe.batch.pace.redis_tls import explain_refusal, open_context
from mmpipe.batch.pace.remote_limiter import StepFailure
from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.core.endpoint import Key
from mmpipe.text.visible import one_line

_SCRIPT: Final = Path(__file__).with_name("step.lua")
_GOODBYE: Final = 0.5  # seconds, of the end of a connection over TLS
_TIMEOUT: Final = 5.0  # seconds, of a connection and of an answer; a slower server gives no permits
_LOCKED: Final = "it asks for a password: redis://:PASSWORD@HOST"
# Sentences by the words in the errors of servers, and of the client, that help nobody.
_SENTENCES: Final = {
    "unauthenticated": _LOCKED,
    "NOAUTH": _LOCKED,
    "Authentication required": _LOCKED,
    "called without any password": "it has no password, and one is given: redis://HOST",
    "HTTP/1": "a web server is there, and not Redis",
}
_LONGEST: Final = 200  # characters of the server's own words


class _Wire(Protocol):
    """A connection of the client, of any kind."""

    async def connect(self) -> None: ...
    async def send_command(self, *words: bytes | str) -> None: ...
    async def read_response(self) -> object: ...
    async def disconnect(self, nowait: bool = False) -> None: ...


class RedisScript:
    """The script of one key, and a connection that is opened anew after each failure; for one caller at a time.

    Raises UsageError for files of TLS that cannot be used.
    """

    def __init__(self, address: LimiterAddress, key: str) -> None:
        self._address, self._key = address, key
        self._context = open_context(address.tls_files) if address.scheme == "rediss" else None
        self._connection: _Wire | None = None

    async def run(self, arguments: Sequence[bytes | str]) -> list[bytes]:
        """Run the script once; raises StepFailure, whose reason shows no password, if it gave no answer.

        Raises NetworkError if no connection of TLS is possible.
        """
        is_sent = False
        try:
            async with asyncio.timeout(_TIMEOUT):
                connection = self._connection
                if connection is None:
                    connection = self._connection = self._new_connection()
                    await connection.connect()
                is_sent = True
                found: list[bytes] = await self._evaluate(connection, arguments)
        except TimeoutError:
            await self.close()
            what = "no answer" if is_sent or self._context is None else "no TLS, which rediss:// asks for,"
            raise StepFailure(f"{what} within {_TIMEOUT:g} s", may_have_run=is_sent) from None
        except (RedisError, OSError) as error:
            # A script that fails has written nothing.
            is_refused = isinstance(error, ResponseError | AuthenticationError)
            await self.close()
            if (refusal := explain_refusal(error.__context__, self._address)) is not None:
                raise refusal from error
            raise StepFailure(self._describe(error), may_have_run=is_sent and not is_refused) from error
        except BaseException:
            await self.close()
            raise
        return found

    async def close(self) -> None:
        """Close the connection; the next run opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # TLS says goodbye; a loop that ends before would leave the socket open. TimeoutError is an OSError.
            with suppress(RedisError, OSError):
                async with asyncio.timeout(_GOODBYE):
                    await connection.disconnect(nowait=self._context is None)

    async def _evaluate(self, connection: _Wire, arguments: Sequence[bytes | str]) -> list[bytes]:
        try:
            return await _ask(connection, "EVALSHA", self._digest, "1", self._key, *arguments)
        except NoScriptError:
            # The server has not seen it yet, or has forgotten it: it was restarted, or another one took its place.
            return await _ask(connection, "EVAL", self._text, "1", self._key, *arguments)

    @cached_property
    def _text(self) -> str:
        return _SCRIPT.read_text("utf-8")

    @cached_property
    def _digest(self) -> str:
        return sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def _new_connection(self) -> "_Wire":
        address = self._address
        options: dict[str, Any] = {
            "db": address.db,
            "username": address.user,
            "password": address.password,
            "protocol": 2,  # servers of any age understand it
            "socket_timeout": None,
        }
        connection: Any
        if address.port is None:
            connection = UnixDomainSocketConnection(path=address.place, **options)
        elif self._context is None:
            connection = Connection(host=address.place, port=address.port, **options)
        else:
            connection = SSLConnection(host=address.place, port=address.port, **options)
            # The client makes a context of its own only if there is none.
            connection.ssl_context.context = self._context
        wire: _Wire = connection
        return wire

    def _describe(self, error: Exception) -> str:
        # A server, or a proxy before it, may repeat the words that it did not understand.
        text, cause = str(error), error.__context__
        if isinstance(cause, OSError) and cause.errno is not None:
            # asyncio's own words for a connection are "Connect call failed".
            text = os.strerror(cause.errno) if cause.errno in errno.errorcode else cause.strerror or text
        text = next((sentence for words, sentence in _SENTENCES.items() if words in text), text)
        if self._address.password is not None:
            text = Key(self._address.password, "").mask(text)
        return one_line(text.strip() or type(error).__name__, _LONGEST).rstrip(".")


async def _ask(connection: _Wire, *words: bytes | str) -> list[bytes]:
    await connection.send_command(*words)
    answer = await connection.read_response()
    if isinstance(answer, list) and all(isinstance(part, bytes) for part in answer):
        return answer
    return []
