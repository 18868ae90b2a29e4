"""A wait ends with what the descriptor can do, or with an error; also where poll() does not know terminals, as on macOS."""

import errno
import os
import pty
import select
from collections.abc import Iterator

import pytest

from mmpipe.unix.streams import Output
from mmpipe.unix.waiting import wait_until_ready


class PollOfMacOs:
    """poll() that knows no kind of file."""

    def register(self, descriptor: int, _: int) -> None:
        self.descriptor = descriptor

    def poll(self, _: int | None) -> list[tuple[int, int]]:
        return [(self.descriptor, select.POLLNVAL)]


@pytest.fixture(params=["poll", "no poll"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "no poll":
        monkeypatch.setattr(select, "poll", PollOfMacOs)
    return str(request.param)


@pytest.fixture(params=[os.pipe, pty.openpty])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """The end to read from, and the one to write to."""
    reading, writing = request.param()
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.mark.usefixtures("kind")
def test_a_wait_tells_what_can_be_done(ends: tuple[int, int]) -> None:
    reading, writing = ends
    assert 0 == wait_until_ready(reading, select.POLLIN, 0.01)
    assert select.POLLOUT == wait_until_ready(writing, select.POLLOUT, 0.01)
    assert 0 == wait_until_ready(writing, 0, 0.0)
    os.write(writing, b"x\n")
    for seconds in (None, 0.0, 100.0):
        assert select.POLLIN == wait_until_ready(reading, select.POLLIN, seconds)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("events", [select.POLLIN, select.POLLOUT, select.POLLIN | select.POLLOUT, 0])
@pytest.mark.parametrize("seconds", [0.0, 100.0, None])
def test_a_closed_descriptor_is_an_error(events: int, seconds: float | None) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    with pytest.raises(OSError, match="Bad file descriptor"):
        wait_until_ready(reading, events, seconds)


def test_a_number_that_is_too_large_for_select_is_an_error_and_not_an_endless_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(select, "poll", PollOfMacOs)
    reading, writing = os.pipe()
    try:
        high = os.dup2(reading, 2000)
    except OSError:
        os.close(reading)
        os.close(writing)
        pytest.skip("there are fewer descriptors here")
    try:
        with pytest.raises(OSError, match="Bad file descriptor") as error:
            wait_until_ready(high, select.POLLIN, None)
        assert errno.EBADF == error.value.errno
    finally:
        for descriptor in (reading, writing, high):
            os.close(descriptor)


@pytest.mark.usefixtures("kind")
def test_a_closed_output_is_not_one_whose_reader_went_away() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    Output(writing, "standard output", is_main=True).check_reader()
