"""Waits for one descriptor; any number of a descriptor is possible, unlike with select()."""

import math
import select


def wait_until_ready(descriptor: int, events: int, seconds: float | None) -> int:
    """Wait at most `seconds` (None: for ever) for events such as POLLIN; returns those that happened, 0 for none.

    Errors and hang-ups are always among them.
    """
    poll = select.poll()
    poll.register(descriptor, events)
    # Rounded up, so that a short wait does not end before its time.
    happened = poll.poll(None if seconds is None else math.ceil(max(0.0, seconds) * 1000))
    return happened[0][1] if happened else 0
