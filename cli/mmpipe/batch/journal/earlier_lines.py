"""Sums up the lines of earlier runs while a journal is read: their format, their hosts and their cost."""

from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.journal.scan import Entry


class EarlierLines:
    """What was found in the lines so far, for a run that asks the host `asked`; without it no host is another one.

    `other_host` is the first other host with a good answer. `has_old_lines` is true if a good answer stands in a line of an
    older version, which had no hosts. `dollars` is the cost of all lines, as far as it is known.
    """

    def __init__(self, asked: str | None = None) -> None:
        self.asked = asked
        self.other_host: str | None = None
        self.has_old_lines = False
        self.dollars = 0.0
        self._formats: set[JournalFormat] = set()

    @property
    def remark(self) -> str | None:
        """A sentence about answers whose host is not known, if there are any."""
        if not self.has_old_lines:
            return None
        return f"answers without a host, of an older mmpipe, are taken for those of {self.asked}"

    def refused_format(self, wanted: JournalFormat) -> JournalFormat | None:
        """Return the format of all lines, if it is not the one that is wanted."""
        return None if not self._formats or wanted in self._formats else next(iter(self._formats))

    def note(self, entry: Entry) -> bool:
        """Add a line; returns True for a good answer of another host."""
        self._formats.add(entry.format)
        self.dollars += entry.dollars
        if not entry.good or self.asked is None or entry.host == self.asked:
            return False
        if entry.host is None:
            self.has_old_lines = True
            return False
        self.other_host = self.other_host or entry.host
        return True
