"""Runs the simulator for people: alone, with the lines that point a shell at it, or around one command."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmpipe.errors import ExitStatus, Interrupted, UsageError
from mmpipe.text.suggestions import did_you_mean
from mmpipe.unix.signals import handled
from mmpipe.unix.streams import Streams

if TYPE_CHECKING:
    from mmpipe.simulator.profile import Profile

_KEY = "simulated-key"
_LAST_PORT = 65_535
_LONGEST_LATENCY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """What was typed after `mmpipe sim`."""

    command: Sequence[str] = ()
    port: int = 0
    tps: float | None = None
    latency: float = 0.0
    rpm: int | None = None
    fail: Sequence[str] = ()
    dialect: Sequence[str] = ()
    seed: int = 0
    log: str | None = None


def simulate(options: SimulatorOptions, streams: Streams, environment: Mapping[str, str]) -> int:
    """Serve until the command ends, or for ever without one; returns the status to end with.

    A command that died by a signal raises Interrupted, so that we die by it too.
    """
    # aiohttp takes longer to import than everything else together.
    from mmpipe.simulator.server import RunningSimulator

    simulator = RunningSimulator(_profile(options), remember=False)
    with ExitStack() as stack:
        try:
            stack.enter_context(simulator)
        except OSError as error:
            raise UsageError(f"the simulator cannot listen or log: {error.strerror}") from error
        pointing = _environment(simulator.base_url)
        if options.command:
            return _run(options.command, {**environment, **pointing})
        _announce(pointing, streams)
        threading.Event().wait()
    return ExitStatus.OK


def _environment(base_url: str) -> dict[str, str]:
    """Both pairs of names, so that the official samples find it, and mmpipe does not find a real key instead."""
    return {
        f"{service}_{name}": value
        for name, value in (("BASE_URL", base_url), ("API_KEY", _KEY))
        for service in ("MINIMAX", "OPENAI")
    }


def _announce(pointing: Mapping[str, str], streams: Streams) -> None:
    for name in ("BASE_URL", "API_KEY"):
        pairs = " ".join(
            f"{variable}={value}" for variable, value in pointing.items() if variable.endswith(name)
        )
        streams.stdout.write(f"export {pairs}\n".encode())


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    with _forwarding() as forward_to:
        try:
            # Descriptors that the user opened for the command (3> file) are the command's.
            child = subprocess.Popen(command, env=environment, close_fds=False)
        except OSError as error:
            raise UsageError(f"cannot run {command[0]}: {error.strerror}") from error
        forward_to(child)
        status = child.wait()
    if status < 0:
        raise Interrupted(-status)
    return status


@contextmanager
def _forwarding() -> Iterator[Callable[["subprocess.Popen[bytes]"], None]]:
    """Hand signals on to a child in place of heeding them; also those that come before there is one."""
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, _: object = None) -> None:
        if not children:
            early.append(number)
        elif number == signal.SIGTERM or not _in_foreground():
            children[0].send_signal(number)

    def forward_to(child: "subprocess.Popen[bytes]") -> None:
        children.append(child)
        for number in early:
            forward(number)

    with handled(forward):
        yield forward_to


def _in_foreground() -> bool:
    """Whether a terminal sends its interrupts and hang-ups to us, and so to the command too: twice would be in earnest."""
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


def _profile(options: SimulatorOptions) -> "Profile":
    from mmpipe.simulator.dialects import Dialect
    from mmpipe.simulator.faults import FaultSpecError, parse_fault
    from mmpipe.simulator.profile import Profile

    unknown = sorted(set(options.dialect) - set(Dialect))
    if unknown:
        raise UsageError(
            f"--dialect {unknown[0]}: it must be one of {', '.join(Dialect)}{did_you_mean(unknown[0], Dialect)}"
        )
    if not 0 <= options.port <= _LAST_PORT:
        raise UsageError(f"--port is {options.port}: it must be from 0 to {_LAST_PORT}")
    # The comparisons are such that not-a-number fails them.
    if not 0 <= options.latency < _LONGEST_LATENCY:
        raise UsageError(f"--latency is {options.latency}: it must be 0 or more, in seconds")
    for name, value in (("--tps", options.tps), ("--rpm", options.rpm)):
        if value is not None and not value > 0:
            raise UsageError(f"{name} is {value}: it must be above 0")
    try:
        faults = tuple(parse_fault(spec) for spec in options.fail)
    except FaultSpecError as error:
        raise UsageError(f"--fail: {error}") from error
    return Profile(
        port=options.port,
        tps=options.tps,
        latency=options.latency,
        rpm=options.rpm,
        faults=faults,
        dialects=frozenset(map(Dialect, options.dialect)),
        seed=options.seed,
        log=None if options.log is None else Path(options.log),
    )
