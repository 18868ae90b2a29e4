"""`sim`: a local simulator of the API."""

from dataclasses import dataclass
from typing import Annotated

from mmpipe.commands.program import Program
from mmpipe.commands.sections import COMMON
from mmpipe.grammar import Command, Example, Section, argument, option


@dataclass(frozen=True, slots=True)
class Simulation(Section):
    """How the simulator behaves, and what runs against it."""

    title = "Simulator"

    command: Annotated[
        list[str] | None,
        argument("COMMAND", help="Run this against the simulator, and end with its status."),
    ] = None
    port: Annotated[int, option("--port", metavar="PORT", help="Port to listen on [a free one].")] = 0
    tps: Annotated[
        float | None, option("--tps", metavar="N", help="Tokens each second [as fast as possible].")
    ] = None
    latency: Annotated[float, option("--latency", metavar="SECONDS", help="Wait before the first byte.")] = 0
    rpm: Annotated[
        int | None, option("--rpm", metavar="N", help="Refuse more requests a minute (429, 1002).")
    ] = None
    fail: Annotated[
        list[str] | None,
        option(
            "--fail",
            metavar="WHAT[:WHEN]",
            help="Fail with a status, code or kind, as in 500:1/5 or cut:0.02.",
        ),
    ] = None
    dialect: Annotated[
        list[str] | None,
        option("--dialect", metavar="DIALECT", help="A way in which the API has been seen to answer."),
    ] = None
    seed: Annotated[int, option("--seed", metavar="N", help="Seed of the probabilities of --fail [0].")] = 0
    log: Annotated[
        str | None, option("--log", metavar="FILE", help="Append each request as one JSON line.")
    ] = None


def _run_simulator(
    program: Program,
    simulation: Simulation,
) -> int:
    from mmpipe.simulator.run import SimulatorOptions

    chosen = SimulatorOptions(
        command=tuple(simulation.command or ()),
        port=simulation.port,
        tps=simulation.tps,
        latency=simulation.latency,
        rpm=simulation.rpm,
        fail=tuple(simulation.fail or ()),
        dialect=tuple(simulation.dialect or ()),
        seed=simulation.seed,
        log=simulation.log,
    )
    return program.simulate(chosen, program.streams, program.environment)


SIM = Command(
    "sim",
    "Simulate the API on this machine, to try everything without a key.",
    _run_simulator,
    common=COMMON,
    details="""
        WHAT is an HTTP status, a MiniMax code, base_resp-CODE, event-CODE, retry-after=SECONDS,
        retry-after-date=SECONDS, choices-null, cut, cut-at-frame, reset, refuse-late, no-finish, html,
        json-error, empty, hang, hang-mid, hang-end, comments, length, filter, bad-utf8, bad-json, redirect,
        slow, bom or retry-lines. WHEN is a probability, 1/N (every Nth), #N (the Nth) or <N (those before the
        Nth).

        DIALECT is incremental, cumulative, last-frame-message, done, mirrored, leftover-closer, no-opening-tag,
        mm-closer, several-blocks, tag-cut, crlf, call-at-finish, call-cut, no-index or no-usage.

        A prompt that begins with sim: orders an answer: "sim:echo TEXT", "sim:think THINKING|||TEXT", "sim:length N"
        (characters), "sim:chunks N", "sim:empty", or "sim:turns A|||B" (A, and B once the user complained of A).
        If tools are given, "sim:tool NAME JSON" calls one; there may be more such lines, and lines of
        "sim:say TEXT" (said before the calls), "sim:then" (the next round of calls) and, at the end, "sim:again"
        (the last round for ever).
    """,
    examples=(
        Example(
            "mmpipe sim --fail '429:#1' -- mmpipe chat -n -v \"Are you there?\"",
            "The first request meets a rate limit, the second does not.",
        ),
        Example(
            'mmpipe sim --tps 30 --latency 1 -- mmpipe stream -n "Tell me a story."',
            "As slow as the real one.",
        ),
    ),
    takes_command=True,
)
