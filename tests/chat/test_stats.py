"""The statistics of an answer: attempts, times, usage and cost, and how it ended."""

import json
import signal
from pathlib import Path

import pytest

from mmpipe.chat.stats import AnswerStats
from mmpipe.core.events import Event, Start, Stop, Text, Thinking, Usage
from mmpipe.core.reply import Reply
from mmpipe.errors import Interrupted, OutputError, PipeClosed, ServerError
from mmpipe.writers.meta import open_meta
from support.harness import eventually

FIRST: list[Event] = [Start("1", "MiniMax-M2.7", "trace"), Usage(1000, 500, 1500), Stop("tool_calls", {})]
SECOND: list[Event] = [Start("2", "MiniMax-M2.7"), Text("56"), Usage(2000, 100, 2100), Stop("stop", {})]
FREE: list[Event] = [Start("3", "a model of nobody"), Usage(1, 1, 2), Stop("stop", {})]


def reply(events: list[Event]) -> Reply:
    found = Reply()
    for event in events:
        found.add(event)
    return found


def stats(*turns: list[Event]) -> AnswerStats:
    """The statistics after these turns, of one attempt each."""
    found = AnswerStats()
    for events in turns:
        found.begin_attempt()
        assert events == list(found.timed(events))
        found.end_turn(reply(events))
    return found


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_attempts_are_counted_and_share_one_time() -> None:
    kept = AnswerStats()
    assert (0, None, 0) == (kept.attempts().count, kept.attempts().first_byte_ms, kept.attempts().elapsed_ms)
    kept.begin_attempt()
    assert 1 == kept.attempts().count
    eventually(lambda: kept.attempts().elapsed_ms >= 30, "time goes by")
    kept.begin_attempt()
    assert 30 <= kept.attempts().elapsed_ms < 30_000
    assert 2 == kept.attempts().count


@pytest.mark.parametrize("piece", [Text("5"), Thinking("hm")])
def test_the_first_byte_is_the_first_thinking_or_text(piece: Event) -> None:
    kept = AnswerStats()
    kept.begin_attempt()
    list(kept.timed([Start("1", "M"), Usage(1, 1, 2)]))
    assert None is kept.attempts().first_byte_ms
    eventually(lambda: kept.attempts().elapsed_ms >= 10, "time goes by")
    list(kept.timed([piece]))
    first = kept.attempts().first_byte_ms
    assert first is not None
    assert 10 <= first <= kept.attempts().elapsed_ms
    eventually(lambda: kept.attempts().elapsed_ms >= first + 10, "time goes by")
    list(kept.timed([Text("6")]))
    assert first == kept.attempts().first_byte_ms


def test_the_record_counts_the_attempts_that_failed() -> None:
    kept = AnswerStats()
    kept.begin_attempt()
    kept.begin_attempt()
    record = kept.record(reply(SECOND), with_thinking=False)
    assert ("2", "56", 2) == tuple(record[name] for name in ("id", "content", "attempts"))


def test_the_record_has_the_cost_of_all_turns() -> None:
    kept = stats(FIRST)
    record = kept.record(reply(SECOND), with_thinking=False)
    assert pytest.approx(paid(FIRST) + paid(SECOND)) == record["cost"]


def test_the_line_describes_the_last_turn_and_adds_up_all() -> None:
    line = stats(FIRST, SECOND).meta(0)
    times = {name: line.pop(name) for name in ("first_byte_ms", "elapsed_ms")}
    assert all(isinstance(value, int) for value in times.values())
    usage = {"prompt_tokens": 3000, "completion_tokens": 600, "total_tokens": 3600}
    assert {
        "id": "2",
        "model": "MiniMax-M2.7",
        "finish_reason": "stop",
        "usage": usage | {"reasoning_tokens": None, "cached_tokens": None},
        "cost": pytest.approx(paid(FIRST) + paid(SECOND)),
        "turns": 2,
        "attempts": 2,
        "request_id": None,
        "exit_status": 0,
        "error": None,
    } == line


def paid(events: list[Event]) -> float:
    cost = stats(events).meta(0)["cost"]
    assert isinstance(cost, float)
    assert cost > 0
    return cost


def test_the_record_has_the_usage_of_all_turns() -> None:
    usage = stats(FIRST).record(reply(SECOND), with_thinking=True)["usage"]
    assert isinstance(usage, dict)
    assert (3000, 600, 3600) == tuple(usage.values())[:3]


@pytest.mark.parametrize("turns", [[FREE], [FIRST, FREE], [FREE, FIRST]])
def test_an_unknown_cost_of_one_turn_makes_the_sum_unknown(turns: list[list[Event]]) -> None:
    assert None is stats(*turns).meta(0)["cost"]


def test_a_turn_that_failed_before_any_output_costs_nothing_and_the_previous_turn_is_reported() -> None:
    line = stats(FIRST, []).meta(7, ServerError("down", request_id="other"))
    assert ("1", "tool_calls", "trace", 2) == tuple(
        line[name] for name in ("id", "finish_reason", "request_id", "turns")
    )
    assert paid(FIRST) == line["cost"]


def test_without_an_answer_the_trace_id_is_that_of_the_error_and_there_is_no_cost() -> None:
    line = stats([]).meta(7, ServerError("down", request_id="trace"))
    assert ("trace", 7, None, None, None) == tuple(
        line[name] for name in ("request_id", "exit_status", "id", "model", "cost")
    )
    error = line["error"]
    assert isinstance(error, dict)
    assert "down" == error["message"]
    assert None is stats([]).meta(0)["request_id"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ServerError("down"), 7),
        (PipeClosed(), 128 + signal.SIGPIPE),
        (Interrupted(signal.SIGTERM), 128 + signal.SIGTERM),
        (Interrupted(signal.SIGINT), 128 + signal.SIGINT),
        (ValueError("a bug"), 1),
    ],
)
def test_every_end_of_a_run_writes_a_line_with_its_status_and_keeps_its_error(
    error: BaseException, status: int, tmp_path: Path
) -> None:
    path = tmp_path / "meta"
    with pytest.raises(type(error)) as caught, open_meta(str(path), AnswerStats().meta):
        raise error
    assert error is caught.value
    [line] = lines(path)
    assert status == line["exit_status"]
    assert isinstance(error, ServerError) == (line["error"] is not None)


def test_lines_are_appended_to_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "meta"
    path.write_text('{"old":1}\n')
    with open_meta(str(path), lambda status, error: {"status": status, "error": error}) as tell:
        tell({"note": 1})
        assert [{"old": 1}, {"note": 1}] == lines(path)
    assert {"status": 0, "error": None} == lines(path)[-1]


def test_other_lines_are_appended_at_once_and_the_statistics_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "meta"
    with open_meta(str(path), AnswerStats().meta) as report:
        report({"note": 1})
        assert [{"note": 1}] == lines(path)
    assert 0 == lines(path)[-1]["exit_status"]


def test_without_a_file_nothing_is_written_and_errors_pass_on() -> None:
    with open_meta(None, AnswerStats().meta) as report:
        report({"note": 1})
    with pytest.raises(ServerError, match="down"), open_meta(None, AnswerStats().meta):
        raise ServerError("down")


def test_a_file_that_cannot_be_written_is_an_error_unless_there_was_another() -> None:
    with pytest.raises(OutputError, match="/dev/full"), open_meta("/dev/full", AnswerStats().meta):
        pass
    with pytest.raises(ServerError, match="down"), open_meta("/dev/full", AnswerStats().meta):
        raise ServerError("down")
