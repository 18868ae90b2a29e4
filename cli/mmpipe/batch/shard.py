"""Divides one input among several runs: `--shard I/N`; pure."""

import re
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line

_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """The share of the records that one of `count` runs asks; `number` is below `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `I/N`; raises UsageError.

        The last shard is both N/N and 0/N: job arrays count from 1 or from 0, and both give the same shards.
        """
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if match is None:
            is_part_empty = "" in (part.strip() for part in text.split("/"))
            raise UsageError(
                f"--shard {one_line(text, 60)}: it must look like I/N, such as 2/8",
                hint="is a shell variable not set?" if is_part_empty else "",
            )
        number, count = int(match[1]), int(match[2])
        if not 1 <= count <= _MOST:
            raise UsageError(f"--shard {text}: there can be 1 to {_MOST} shards")
        if number > count:
            raise UsageError(
                f"--shard {text}: there is no such shard of {count}",
                hint=f"they are numbered 1 to {count}, or 0 to {count - 1}",
            )
        return cls(number % count, count)

    def __str__(self) -> str:
        return f"{self.number or self.count}/{self.count}"

    def takes(self, record_id: str, index: int) -> bool:
        """Return True if the record is in this shard; each record is in exactly one.

        Records named by their index are dealt out in turn. Others are divided by their id, so that a record stays in
        its shard when records are added before it.
        """
        return find_shard(record_id, index, self.count) == self.number


def find_shard(record_id: str, index: int, count: int) -> int:
    """Return the number of the one shard of `count`, below `count`, that takes the record."""
    return (index if record_id == str(index) else _hash(record_id)) % count


def _hash(record_id: str) -> int:
    """A hash that is the same on every machine and in every version, because existing journals depend on it."""
    # Loads OpenSSL: imported here, so that `--help` stays fast.
    from hashlib import blake2b

    return int.from_bytes(blake2b(record_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
