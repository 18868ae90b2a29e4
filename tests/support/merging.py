"""Joins journals in this process."""

import json
import os
from pathlib import Path

from mmpipe.batch.journal.sidecar import Sidecar, write_sidecar
from mmpipe.batch.merge_journals import merge_journals
from mmpipe.unix.streams import Streams
from support.batch_in_process import batch_options
from support.journals import record


def joined(
    *paths: Path, output: Path | None = None, in_order: bool = False, overwrite: bool = False
) -> tuple[list[str], str]:
    """The ids on standard output, and the messages."""
    streams = Streams.fake()
    name = None if output is None else str(output)
    files = tuple(map(str, paths))
    options = batch_options(files=files, output=name, keep_order=in_order, overwrite=overwrite)
    merge_journals(options, streams, {})
    stdout, stderr = streams.captured()
    return [json.loads(line)["id"] for line in stdout.splitlines()], stderr.decode()


def numbered(*indexes: int, good: bool = True) -> tuple[bytes, ...]:
    """Records without ids of their own."""
    return tuple(record(str(index), index=index, good=good, has_own_id=False) for index in indexes)


def journal(folder: Path, name: str, *records: bytes) -> Path:
    (folder / name).write_bytes(b"".join(records))
    return folder / name


def shard(folder: Path, number: str, *records: bytes, size: int | None = 12, taken: int | None = 3) -> Path:
    """The journal of a shard, beside its sidecar."""
    path = journal(folder, f"part-{number.partition('/')[0]}", *records)
    write_sidecar(str(path), Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0, size, number, taken))
    return path
