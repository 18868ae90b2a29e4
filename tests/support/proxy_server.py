"""A proxy on loopback that speaks HTTP (CONNECT and whole URLs), SOCKS4a and SOCKS5, and leads every host to one port.

So a test may ask for `api.example`, a name that this machine cannot look up: only the proxy can.
"""

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from support.harness import LIMIT


@dataclass
class ProxyServer:
    """`asked` are the hosts that the proxy was asked for, each with the way of asking.

    With `login` it wants `user:password`. `refusal` is the status of HTTP, or the reply of SOCKS, that it gives to all.
    """

    target: int
    login: str = ""
    refusal: int = 0
    tls: ssl.SSLContext | None = None
    asked: list[str] = field(default_factory=list)
    port: int = 0
    begun: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.begun.add(task)
        try:
            first = await reader.readexactly(1)
            match first:
                case b"\5":
                    await self._socks5(reader, writer)
                case b"\4":
                    await self._socks4(reader, writer)
                case _:
                    await self._http(first, reader, writer)
            await _hang_up(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.decode("latin-1").split(" ", 2)
        self.asked.append(f"{method} {target}")
        expected = b"Proxy-Authorization: Basic " + base64.b64encode(self.login.encode()) + b"\r\n"
        refusal = 407 if self.login and expected not in head else self.refusal
        if refusal:
            writer.write(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % refusal)
        elif method == "CONNECT":
            await self._pass_on(b"HTTP/1.1 200 Connection established\r\n\r\n", b"", reader, writer)
        else:
            await self._pass_on(b"", head, reader, writer)

    async def _socks5(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        method = 2 if self.login else 0
        if method not in methods:
            writer.write(b"\5\xff")
            return
        # In single bytes, as a slow network has them.
        await _slowly(writer, bytes([5, method]))
        if self.login:
            await reader.readexactly(1)
            user, password = [
                (await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)
            ]
            writer.write(bytes([1, int(f"{user}:{password}" != self.login)]))
        _, _, _, kind = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        host, port = await reader.readexactly(size), await reader.readexactly(2)
        self._note("SOCKS5", host, port)
        reply = bytes([5, self.refusal, 0, 1, 127, 0, 0, 1, 0, 80])
        if self.refusal:
            writer.write(reply)
        else:
            await self._pass_on(reply, b"", reader, writer)

    async def _socks4(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, port, _ = await reader.readexactly(1), await reader.readexactly(2), await reader.readexactly(4)
        user, host = [(await reader.readuntil(b"\0"))[:-1] for _ in range(2)]
        self._note("SOCKS4", host, port)
        refusal = self.refusal or (93 if user.decode() != self.login else 0)
        if refusal:
            writer.write(bytes([0, refusal, *bytes(6)]))
        else:
            await self._pass_on(bytes([0, 90, *bytes(6)]), b"", reader, writer)

    def _note(self, way: str, host: bytes, port: bytes) -> None:
        self.asked.append(f"{way} {host.decode('latin-1')}:{int.from_bytes(port)}")

    async def _pass_on(
        self, granted: bytes, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            writer.write(granted)
            to_there.write(head)
            await asyncio.gather(_copy(reader, to_there), _copy(there, writer))
        finally:
            to_there.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while received := await reader.read(65536):
            writer.write(received)
            await writer.drain()
        await _hang_up(writer)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection once all was sent."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _slowly(writer: asyncio.StreamWriter, sent: bytes) -> None:
    for number in sent:
        writer.write(bytes([number]))
        await writer.drain()
        await asyncio.sleep(0)


@contextmanager
def proxy_server(
    target: str, *, login: str = "", refusal: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[ProxyServer]:
    """Run a proxy that leads every host to the port of the URL `target`."""
    proxy = ProxyServer(int(target.split(":")[2].partition("/")[0]), login, refusal, tls)
    started, stopped = threading.Event(), threading.Event()

    async def serve() -> None:
        running = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
        proxy.port = running.sockets[0].getsockname()[1]
        started.set()
        await asyncio.to_thread(stopped.wait)
        # A connection that asyncio still accepts when the server is closed leaves its socket open (Server._attach fails):
        # the clients are gone by now, so their connections are accepted within a few turns.
        for _ in range(5):
            await asyncio.sleep(0)
        running.close()
        # A task of asyncio that accepts, or of ours before its first step, would leave its socket open if it were cancelled.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks & proxy.begun:
                task.cancel()
            await asyncio.wait(tasks, timeout=0.05)
        # Aborted transports close in the next turn of the loop.
        await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(LIMIT)
    try:
        yield proxy
    finally:
        stopped.set()
        thread.join()
