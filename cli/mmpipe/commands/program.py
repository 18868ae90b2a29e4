"""What the commands work with: the streams, the environment, and the functions that do the work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmpipe.unix.streams import Streams

if TYPE_CHECKING:
    from mmpipe.batch.options import BatchOptions, MergeOptions
    from mmpipe.chat.answer import Options
    from mmpipe.models import ModelsOptions
    from mmpipe.simulator.run import SimulatorOptions


def _answer(options: "Options", streams: Streams, environment: Mapping[str, str]) -> None:
    # Imported here, like everything that --help and --version do not need.
    from mmpipe.chat.answer import answer

    answer(options, streams, environment)


def _batch(options: "BatchOptions", streams: Streams, environment: Mapping[str, str]) -> None:
    from mmpipe.batch.run import run_batch

    run_batch(options, streams, environment)


def _merge(options: "MergeOptions", streams: Streams, environment: Mapping[str, str]) -> None:
    from mmpipe.batch.merge_journals import merge_journals

    merge_journals(options, streams, environment)


def _models(options: "ModelsOptions", streams: Streams, environment: Mapping[str, str]) -> None:
    from mmpipe.models import models

    models(options, streams, environment)


def _simulate(options: "SimulatorOptions", streams: Streams, environment: Mapping[str, str]) -> int:
    from mmpipe.simulator.run import simulate

    return simulate(options, streams, environment)


@dataclass(frozen=True, slots=True)
class Program:
    """What the commands work with; a test puts functions of its own here to see the options they get."""

    streams: Streams
    environment: Mapping[str, str]
    answer: "Callable[[Options, Streams, Mapping[str, str]], None]" = _answer
    batch: "Callable[[BatchOptions, Streams, Mapping[str, str]], None]" = _batch
    merge: "Callable[[MergeOptions, Streams, Mapping[str, str]], None]" = _merge
    models: "Callable[[ModelsOptions, Streams, Mapping[str, str]], None]" = _models
    simulate: "Callable[[SimulatorOptions, Streams, Mapping[str, str]], int]" = _simulate

    def show(self, text: str) -> None:
        """Write by the program's own stream, so that a full disk and a cut pipe are told from success."""
        self.streams.stdout.write(text.encode())
