"""Every byte is written, and each kind of failure has its own error."""

import os
import threading

import pytest

from mmpipe.errors import OutputError, PipeClosed
from mmpipe.unix.streams import Output, Streams


def test_a_slow_reader_of_a_non_blocking_pipe_gets_every_byte() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data = bytes(range(256)) * 4000
    received = bytearray()

    def read() -> None:
        while piece := os.read(reading, 5000):
            received.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    output = Output(writing, "pipe")
    output.write(data)
    os.close(writing)
    reader.join()
    os.close(reading)
    assert data == bytes(received)
    assert len(data) == output.written


@pytest.mark.parametrize(("is_main", "error"), [(True, PipeClosed), (False, OutputError)])
def test_a_reader_that_went_away_ends_standard_output_quietly_and_nothing_else(
    is_main: bool, error: type[Exception]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(error):
        Output(writing, "pipe", is_main=is_main).write(b"x")
    os.close(writing)


def test_a_reader_that_went_away_is_noticed_without_writing() -> None:
    reading, writing = os.pipe()
    output = Output(writing, "pipe")
    output.check_reader()
    os.close(reading)
    with pytest.raises(PipeClosed):
        output.check_reader()
    os.close(writing)


def test_a_full_disk_is_an_output_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OutputError, match="No space left"):
        Output(full, "standard output").write(b"x")
    os.close(full)


def test_a_descriptor_that_is_not_writable_is_found_before_a_request() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(OutputError, match="standard output is closed"):
        Output(null, "standard output").check_open()
    os.close(null)


def test_a_message_is_one_line_without_control_characters() -> None:
    streams = Streams.fake()
    streams.report("bad\nhost \x1b[31m\u202e")
    assert (b"", "mmpipe: bad host \u241b[31m<U+202E>\n".encode()) == streams.captured()
