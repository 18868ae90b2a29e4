"""Sees to it that a process may have as many connections as it wants."""

import resource

_OWN = 64  # descriptors that are no connections: files, streams, what libraries open


def connection_capacity(wanted: int) -> int:
    """How many of `wanted` connections can be open at once, with the soft limit raised as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if wanted + _OWN > soft:
        # No further than needed: some programs that we start go through all that are allowed.
        soft = wanted + _OWN if hard == resource.RLIM_INFINITY else min(hard, wanted + _OWN)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(wanted, soft - _OWN))
