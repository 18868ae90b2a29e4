"""Tells the good answers of the host that a run asks from those of other hosts, while a journal is read."""

from typing import Final

from mmpipe.batch.journal.scan import Entry

_INVERT: Final = (1 << 128) - 1


class AnswerHosts:
    """The host that this run asks, and what was found of others; without a host all answers count as its own.

    `other` is the first other host with a good answer; `remark` is a sentence about good answers without a host, if there
    are any.
    """

    def __init__(self, asked: str | None = None) -> None:
        self.asked = asked
        self.other: str | None = None
        self.remark: str | None = None

    def sign_request(self, entry: Entry) -> bytes:
        """The 16 bytes of the request, made others if the answer is a good one of another host.

        So no row of a ledger needs more bytes, and nothing is taken by mistake.
        """
        if not entry.good or self.asked is None or entry.host == self.asked:
            return entry.request
        if entry.host is None:
            self.remark = (
                f"answers without a host, of an older mmpipe or a replay, are taken for those of {self.asked}"
            )
            return entry.request
        self.other = self.other or entry.host
        return invert(entry.request)


def invert(request: bytes) -> bytes:
    """The 16 bytes with each bit inverted; twice gives the same bytes."""
    return (int.from_bytes(request) ^ _INVERT).to_bytes(16)
