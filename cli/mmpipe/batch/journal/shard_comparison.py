"""Compares the inputs and the settings of shards: they should be the same, since shards are parts of one input."""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final

from mmpipe.batch.journal.findings import Findings
from mmpipe.batch.journal.sidecar import Fingerprint, Sidecar, changed_settings

_MOST_SALTS: Final = 100  # sidecars that are kept to be compared
_PACKED: Final = (".gz", ".bz2", ".xz")
# They decide which records are read, and about nothing else.
_OF_READING: Final = frozenset({"input_format", "null", "encoding"})


class InputMatch(IntEnum):
    """The result of a comparison of two inputs, from the best to the worst."""

    SAME = 0
    UNKNOWN = 1
    DOUBTFUL = 2
    OTHER = 3


class ShardComparison:
    """Journals of shards that are of another input than `first`, or of other settings, as far as sidecars tell.

    Those in `doubtful_input` have other files, which may hold the same records. `changed` are the names of the settings. A
    journal without a shard is of a whole input, and is not compared: journals of different inputs may be joined by their
    ids. Hashes are compared among sidecars of one salt.
    """

    def __init__(self) -> None:
        self.first = ""
        self.other_input, self.doubtful_input, self.other_settings = Findings(), Findings(), Findings()
        self.changed: set[str] = set()
        self._by_salt: dict[str, Sidecar] = {}

    def compare(self, found: Iterable[tuple[str, Sidecar | None]]) -> Iterator[Sidecar]:
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
        match = compare_inputs(alike, sidecar)
        if alike.salt == sidecar.salt:
            names = set(changed_settings(alike, sidecar))
            if match is InputMatch.SAME:
                names -= _OF_READING
            if names:
                self.other_settings.add(path)
                self.changed.update(names)
        match = match if alike is first else max(match, compare_inputs(first, sidecar))
        if match is InputMatch.OTHER:
            self.other_input.add(path)
        elif match is InputMatch.DOUBTFUL:
            self.doubtful_input.add(path)


def compare_inputs(one: Sidecar, other: Sidecar) -> InputMatch:
    """Compare the inputs of two runs: their records if these are known, or else their files."""
    if None not in (one.records, other.records) and one.records != other.records:
        return InputMatch.OTHER
    has_one_salt = one.salt == other.salt
    if has_one_salt and None not in (one.content, other.content):
        if one.content == other.content:
            return InputMatch.SAME
        # Other settings make other requests of the same records.
        if _OF_READING.issuperset(changed_settings(one, other)):
            return InputMatch.OTHER
    return _compare_files(one.inputs, other.inputs, has_one_salt=has_one_salt)


def _compare_files(
    some: Sequence[Fingerprint], others: Sequence[Fingerprint], *, has_one_salt: bool
) -> InputMatch:
    """Compare files by their sizes and, with one salt, by their beginnings.

    Those of other sizes may hold the same records: packed, split, or with one more line end. Packed ones of the same size
    may, too: they name the time and the file.
    """
    if not (some and others):
        return InputMatch.UNKNOWN
    if [file.size for file in some] != [file.size for file in others]:
        return InputMatch.DOUBTFUL
    if not has_one_salt or [file.head for file in some] == [file.head for file in others]:
        return InputMatch.UNKNOWN
    is_packed = any(file.path.lower().endswith(_PACKED) for file in (*some, *others))
    return InputMatch.DOUBTFUL if is_packed else InputMatch.OTHER
