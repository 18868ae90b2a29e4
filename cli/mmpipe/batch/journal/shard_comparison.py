"""Compares the inputs and the settings of shards: they should be the same, since shards are parts of one input."""

from collections.abc import Iterable, Iterator
from typing import Final

from mmpipe.batch.journal.findings import Findings
from mmpipe.batch.journal.sidecar import Sidecar, changed_settings, is_other_input

_MOST_SALTS: Final = 100  # sidecars that are kept to be compared


class ShardComparison:
    """Journals of shards that are of another input than `first`, or of other settings, as far as sidecars tell.

    `changed` are the names of those settings. A journal without a shard is of a whole input, and is not compared: journals
    of different inputs may be joined by their ids. Hashes are compared among sidecars of one salt.
    """

    def __init__(self) -> None:
        self.first = ""
        self.other_input, self.other_settings = Findings(), Findings()
        self.changed: set[str] = set()
        self._by_salt: dict[str, Sidecar] = {}

    def compared(self, found: Iterable[tuple[str, Sidecar | None]]) -> Iterator[Sidecar]:
        """Pass the sidecars of the journals on, and compare those of shards with earlier ones."""
        for path, sidecar in found:
            if sidecar is not None:
                if sidecar.shard is not None:
                    self._compare(path, sidecar)
                yield sidecar

    def _compare(self, path: str, sidecar: Sidecar) -> None:
        self.first = self.first or path
        if sidecar.salt not in self._by_salt and len(self._by_salt) < _MOST_SALTS:
            self._by_salt[sidecar.salt] = sidecar
        first = next(iter(self._by_salt.values()))
        alike = self._by_salt.get(sidecar.salt, first)
        if is_other_input(first, sidecar) or is_other_input(alike, sidecar):
            self.other_input.add(path)
        if alike.salt == sidecar.salt and (names := changed_settings(alike, sidecar)):
            self.other_settings.add(path)
            self.changed.update(names)
