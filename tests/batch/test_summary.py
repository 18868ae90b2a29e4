"""What a run counts: unknown tokens are unknown and never 0, and so is the cost."""

import pytest

from mmpipe.batch.engine import Outcome
from mmpipe.batch.records.records import Record
from mmpipe.batch.summary import RunSummary, TokenTotals
from mmpipe.core.events import Usage
from mmpipe.core.reply import Attempts, Reply, ReplyWarning
from mmpipe.core.request import Request
from mmpipe.errors import MmpipeError, Rejected

RECORD = Record(0, "a", "-", 1, Request("MiniMax-M2.7", ()), "", {})
ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def summary(*usages: Usage | None, error: MmpipeError | None = None) -> RunSummary:
    found = RunSummary()
    for usage in usages:
        reply = Reply(model="MiniMax-M2.7", usage=usage)
        found.count(Outcome(RECORD, reply, Attempts(1), error), reply.cost_at(None))
    return found


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        ((), ZEROS),
        ((Usage(4, 5, 9), Usage(1, 1, 2)), {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}),
        ((None,), dict.fromkeys(ZEROS)),
        ((None, Usage(4, 5, 9)), {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}),
        ((Usage(None, None, 9),), {"prompt_tokens": None, "completion_tokens": None, "total_tokens": 9}),
    ],
)
def test_tokens_that_no_answer_reported_are_null(
    usages: tuple[Usage | None, ...], expected: dict[str, int | None]
) -> None:
    totals = TokenTotals()
    for usage in usages:
        totals.add(usage)
    assert expected == totals.as_json() == summary(*usages).line(0)["usage"]


def test_unknown_tokens_and_their_cost_are_called_unknown() -> None:
    unknown = summary(None)
    assert "tokens unknown" in unknown.sentence()
    assert None is unknown.line(0)["cost"]
    assert None is unknown.snapshot(1, 0).tokens
    assert ", 9 tokens," in summary(Usage(4, 5, 9)).sentence()
    assert ", 0 tokens," in summary().sentence()


def test_a_request_that_was_refused_leaves_no_tokens_unknown() -> None:
    assert ZEROS == summary(None, error=Rejected("no")).line(0)["usage"]


def test_failures_are_counted_by_their_cause() -> None:
    found = RunSummary()
    for cause in (None, "server", "quota", "server"):
        found.settle(cause)
    assert "1 good, 3 failed (2 server, 1 quota), " in found.sentence()
    assert ({"server": 2, "quota": 1}, 3) == (found.line(14)["causes"], found.line(14)["failed"])
    assert "0 good, 0 failed, " in RunSummary().sentence()


def test_the_cost_of_earlier_runs_is_added_up_beside_that_of_this_one() -> None:
    found = summary(Usage(1_000_000, 1_000_000, 2_000_000))
    assert "in all runs" not in found.sentence()
    found.earlier_cost = 0.5
    assert "$1.5, $2 in all runs" in found.sentence()
    assert (1.5, 0.5) == (found.line(0)["cost"], found.line(0)["earlier_cost"])


def test_odd_answers_are_counted_in_the_sentence() -> None:
    found = summary(Usage(4, 5, 9))
    found.warned[ReplyWarning.THINKING_ALONE] += 2
    assert "2 without text, 9 tokens" in found.sentence()
