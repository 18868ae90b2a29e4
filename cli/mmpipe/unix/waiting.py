"""Waits for one descriptor; any number of a descriptor is possible, unlike with select() alone."""

import errno
import math
import os
import select


def wait_until_ready(descriptor: int, events: int, seconds: float | None) -> int:
    """Wait at most `seconds` (None: for ever) for events such as POLLIN; returns those that happened, 0 for none.

    Errors and hang-ups are always among them. Raises OSError for a descriptor that is closed, or cannot be waited for.
    """
    poll = select.poll()
    poll.register(descriptor, events)
    # Rounded up, so that a short wait does not end before its time.
    happened = poll.poll(None if seconds is None else math.ceil(max(0.0, seconds) * 1000))
    found = happened[0][1] if happened else 0
    return _select(descriptor, events, seconds) if found & select.POLLNVAL else found


def _select(descriptor: int, events: int, seconds: float | None) -> int:
    """Wait as `wait_until_ready` does, where poll() does not know the kind of file, as terminals and devices on macOS."""
    os.fstat(descriptor)  # an error if it is closed
    reading = [descriptor] if events & select.POLLIN else []
    writing = [descriptor] if events & select.POLLOUT else []
    try:
        readable, writable, _ = select.select(reading, writing, [], seconds)
    except ValueError as error:
        # The number is too large for select().
        raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from error
    return (select.POLLIN if readable else 0) | (select.POLLOUT if writable else 0)
