"""Runs `batch` against a server in memory and kills some runs midway, for the model of its promises."""

import asyncio
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from mmpipe.api.attempt import UNOBSERVED, Observer
from mmpipe.batch.run import run_batch
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event, Start, Stop, Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import MmpipeError, Rejected
from mmpipe.unix.streams import Streams
from support.batch_in_process import batch_options

ENVIRONMENT: Final = {"MINIMAX_API_KEY": "no-key-at-all"}
# Without threads of its own, so that its children may be killed wherever they are; they cost no start of Python.
_PROCESSES: Final = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["mmpipe.batch.run"])


def answer_to(prompt: str) -> str:
    """The answer that the server always gives."""
    return f"about {prompt}"


@dataclass
class ScriptedService:
    """Answers every prompt after so many turns of the loop as it is long, but for those in `failing`.

    Every prompt that comes is noted in `log` first. In the turn `dies_at` the whole process is killed.
    """

    log: Path
    failing: frozenset[str] = frozenset()
    dies_at: int | None = None
    meanwhile: Callable[[], object] | None = None
    _turns: int = field(default=0, init=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @property
    def is_ready(self) -> bool:
        return True

    async def ask(self, request: Request, limits: Limits, observer: Observer = UNOBSERVED) -> Sequence[Event]:
        del limits, observer
        prompt = str(request.messages[-1]["content"])
        with self.log.open("a") as log:
            log.write(f"{prompt}\n")
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        for _ in range(1 + len(prompt)):
            if self._turns == self.dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self._turns += 1
            await asyncio.sleep(0)
        if prompt in self.failing:
            raise Rejected("it cannot be answered")
        text = answer_to(prompt)
        return [Start("1", request.model), Text(text), Stop("stop", {"role": "assistant", "content": text})]


@dataclass(frozen=True)
class Place:
    """The journal and the input of a batch."""

    journal: Path
    source: Path


@dataclass(frozen=True)
class Verbosity:
    """The settings of a run."""

    concurrency: int = 2
    keep_order: bool = False
    limit: int | None = None
    piped: bool = False
    dedupe: bool = True
    openai: bool = False
    resume: bool = True


def run(place: Place, how: Verbosity, server: ScriptedService) -> int:
    """The exit status."""
    options = batch_options(
        files=() if how.piped else (str(place.source),),
        input_format="jsonl",
        keep_going=True,
        limit=how.limit,
        no_dedupe=not how.dedupe,
        format="openai" if how.openai else "jsonl",
        output=str(place.journal),
        resume=how.resume,
        keep_order=how.keep_order,
        concurrency=how.concurrency,
        retries=0,
    )

    def open_pool(_: Endpoint, __: int) -> ScriptedService:
        return server

    with closing(Streams.fake(place.source.read_bytes() if how.piped else b"")) as streams:
        try:
            run_batch(options, streams, ENVIRONMENT, open_pool)
        except MmpipeError as error:
            return int(error.status)
    return 0


def run_in_a_process(place: Place, how: Verbosity, server: ScriptedService) -> int:
    """The exit status, or -9 if it was killed."""
    process = _PROCESSES.Process(target=_run_and_exit, args=(place, how, server))
    process.start()
    process.join(60)
    status = process.exitcode
    assert status is not None
    process.close()
    return status


def _run_and_exit(place: Place, how: Verbosity, server: ScriptedService) -> None:
    sys.exit(run(place, how, server))


def lines(path: Path) -> list[bytes]:
    """The whole lines of a file, which may not be there."""
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


@dataclass(frozen=True)
class ParsedLine:
    """The id and answer of a line of either form; `answer` is None if the line has none."""

    id: str
    answer: str | None


def parse_line(line: bytes) -> ParsedLine:
    """Return the id and answer of the line; raises ValueError if the line is cut off."""
    record = json.loads(line)
    name = record.get("custom_id", record["id"])
    if record["error"] is not None:
        return ParsedLine(name, None)
    if "response" in record:
        return ParsedLine(name, record["response"]["body"]["choices"][0]["message"]["content"])
    return ParsedLine(name, record["content"])
