"""Runs `batch` inside the tests' own process, against a simulator."""

import json
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any

from mmpipe.batch.options import BatchOptions
from mmpipe.batch.run import run_batch
from mmpipe.errors import Partial
from mmpipe.simulator.server import RunningSimulator
from mmpipe.unix.streams import Streams
from support.harness import environment

Line = dict[str, object]


@dataclass(frozen=True)
class Counts:
    """The counts of the summary."""

    good: int = 0
    failed: int = 0
    skipped: int = 0


def batch_options(**typed: object) -> BatchOptions:
    """The options of a batch by their own names, each in its group."""
    groups: dict[str, Any] = {}
    for group in fields(BatchOptions):
        kind: Any = type(group.default)
        names = [option.name for option in fields(kind) if option.name in typed]
        groups[group.name] = kind(**{name: typed.pop(name) for name in names})
    assert not typed
    return BatchOptions(**groups)


def run(server: RunningSimulator | None, stdin: str = "", **typed: object) -> tuple[Counts, list[Line]]:
    """Run a batch; return the counts of its summary, and the lines on standard output. Failures are in both."""
    return run_with(environment(server), stdin, **typed)


def run_with(variables: Mapping[str, str], stdin: str = "", **typed: object) -> tuple[Counts, list[Line]]:
    """Run a batch in this environment."""
    with closing(Streams.fake(stdin.encode())) as streams:
        try:
            run_batch(batch_options(**typed), streams, variables)
        except Partial as error:
            if "each is in the output" not in error.message:
                raise
        stdout, stderr = (text.decode() for text in streams.captured())
    counts = Counts(*map(int, re.findall(r"(\d+) (?:good|failed|answered)", stderr)))
    return counts, [json.loads(line) for line in stdout.splitlines()]
