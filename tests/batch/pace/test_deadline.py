"""A deadline counts from the beginning of the run, and ends whatever is read, however long that is."""

import itertools
import time
from collections import deque

import pytest

from mmpipe.batch.pace.deadline import Deadline
from mmpipe.errors import TimedOut


def test_without_a_deadline_there_is_no_end() -> None:
    deadline = Deadline(None, 0.0)
    deadline.check()
    assert deadline.left is None
    assert [1, 2] == list(deadline.hold([1, 2])) == list(deadline.hold_many([1, 2]))


def test_the_time_before_the_check_counts() -> None:
    deadline = Deadline(10, time.monotonic() - 11)
    assert 0.0 == deadline.left
    with pytest.raises(TimedOut, match=r"^the run is not done within --deadline 10$"):
        deadline.check()
    with pytest.raises(TimedOut):
        next(deadline.hold([1]))
    with pytest.raises(TimedOut):
        next(deadline.hold_many([1]))


@pytest.mark.timeout(60)
def test_input_without_an_end_ends_at_the_deadline() -> None:
    for hold in (Deadline(0.05, time.monotonic()).hold, Deadline(0.05, time.monotonic()).hold_many):
        with pytest.raises(TimedOut):
            deque(hold(itertools.repeat(b"")), maxlen=0)
