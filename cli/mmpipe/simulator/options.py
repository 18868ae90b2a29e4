"""Options of the simulator."""

from typing import Annotated

from mmpipe.dataclass import dataclass
from mmpipe.grammar import OptionGroup, argument, option


@dataclass(frozen=True, slots=True)
class SimulatorOptions(OptionGroup):
    """The behaviour of the simulator, and the command that runs against it."""

    title = "Simulator"

    command: Annotated[
        tuple[str, ...],
        argument("COMMAND", help="Run this against the simulator, and end with its status."),
    ] = ()
    port: Annotated[
        int,
        option("--port", metavar="PORT", at_least=0, at_most=65535, help="Port to listen on [a free one]."),
    ] = 0
    tps: Annotated[
        float | None,
        option("--tps", metavar="N", above=0, help="Tokens each second [as fast as possible]."),
    ] = None
    latency: Annotated[
        float,
        option(
            "--latency", metavar="DURATION", at_least=0, at_most=86400, help="Wait before the first byte."
        ),
    ] = 0.0
    rpm: Annotated[
        int | None,
        option("--rpm", metavar="N", above=0, help="Refuse more requests a minute (429, 1002)."),
    ] = None
    fail: Annotated[
        tuple[str, ...],
        option(
            "--fail",
            metavar="WHAT[:WHEN]",
            help="Fail with a status, code or kind, as in 500:1/5 or cut:0.02.",
        ),
    ] = ()
    dialect: Annotated[
        tuple[str, ...],
        option("--dialect", metavar="DIALECT", help="A way in which this API, or another server, answers."),
    ] = ()
    seed: Annotated[
        int, option("--seed", metavar="N", help="Seed of the probabilities of --fail [{default}].")
    ] = 0
    log: Annotated[
        str | None, option("--log", metavar="FILE", help="Append each request as one JSON line.")
    ] = None
