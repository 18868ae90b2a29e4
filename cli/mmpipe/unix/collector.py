"""Wakes Python's garbage collector, which sleeps while a process starts."""

import gc


def wake_collector() -> None:
    """Begin to collect garbage, among what is made from now on; does nothing if the collector is awake."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
