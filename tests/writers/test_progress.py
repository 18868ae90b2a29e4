"""Progress is visible on a terminal and in a log, and disturbs no other output."""

import os
import re
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.console import Console
from mmpipe.writers.figures import format_columns, format_dollars, format_sentence
from mmpipe.writers.options import ProgressMode, Verbosity
from mmpipe.writers.progress import BarProgress, NoProgress, PlainProgress, choose_progress
from mmpipe.writers.snapshot import RecentSnapshots, Snapshot
from support.terminals import Terminal

TERM = {"TERM": "xterm-256color"}
QUIET = Verbosity(quiet=True)
SGR = re.compile("\x1b\\[[0-9;]*m")
# All that the bar moves the cursor with.
MOVES = re.compile("\r|\x1b\\[J")
EARLIER = Snapshot(done=217, tokens=900, seconds=10.0)
NOW = Snapshot(
    done=1200,
    failed=3,
    retried=12,
    in_flight=32,
    total=5000,
    tokens=43000,
    cost=0.42,
    seconds=20.0,
)

counts = st.integers(0, 10**12)
snapshots = st.builds(
    Snapshot,
    done=counts,
    failed=counts,
    retried=counts,
    in_flight=counts,
    skipped=counts,
    total=st.none() | counts,
    tokens=counts,
    cost=st.none() | st.floats(0, 1e12),
    seconds=st.floats(0, 1e9),
)


@contextmanager
def terminal(*, width: int = 80) -> Iterator[tuple[Terminal, Streams]]:
    """Open a real terminal, and streams with stderr on it."""
    with Terminal() as screen:
        termios.tcsetwinsize(screen.slave, (24, width))
        output = Output(screen.slave, "standard error", is_terminal=True)
        yield screen, replace(Streams.fake(), stderr=output)


def rows(written: bytes, *, width: int = 80) -> list[str]:
    """Return the lines of the terminal after all writes; fails for a line that is too long, or an unknown movement."""
    shown, column = [""], 0
    for piece in re.findall("\r|\n|\x1b\\[J|[^\r\n\x1b]+|\x1b.*", SGR.sub("", written.decode())):
        match piece:
            case "\r":
                column = 0
            case "\n":
                shown.append("")
            case "\x1b[J":
                shown[-1] = shown[-1][:column]
            case _:
                assert piece.isprintable()
                shown[-1] = shown[-1][:column].ljust(column) + piece + shown[-1][column + len(piece) :]
                column += len(piece)
                assert column < width
    return shown


@pytest.mark.parametrize(
    ("expected", "now"),
    [
        (
            "1,200 of 5,000 done, 3 failed, 12 retried, 32 in flight, 98.3 requests/s, 4,210 tokens/s, $0.42, about 39 s left",
            NOW,
        ),
        (
            "1,200 done, 3 failed, 12 retried, 32 in flight, 98.3 requests/s, 4,210 tokens/s, $0.42",
            replace(NOW, total=None),
        ),
        (
            "1,200 of 5,000 done, 3 failed, 12 retried, 32 in flight, 98.3 requests/s, 4,210 tokens/s, about 39 s left",
            replace(NOW, cost=None),
        ),
        (
            "4,200 of 5,000 done (3,000 before), 3 failed, 12 retried, 32 in flight, 98.3 requests/s, 4,210 tokens/s, $0.42, about 9 s left",
            replace(NOW, skipped=3000),
        ),
        (
            "1,200 of 1,200 done, 3 failed, 12 retried, 0 in flight, 98.3 requests/s, 4,210 tokens/s, $0.42",
            replace(NOW, total=1200, in_flight=0),
        ),
        (
            "217 of 5,000 done, 0 failed, 0 retried, 1 in flight, 0 requests/s, 0 tokens/s",
            replace(EARLIER, total=5000, in_flight=1, seconds=25),
        ),
        (
            "218 of 300 done, 0 failed, 0 retried, 0 in flight, 0.10 requests/s, 0 tokens/s, about 14 min left",
            replace(EARLIER, done=218, total=300, seconds=20),
        ),
        ("217 done, 0 failed, 0 retried, 0 in flight", EARLIER),
    ],
    ids=["all", "pipe", "no price", "resumed", "at the end", "held up", "slow", "no time passed"],
)
def test_the_sentence_has_all_known_figures_and_no_other(expected: str, now: Snapshot) -> None:
    assert expected == format_sentence(now, EARLIER)


@pytest.mark.parametrize(
    ("expected", "to_come"),
    [
        ("about 1 s", 1),
        ("about 1 s", 10),
        ("about 119 s", 1190),
        ("about 2 min", 1200),
        ("about 2.0 h", 72000),
        ("about 2.0 days", 1728000),
        ("about 1,157.4 days", 10**9),
    ],
)
def test_the_time_left_is_in_a_suitable_unit(expected: str, to_come: int) -> None:
    now = Snapshot(done=100, total=100 + to_come, seconds=10)
    assert f"{expected} left" == format_sentence(now, Snapshot()).split(", ")[-1]


@pytest.mark.parametrize(
    ("expected", "amount"),
    [
        ("$0.00", 0),
        ("$0.0042", 0.0042),
        ("$0.056", 0.056),
        ("$0.10", 0.0999),
        ("$0.42", 0.42),
        ("$1.23", 1.2345),
        ("$1,234.50", 1234.5),
        ("$0.000003", 0.000003),
    ],
)
def test_money_has_the_digits_that_say_something(expected: str, amount: float) -> None:
    assert expected == format_dollars(amount)


@given(
    st.lists(st.tuples(st.floats(0, 60), st.integers(0, 200)), max_size=60),
    st.integers(0, 100),
    st.booleans(),
)
def test_a_pace_is_of_the_last_seconds_and_of_enough_records(
    steps: Sequence[tuple[float, int]], in_flight: int, often: bool
) -> None:
    recent, now, seen = RecentSnapshots(), Snapshot(in_flight=in_flight), [Snapshot()]
    for seconds, done in steps:
        now = replace(now, seconds=now.seconds + seconds / (40 if often else 1), done=now.done + done)
        since = recent.add(now)
        assert since in seen
        old = [then for then in seen if _is_old_enough(then, now)]
        # One a second is remembered.
        newest = max((then.seconds for then in old), default=0)
        assert newest - 1 <= since.seconds <= newest
        seen.append(now)


def _is_old_enough(then: Snapshot, now: Snapshot) -> bool:
    return now.seconds - then.seconds >= 15 and now.done - then.done >= max(20, 2 * now.in_flight)


def test_a_run_that_hangs_for_hours_is_not_remembered_for_ever() -> None:
    recent = RecentSnapshots()
    oldest = [recent.add(Snapshot(seconds=float(second))).seconds for second in range(10000)][-1]
    assert 10000 - 601 <= oldest


@given(snapshots, snapshots, st.integers(-1, 300), st.booleans())
def test_no_bar_is_longer_than_its_room_or_steers_the_terminal(
    now: Snapshot, since: Snapshot, room: int, coloured: bool
) -> None:
    with terminal(width=room + 2) as (screen, streams):
        bar = BarProgress(streams.stderr, TERM if coloured else {**TERM, "NO_COLOR": "1"})
        bar.show(since)
        bar.show(replace(now, seconds=since.seconds + 1 + now.seconds))
    for line in MOVES.split(screen.seen().decode()):
        assert len(SGR.sub("", line)) <= max(0, room + 1)
        assert SGR.sub("", line).isprintable()
        assert coloured or not SGR.search(line)


@pytest.mark.parametrize(
    ("expected", "width"),
    [
        ("", 5),
        ("1,200/5,000", 20),
        ("1,200/5,000      3 failed", 30),
        ("1,200/5,000      3 failed     64 s left", 40),
        ("━━         1,200/5,000      3 failed  $0.4200     64 s left", 60),
        ("━━━             24 %  1,200/5,000      3 failed   60.0/s  $0.4200     64 s left", 80),
        (
            "━━━━━                    24 %  1,200/5,000      3 failed     12 retried    32 in flight   60.0/s  $0.4200     64 s left",
            120,
        ),
        (
            "━━━━━━                       24 %  1,200/5,000      3 failed     12 retried    32 in flight   60.0/s   2150 tokens/s  $0.4200     64 s left",
            140,
        ),
    ],
    ids=["nothing", "count", "no bar", "40", "60", "80", "120", "140"],
)
def test_a_narrow_terminal_drops_the_least_important_columns(expected: str, width: int) -> None:
    with terminal(width=width) as (screen, streams):
        BarProgress(streams.stderr, {**TERM, "NO_COLOR": "1"}).show(NOW)
    assert expected == rows(screen.seen(), width=width)[0]


@given(snapshots, snapshots, st.none() | st.integers(0, 10**9))
def test_no_column_moves_while_the_figures_grow(
    earlier: Snapshot, later: Snapshot, total: int | None
) -> None:
    widths = set()
    for shown in (earlier, later):
        done = shown.done % (10**7 if total is None else total + 1)
        now = replace(shown, done=done, skipped=0, total=total, in_flight=shown.in_flight % 10**4)
        columns = format_columns(replace(now, seconds=1 + now.seconds), Snapshot())
        widths.add(tuple((name, len(text)) for name, text in columns.items()))
    assert 1 == len(widths)


def test_failures_are_red_as_soon_as_there_are_some() -> None:
    for failed, style in ((0, "2"), (3, "1;31")):
        streams = Streams.fake(terminals="stderr")
        BarProgress(streams.stderr, TERM).show(replace(NOW, failed=failed))
        assert f"\x1b[{style}m    {failed} failed\x1b[0m" in streams.captured()[1].decode()


@pytest.mark.parametrize(
    ("expected", "done"), [("  0 %", 49), (" 99 %", 4999), ("100 %", 5000), ("100 %", 6000)]
)
def test_a_hundred_per_cent_is_when_nothing_is_left(expected: str, done: int) -> None:
    assert expected == format_columns(Snapshot(done=done - 9, skipped=9, total=5000), Snapshot())["percent"]


def test_an_input_without_records_is_done_from_the_beginning() -> None:
    assert "100 %" == format_columns(Snapshot(total=0), Snapshot())["percent"]


def test_an_unknown_cost_is_not_shown_as_nothing() -> None:
    assert ["     $?", "$0.0000"] == [
        format_columns(Snapshot(cost=cost), Snapshot())["cost"] for cost in (None, 0.0)
    ]


def test_the_terminal_is_measured_at_each_draw_and_not_believed_to_be_as_wide_as_columns_says() -> None:
    with terminal(width=120) as (screen, streams):
        bar = BarProgress(streams.stderr, {**TERM, "COLUMNS": "120", "NO_COLOR": "1"})
        bar.show(EARLIER)
        termios.tcsetwinsize(screen.slave, (24, 30))
        bar.show(replace(NOW, failed=0))
    # What a terminal has made of the longer line, in two rows, is erased below the cursor.
    assert screen.seen().decode().endswith("\r\r1,200/5,000      0 failed\x1b[J\r")


def test_a_bar_without_a_total_moves_and_claims_nothing() -> None:
    for environment in (TERM, {**TERM, "NO_COLOR": "1"}):
        with terminal() as (screen, streams):
            bar = BarProgress(streams.stderr, environment)
            for tenths in range(0, 30, 3):
                bar.show(Snapshot(done=7, seconds=tenths / 10))
        drawn = [line for line in MOVES.split(screen.seen().decode()) if line]
        assert len({line.split("  7 done")[0] for line in drawn}) > 3
        assert not [line for line in drawn if "%" in line or "left" in line or "/7" in line]


def test_a_bar_is_drawn_five_times_a_second_at_most() -> None:
    streams = Streams.fake(terminals="stderr")
    bar = BarProgress(streams.stderr, TERM)
    for hundredths in range(200):
        bar.show(replace(NOW, seconds=hundredths / 100))
    assert 10 == streams.captured()[1].count(b"1,200/5,000")


def test_a_warning_stands_on_a_line_of_its_own_and_a_cleared_bar_leaves_nothing() -> None:
    with terminal() as (screen, streams):
        with Console(streams, Verbosity(), TERM) as console:
            bar = choose_progress("auto", streams, TERM, Verbosity())
            console.attach(bar)
            bar.show(EARLIER)
            console.warn("look here")
            bar.show(NOW)
            bar.show(replace(NOW, seconds=21))
        bar.clear()
    written = screen.seen()
    assert ["mmpipe: warning: look here", ""] == rows(written)
    assert written.index(b"217") < written.index(b"look here") < written.index(b"1,200/5,000")
    assert {"J", "m"} == set(re.findall("\x1b\\[[^a-zA-Z]*([a-zA-Z])", written.decode()))


def test_a_console_with_a_bar_draws_no_spinner_beside_it() -> None:
    streams = Streams.fake(terminals="stderr")
    with Console(streams, Verbosity(), TERM) as console:
        console.tick()
        console.attach(NoProgress())
        cleared = streams.captured()
        console.tick()
    assert cleared == streams.captured()
    assert cleared[1].endswith(b"\r\x1b[K")


def test_a_bar_that_was_not_drawn_is_not_cleared() -> None:
    streams = Streams.fake(terminals="stderr")
    BarProgress(streams.stderr, TERM).clear()
    assert (b"", b"") == streams.captured()


def test_a_suspended_terminal_does_not_block_the_run() -> None:
    with terminal() as (screen, streams):
        bar = BarProgress(streams.stderr, TERM)
        termios.tcflow(screen.slave, termios.TCOOFF)
        bar.show(EARLIER)
        termios.tcflow(screen.slave, termios.TCOON)
        bar.show(NOW)
    written = screen.seen()
    assert (False, True) == (b"217" in written, b"1,200/5,000" in written)


@pytest.mark.parametrize("mode", ["bar", "plain"])
def test_a_stderr_that_went_away_is_no_failure(mode: ProgressMode) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor in (writing, null):
        stderr = Output(descriptor, "standard error", is_terminal=True)
        progress = choose_progress(mode, replace(Streams.fake(), stderr=stderr), TERM, Verbosity())
        progress.show(replace(NOW, seconds=30))
        progress.clear()
        assert 0 == stderr.written
        os.close(descriptor)
        progress.show(replace(NOW, seconds=60))
        progress.clear()


def test_plain_lines_come_every_half_minute() -> None:
    streams = Streams.fake()
    plain = PlainProgress(streams.report)
    for second in range(100):
        plain.show(Snapshot(done=10 * second, total=1000, seconds=float(second)))
        plain.clear()
    assert [
        "mmpipe: 300 of 1,000 done, 0 failed, 0 retried, 0 in flight, 10.0 requests/s, 0 tokens/s, about 70 s left",
        "mmpipe: 600 of 1,000 done, 0 failed, 0 retried, 0 in flight, 10.0 requests/s, 0 tokens/s, about 40 s left",
        "mmpipe: 900 of 1,000 done, 0 failed, 0 retried, 0 in flight, 10.0 requests/s, 0 tokens/s, about 10 s left",
    ] == streams.captured()[1].decode().splitlines()


@pytest.mark.parametrize(
    ("expected", "mode", "terminals", "environment", "verbosity"),
    [
        (BarProgress, "auto", "stderr", TERM, Verbosity()),
        (NoProgress, "auto", "stderr", TERM, QUIET),
        (NoProgress, "auto", "stderr", {"TERM": "dumb"}, Verbosity()),
        (NoProgress, "auto", "stderr", {}, Verbosity()),
        (NoProgress, "auto", "stdin stdout", TERM, Verbosity()),
        (BarProgress, "bar", "stderr", {}, QUIET),
        (PlainProgress, "bar", "stdout", TERM, Verbosity()),
        (PlainProgress, "plain", "stderr", TERM, QUIET),
        (NoProgress, "none", "stderr", TERM, Verbosity()),
    ],
)
def test_a_bar_is_for_terminals_and_a_log_gets_what_was_asked_for(
    expected: type, mode: ProgressMode, terminals: str, environment: dict[str, str], verbosity: Verbosity
) -> None:
    assert expected is type(choose_progress(mode, Streams.fake(terminals=terminals), environment, verbosity))


def test_no_progress_says_nothing() -> None:
    streams = Streams.fake(terminals="stderr")
    progress = choose_progress("none", streams, TERM, Verbosity())
    progress.show(replace(NOW, seconds=60))
    progress.clear()
    assert (b"", b"") == streams.captured()


def test_no_progress_loads_rich_which_takes_seconds_on_a_slow_machine() -> None:
    code = f"""
import sys
from mmpipe.unix.streams import Streams
from mmpipe.writers.options import Verbosity
from mmpipe.writers.progress import choose_progress
from mmpipe.writers.snapshot import Snapshot
streams = Streams.fake(terminals="stderr")
choose_progress("bar", streams, {TERM!r}, Verbosity()).show(Snapshot(seconds=60))
print(bool(streams.captured()[1]), "rich" in sys.modules)
"""
    cli = Path(__file__).parents[2] / "cli"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cli)
    assert "True False\n" == done.stdout
