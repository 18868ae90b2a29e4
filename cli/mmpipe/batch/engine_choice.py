"""Chooses where the requests of a run go out: from this process, or from the nodes of a cluster."""

import os
import re
from typing import Final

from mmpipe.api.ask_many import OpenPool, RunSurroundings
from mmpipe.api.options import EngineOptions
from mmpipe.api.pools import find_pool
from mmpipe.batch.pace.concurrency import connection_capacity
from mmpipe.batch.preparation import BatchCall, PreparedCall
from mmpipe.config.elsewhere import resolve_elsewhere
from mmpipe.errors import UsageError

# As `<(command)` of a shell; a process has descriptors of its own under these names.
_DESCRIPTOR: Final = re.compile(r"/dev/(?:fd/[0-9]+|std(?:in|out|err))|/proc/[^/]+/(?:task/[^/]+/)?fd/[0-9]+")


def choose_engine(call: BatchCall, prepared: PreparedCall) -> OpenPool:
    """Return the opener of the pool that the options ask for. Raises UsageError for one that cannot be used."""
    options = call.options
    # A replay asks nobody.
    engine = EngineOptions() if options.recordings.is_replay else options.engine
    if engine.engine == "ray":
        _check_key_file(prepared)
    surroundings = RunSurroundings(
        call.environment,
        options.pace.max_wait,
        resolve_elsewhere(options.service),
        call.console.hint,
        call.console.note,
    )
    return find_pool(engine, surroundings)


def _check_key_file(prepared: PreparedCall) -> None:
    """Raise UsageError for a key file that only this process can read, and not the nodes."""
    key_file = prepared.settings.key_file
    if key_file is None:
        return
    if prepared.inputs.resolve(key_file.path) == "-":
        found = "on standard input"
    elif _DESCRIPTOR.fullmatch(os.path.normpath(key_file.path)):
        found = f"in a descriptor of this process ({key_file})"
    else:
        return
    raise UsageError(
        f"--engine ray: the key is {found}, where the nodes cannot read it",
        hint="name a file, or set api_key_command in the configuration",
    )


def possible_concurrency(call: BatchCall) -> int:
    """Return the most requests at once: each needs a connection of this process, if they go out from here."""
    wanted = call.options.pace.concurrency
    if call.options.engine.engine != "local":
        return wanted
    possible = connection_capacity(wanted)
    if possible < wanted:
        call.console.warn(f"-j {wanted} needs more open files than are allowed (ulimit -n): -j is {possible}")
    return possible
