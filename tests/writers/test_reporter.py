"""An error is one line in a pipe; on a terminal it has colour, and its hint stands on a line of its own."""

import pytest

from mmpipe.errors import MmpipeError, QuotaError, ServerError, UsageError
from mmpipe.unix.streams import Streams
from mmpipe.writers.reporter import Reporter

TERM = {"TERM": "xterm"}
LIMITED = QuotaError(
    "HTTP 429: too fast", hint="send requests less often", request_id="0640", retry_after=30.0
)
ONE_LINE = "mmpipe: quota: HTTP 429: too fast; send requests less often; retry in 30 s (trace 0640)\n"


def reported(error: MmpipeError, environment: dict[str, str], terminals: str = "stderr") -> str:
    streams = Streams.fake(terminals=terminals)
    Reporter(streams, environment).report_error(error)
    return streams.captured()[1].decode()


@pytest.mark.parametrize(
    ("terminals", "environment"),
    [("", TERM), ("stdout", TERM), ("stderr", {"TERM": "dumb"}), ("stderr", {})],
    ids=["pipe", "another terminal", "dumb", "no TERM"],
)
def test_an_error_is_one_line_in_a_pipe_and_on_a_dumb_terminal(
    terminals: str, environment: dict[str, str]
) -> None:
    assert ONE_LINE == reported(LIMITED, environment, terminals)


def test_on_a_terminal_the_kind_is_red_the_hint_has_its_line_and_the_trace_is_dim() -> None:
    assert (
        "mmpipe: \x1b[1;31merror[quota]:\x1b[0m HTTP 429: too fast \x1b[2m(trace 0640)\x1b[0m\n"
        "  \x1b[36mhint:\x1b[0m send requests less often; retry in 30 s\n"
    ) == reported(LIMITED, TERM)


def test_without_colour_a_terminal_gets_the_same_lines() -> None:
    assert (
        "mmpipe: error[quota]: HTTP 429: too fast (trace 0640)\n"
        "  hint: send requests less often; retry in 30 s\n"
    ) == reported(LIMITED, {**TERM, "NO_COLOR": "1"})


@pytest.mark.parametrize(
    ("hint", "wait", "line"),
    [
        ("", None, ""),
        ("", 5.0, "  hint: retry in 5 s\n"),
        ("retry later", 5.0, "  hint: retry in 5 s\n"),
        ("try the other one; retry later", 5.0, "  hint: try the other one; retry in 5 s\n"),
        ("shorten it, or retry later", 5.0, "  hint: shorten it, or retry later; retry in 5 s\n"),
        ("retry later", None, "  hint: retry later\n"),
    ],
)
def test_a_known_time_stands_for_later(hint: str, wait: float | None, line: str) -> None:
    error = ServerError("it failed", hint=hint, retry_after=wait)
    assert f"mmpipe: error[server]: it failed\n{line}" == reported(error, {**TERM, "NO_COLOR": "1"})
    in_pipe = line.removeprefix("  hint:").rstrip()
    assert f"mmpipe: server: it failed{f';{in_pipe}' if line else ''}\n" == reported(error, TERM, "")


def test_no_word_from_outside_reaches_a_terminal_as_a_control_or_as_a_line() -> None:
    hostile = "a\x1b[2J\x9b\u202e\nb"
    error = UsageError(hostile, hint=hostile, request_id=hostile)
    shown = "a␛[2J<U+009B><U+202E> b"
    assert f"mmpipe: error[usage]: {shown} (trace {shown})\n  hint: {shown}\n" == reported(
        error, {**TERM, "NO_COLOR": "1"}
    )


def test_a_long_line_is_left_to_the_terminal_so_that_what_is_copied_stays_whole() -> None:
    lines = reported(UsageError("word " * 60, hint="`mmpipe chat` " * 20), {**TERM, "COLUMNS": "40"})
    assert 2 == lines.count("\n")
