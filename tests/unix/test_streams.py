"""Every byte is written, and each kind of failure has its own error."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager

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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"a\x1b[2Jb\x07\r\n\tc", "a\u241b[2Jb\u2407\u240d\n\tc"),
        ("\x9b31m\u202e\U000e0041\x7f".encode(), "<U+009B>31m<U+202E><U+E0041>\u2421"),
        (b"\x9b31m \xff \xe6\xbc", "\ufffd31m \ufffd \ufffd"),
        ("\u6f22 e\u0301 \U0001f642\n".encode(), "\u6f22 e\u0301 \U0001f642\n"),
    ],
)
def test_nothing_that_is_written_to_a_terminal_steers_it(written: bytes, shown: str) -> None:
    streams = Streams.fake(terminals="stderr")
    streams.stderr.write(written)
    streams.stdout.write(written)
    assert (written, shown.encode()) == streams.captured()


def test_what_is_drawn_on_a_terminal_stays_as_it_is() -> None:
    streams = Streams.fake(terminals="stdout")
    streams.stdout.draw("\r\x1b[K\x1b[2mdim\x1b[22m")
    assert (b"\r\x1b[K\x1b[2mdim\x1b[22m", b"") == streams.captured()


def test_a_descriptor_beyond_those_of_select_is_waited_for() -> None:
    """A full pipe that does not block: the writer waits until there is space."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with largest_number() as number:
        os.dup2(writing, number)
        writer = threading.Thread(target=Output(number, "pipe").write, args=(bytes(200_000),))
        writer.start()
        read = 0
        while read < 200_000:
            read += len(os.read(reading, 65536))
        writer.join()
    for descriptor in (reading, writing):
        os.close(descriptor)


@contextmanager
def largest_number() -> Iterator[int]:
    """Permit descriptors above 1,023, and close the one that the test opens."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3000:
        pytest.skip("so many descriptors are not permitted here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    try:
        yield 2500
        os.close(2500)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
