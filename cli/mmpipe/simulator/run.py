"""Run `mmpipe sim`: serve until stopped, or around one command that is pointed at the simulator."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmpipe.core.host_identity import SIMULATOR_KEY
from mmpipe.errors import ExitStatus, Interrupted, UsageError
from mmpipe.simulator.options import SimulatorOptions
from mmpipe.text.suggestions import join_hints, suggest
from mmpipe.unix.collector import wake_collector
from mmpipe.unix.signals import handle_signals
from mmpipe.unix.streams import Streams

if TYPE_CHECKING:
    from mmpipe.simulator.profile import SimulatorProfile


def simulate(options: SimulatorOptions, streams: Streams, environment: Mapping[str, str]) -> int:
    """Serve until the command ends, or for ever without a command; return the exit status.

    Raises Interrupted if a signal killed the command, so that mmpipe dies by the same signal, and UsageError.
    """
    # aiohttp takes longer to import than all other modules together.
    from mmpipe.simulator.server import RunningSimulator

    wake_collector()
    simulator = RunningSimulator(_profile(options), remember=False)
    with ExitStack() as stack:
        try:
            stack.enter_context(simulator)
        except OSError as error:
            raise UsageError(f"the simulator cannot listen or log: {error.strerror}") from error
        variables = _variables(simulator.base_url)
        if options.command:
            return _run(options.command, {**environment, **variables})
        _print_exports(variables, streams)
        if streams.stdout.is_terminal:
            streams.report("listening: paste these lines in another shell; Ctrl-C ends it")
        threading.Event().wait()
    return ExitStatus.OK


def _variables(base_url: str) -> dict[str, str]:
    """Return both pairs of variables: the official samples find the simulator, and mmpipe finds no real key."""
    return {
        f"{service}_{name}": value
        for name, value in (("BASE_URL", base_url), ("API_KEY", SIMULATOR_KEY))
        for service in ("MINIMAX", "OPENAI")
    }


def _print_exports(variables: Mapping[str, str], streams: Streams) -> None:
    for name in ("BASE_URL", "API_KEY"):
        pairs = " ".join(
            f"{variable}={value}" for variable, value in variables.items() if variable.endswith(name)
        )
        streams.stdout.write(f"export {pairs}\n".encode())


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    with _forward_signals() as forward_to:
        try:
            # The command keeps the descriptors that the user opened for it (3> file).
            child = subprocess.Popen(command, env=environment, close_fds=False)
        except OSError as error:
            raise UsageError(f"cannot run {command[0]}: {error.strerror}") from error
        forward_to(child)
        status = child.wait()
    if status < 0:
        raise Interrupted(-status)
    return status


@contextmanager
def _forward_signals() -> Iterator[Callable[["subprocess.Popen[bytes]"], None]]:
    """Forward signals to a child instead of ending; signals that come before the child are kept for it."""
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, _: object = None) -> None:
        if not children:
            early.append(number)
        elif number == signal.SIGTERM or not _is_in_foreground():
            children[0].send_signal(number)

    def forward_to(child: "subprocess.Popen[bytes]") -> None:
        children.append(child)
        for number in early:
            forward(number)

    with handle_signals(forward):
        yield forward_to


def _is_in_foreground() -> bool:
    """Return True if a terminal signals this process group: the command then gets its signals without us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _profile(options: SimulatorOptions) -> "SimulatorProfile":
    from mmpipe.simulator.dialects import Dialect
    from mmpipe.simulator.faults import FaultSpecError, parse_fault
    from mmpipe.simulator.profile import SimulatorProfile

    unknown = sorted(set(options.dialect) - set(Dialect))
    if unknown:
        raise UsageError(
            f"--dialect {unknown[0]}: there is no such dialect",
            hint=join_hints("`mmpipe sim --help` lists them", suggest(unknown[0], Dialect)),
        )
    try:
        faults = tuple(parse_fault(spec) for spec in options.fail)
    except FaultSpecError as error:
        raise UsageError(f"--fail: {error}", hint=error.hint) from error
    return SimulatorProfile(
        port=options.port,
        tps=options.tps,
        latency=options.latency,
        rpm=options.rpm,
        faults=faults,
        dialects=frozenset(map(Dialect, options.dialect)),
        seed=options.seed,
        log=None if options.log is None else Path(options.log),
    )
