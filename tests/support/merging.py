"""Joins journals in this process."""

import json
from pathlib import Path

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
