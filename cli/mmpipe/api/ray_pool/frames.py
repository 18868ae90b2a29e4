"""Frames on the socket between this process and the bridge: a length, and a pickled value of `transport` or `terms`.

Both ends are one program on one machine.
"""

import asyncio
import pickle
import struct
from typing import Final

_LENGTH: Final = struct.Struct("!Q")


async def read_frame(reader: asyncio.StreamReader) -> object:
    """Return the next value; raises EOFError at the end."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        frame = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError) as error:
        raise EOFError from error
    value: object = pickle.loads(frame)  # noqa: S301  of our own child, or parent
    return value


def write_frame(writer: asyncio.StreamWriter, value: object) -> None:
    """Send a value, as soon as the other end reads."""
    frame = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    writer.write(_LENGTH.pack(len(frame)) + frame)
