"""Each output format has its writer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import pytest

from mmpipe.chat.options import ChatOptions
from mmpipe.chat.outputs import AnswerForm, RecordingErrors, open_targets
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console
from mmpipe.writers.options import OutputFormat, Verbosity
from mmpipe.writers.text import TextWriter
from mmpipe.writers.writer import Writer


@contextmanager
def writer(name: OutputFormat) -> Iterator[Writer]:
    streams = Streams.fake()
    console = Console(streams, Verbosity(), {})
    with open_targets(AnswerForm(name), ChatOptions(), streams, console, RecordingErrors()) as targets:
        yield targets.writer()


@pytest.mark.parametrize("name", get_args(OutputFormat))
def test_each_format_has_a_writer_of_its_own(name: OutputFormat) -> None:
    with writer(name) as found:
        assert isinstance(found, TextWriter) is (name == "text")


def test_a_format_without_a_writer_is_an_error_and_not_text() -> None:
    unknown: OutputFormat = "yaml"  # type: ignore[assignment]
    with pytest.raises(AssertionError), writer(unknown):
        pass
