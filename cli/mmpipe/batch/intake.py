"""Takes records in, in their order, and passes over those that this run need not ask."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from mmpipe.batch.background_reader import BackgroundReader
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.records.records import Answered, BadRecord, Record
from mmpipe.batch.records.repeated_ids import RepeatedIds
from mmpipe.batch.records.sources import Piece
from mmpipe.batch.result_writer import ResultWriter
from mmpipe.batch.summary import RunSummary
from mmpipe.batch.survey import is_answered, unrepeated

_PIECES_AHEAD: Final = 2
_TURN: Final = 1000  # records that are passed over without a look at what else there is to do


class _End(Enum):
    END = auto()


Found = Record | BadRecord | Answered


@dataclass(frozen=True, slots=True)
class RecordSource:
    """Where records come from: pieces of files, read in a thread, of which `records` are made in the loop.

    None, among pieces and records, says that the next is not there yet. `takes` is about a shard; `checked` tells that
    no id comes twice. At most `limit` records are begun.
    """

    pieces: Iterator[Piece]
    records: Callable[[Iterable[Piece | None]], Iterator[Found | None]]
    takes: Callable[[Found], bool]
    checked: bool
    limit: int | None = None


class RecordIntake:
    """The input of a run, and what of it is done already; to be made inside the loop."""

    def __init__(
        self, source: RecordSource, journal: Journal | None, outlet: ResultWriter, tally: RunSummary
    ) -> None:
        self._source, self._journal, self._outlet, self._tally = source, journal, outlet, tally
        self._feed = BackgroundReader(source.pieces, _PIECES_AHEAD)
        self._records = source.records(self._feed.at_hand())
        self._seen = None if source.checked else RepeatedIds()
        self._looked_at = 0
        self._begun = 0

    async def following(self) -> Record | BadRecord | None:
        """The next record without a good answer, or one that cannot be asked; None at the end.

        A record whose id came before is a bad one. Raises InputError for an id that was asked something else.
        """
        while (found := next(self._records, _End.END)) is not _End.END:
            if found is None:
                await self._feed.arrival()
                continue
            self._looked_at += 1
            if self._looked_at % _TURN == 0:
                await asyncio.sleep(0)
            if self._seen is not None and not isinstance(found, Answered):
                found = unrepeated(found, self._seen)
            if not self._source.takes(found):
                self._outlet.put(found.index, None)
            elif isinstance(found, Answered) or self._is_answered(found):
                self._tally.skipped += 1
                self._outlet.put(found.index, None)
            elif self._has_begun():
                return found
        return None

    def _has_begun(self) -> bool:
        """Whether one more may be begun; the last one closes the input, of which no more need come."""
        if self._begun == self._source.limit:
            self.close()
            return False
        self._begun += 1
        if self._begun == self._source.limit:
            self.close()
        return True

    def close(self) -> None:
        """Take nothing more in."""
        self._records = iter(())
        self._feed.close()

    def _is_answered(self, found: Record | BadRecord) -> bool:
        return isinstance(found, Record) and is_answered(found, self._journal)
