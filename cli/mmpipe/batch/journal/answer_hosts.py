"""Tells the good answers of the host that a run asks from those of other hosts, while a journal is read."""

from mmpipe.batch.journal.scan import Entry


class AnswerHosts:
    """The host that this run asks, and what was found of others; without a host all answers count as its own.

    `other` is the first other host with a good answer; `remark` is a sentence about good answers in lines of older
    versions, which had no hosts, if there are any.
    """

    def __init__(self, asked: str | None = None) -> None:
        self.asked = asked
        self.other: str | None = None
        self.remark: str | None = None

    def is_other(self, entry: Entry) -> bool:
        """True for a good answer of another host."""
        if not entry.good or self.asked is None or entry.host == self.asked:
            return False
        if entry.host is None:
            self.remark = f"answers without a host, of an older mmpipe, are taken for those of {self.asked}"
            return False
        self.other = self.other or entry.host
        return True
