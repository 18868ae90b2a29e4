"""Change the label and the coding of an answer's body, as gateways do."""

import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.steps import Send, SendHead, Step

_GZIP = 31
"""The window bits of zlib that give the format of gzip."""


def encode_transfer(steps: Iterable[Step], dialects: Collection[Dialect]) -> Iterable[Step]:
    """Return the steps of a response as the dialects of transport send them."""
    labelled = (_label(step, dialects) if isinstance(step, SendHead) else step for step in steps)
    return _compress(labelled) if Dialect.GZIP in dialects else labelled


def _label(head: SendHead, dialects: Collection[Dialect]) -> SendHead:
    headers = dict(head.headers)
    if Dialect.TEXT_PLAIN in dialects:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    if Dialect.NO_CONTENT_TYPE in dialects:
        headers.pop("Content-Type", None)
    return replace(head, headers=headers)


def _compress(steps: Iterable[Step]) -> Iterator[Step]:
    compressor = zlib.compressobj(wbits=_GZIP)
    for step in steps:
        match step:
            case SendHead():
                # The length of what is compressed as it is sent is not known.
                yield replace(step, headers={**step.headers, "Content-Encoding": "gzip"}, length=None)
            case Send(data):
                yield replace(step, data=compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))
            case _:
                yield step
    yield Send(compressor.flush())
