"""`sim`: a local simulator of the API."""

from mmpipe.commands.general_options import GENERAL
from mmpipe.commands.program import Program
from mmpipe.commands.summaries import SUMMARIES
from mmpipe.dataclass import dataclass
from mmpipe.grammar import Command, Example
from mmpipe.simulator.options import SimulatorOptions


@dataclass(frozen=True, slots=True)
class SimOptions:
    """All options of `sim`."""

    simulator: SimulatorOptions = SimulatorOptions()


def _simulate(program: Program, options: SimOptions) -> int:
    from mmpipe.simulator.run import simulate

    return simulate(options.simulator, program.streams, program.environment)


SIM = Command(
    "sim",
    SUMMARIES["sim"],
    SimOptions,
    _simulate,
    common=GENERAL,
    details="""
        WHAT is an HTTP status, a MiniMax code, base_resp-CODE, event-CODE, retry-after=SECONDS,
        retry-after-date=SECONDS, retry-after-ms=MILLISECONDS, choices-null, cut, cut-at-frame, reset, refuse-late,
        no-finish, finish=REASON (error, abort, max_tokens, sensitive ...), length, filter, refusal, blank (no text at
        all), html, json-error, empty, hang, hang-mid, hang-end, comments, bad-utf8, bad-json, redirect, slow, bom or
        retry-lines. Errors with HTTP status 200: error-STATUS, mid-error-STATUS (after some text), overloaded and
        error-field. WHEN is a probability, 1/N (every Nth), #N (the Nth) or <N (those before the Nth).

        DIALECT is a way in which this API answers: incremental, cumulative, last-frame-message, done, mirrored,
        leftover-closer, no-opening-tag, mm-closer, several-blocks, tag-cut, crlf, call-at-finish, call-cut, no-index
        or no-usage. Or it is a way of other servers of these models. Thinking and text: reasoning,
        reasoning-content, reasoning-types, parts, mm-opener. Ends and framing: finish-each, null-reason,
        empty-reason, pings, named-events, usage-in-choice, never-stream, always-stream, gzip, text-plain,
        no-content-type. Calls: same-index, args-object, args-null, args-cumulative, args-repeated,
        args-placeholder, empty-ids, repeated-ids. Errors: detail-errors, text-errors, html-errors.
        Requests: no-key, no-reasoning-split.

        A prompt that begins with sim: chooses its answer: "sim:echo TEXT", "sim:think THINKING|||TEXT", "sim:length N"
        (characters), "sim:chunks N", "sim:empty", or "sim:turns A|||B" (A, then B after the next message). Where a
        framework wraps the prompt, such an order begins a later line or a string inside JSON.
        If tools are given, "sim:tool NAME JSON" calls one; there may be more such lines, and lines of
        "sim:say TEXT" (said before the calls), "sim:then" (the next round of calls) and, at the end, "sim:again"
        (repeat the last round for ever).

        Any other prompt is answered in words. With --schema the answer is JSON that the schema accepts. A prompt that
        names a given tool, as "Multiply 2 by 3." names multiply, gets a call of it.
        Both take numbers and names from the prompt.
    """,
    examples=(
        Example(
            "mmpipe sim --fail '429:#1' -- mmpipe chat -n -v \"Are you there?\"",
            "The first request meets a rate limit, the second does not.",
        ),
        Example(
            'mmpipe sim --tps 30 --latency 1 -- mmpipe stream -n "Tell me a story."',
            "As slow as the real service.",
        ),
    ),
    takes_command=True,
)
