"""A run ends by itself at its limits of errors and cost, and not before."""

import asyncio

import pytest

from mmpipe.batch.pace.budgets import CostBudget, EndingRules
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.error_limit import ErrorLimit
from mmpipe.errors import Forbidden, MmpipeError, NetworkError, NotRecorded, QuotaError, Rejected, UsageError


@pytest.mark.parametrize(
    ("text", "failed", "done", "ends"),
    [
        ("0", 0, 50, False),
        ("0", 1, 50, True),
        ("10", 10, 10, False),
        ("10", 11, 5000, True),
        ("5%", 1, 1, False),
        ("5%", 1, 20, False),
        ("5%", 2, 20, True),
        ("0.5%", 5, 1000, False),
        ("0.5%", 6, 1000, True),
        ("100%", 500, 500, False),
    ],
)
def test_a_run_ends_beyond_its_error_limit(text: str, failed: int, done: int, ends: bool) -> None:
    excess = ErrorLimit.parse(text).excess(failed, done)
    assert ends is (excess is not None)
    assert excess is None or 14 == excess.status


@pytest.mark.parametrize("text", ["", "many", "-1", "101%", "%", "5%%", "nan%", "1.5", "5%x"])
def test_an_invalid_error_limit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-errors"):
        ErrorLimit.parse(text)


def test_no_request_is_begun_beyond_the_budget() -> None:
    async def spend() -> int:
        budget = CostBudget(1.0, StopSignal())
        for index in range(10):
            await budget.hold(index, 0.3)
            budget.settle(index, 0.3)
        return index

    with pytest.raises(
        QuotaError,
        match=r"--max-cost 1 is reached: the next answer may cost \$0\.3, and \$0\.1 is left; raise",
    ):
        asyncio.run(spend())


def test_held_dollars_that_were_not_used_are_free_for_the_next_request() -> None:
    async def spend() -> None:
        budget = CostBudget(1.0, StopSignal())
        await budget.hold(9, 0.01)
        budget.settle(9, 0.01)
        await budget.hold(8, 0.01)
        budget.settle(8, 0.01)
        await budget.hold(0, 0.9)
        second = asyncio.create_task(budget.hold(1, 0.9))
        await asyncio.sleep(0.01)
        assert not second.done()
        budget.settle(0, 0.05)
        await asyncio.wait_for(second, 60)

    asyncio.run(spend())


def test_an_answer_of_unknown_cost_takes_all_that_was_held_for_it() -> None:
    async def spend() -> None:
        budget = CostBudget(1.0, StopSignal())
        await budget.hold(0, 0.9)
        budget.settle(0, None)
        await budget.hold(1, 0.2)

    with pytest.raises(QuotaError):
        asyncio.run(spend())


def test_few_requests_are_in_flight_until_the_cost_of_answers_is_known() -> None:
    async def spend() -> list[int]:
        budget, inside, most = CostBudget(1000.0, StopSignal()), 0, list[int]()

        async def ask(index: int) -> None:
            nonlocal inside
            await budget.hold(index, 0.01)
            inside += 1
            most.append(inside)
            await asyncio.sleep(0.01)
            inside -= 1
            budget.settle(index, 5.0)

        await asyncio.gather(*map(ask, range(20)))
        return most

    most = asyncio.run(spend())
    assert 1 == most[0] == most[1]
    assert all(inside <= max(1, known) for known, inside in enumerate(most))


def test_nobody_waits_for_the_budget_once_the_run_stops() -> None:
    async def spend() -> None:
        stop = StopSignal()
        budget = CostBudget(1.0, stop)
        await budget.hold(0, 0.9)
        second = asyncio.create_task(budget.hold(1, 0.01))
        await asyncio.sleep(0)
        assert not second.done()
        stop.set()
        await asyncio.wait_for(second, 60)

    asyncio.run(spend())


def results_until_the_end(*errors: MmpipeError | None) -> int | None:
    """The number of results after which the rules stop a run of two requests in flight; None if never."""
    stopped: list[Exception] = []
    rules = EndingRules(None, 2, stopped.append)
    for count, error in enumerate(errors, 1):
        rules.check_reached(error)
        if stopped:
            return count
    return None


def test_network_errors_in_a_row_end_the_run_and_an_answer_between_begins_anew() -> None:
    lost = NetworkError("refused")
    assert 22 == results_until_the_end(*[lost] * 30)
    assert 32 == results_until_the_end(*[lost] * 9, None, *[lost] * 30)
    assert None is results_until_the_end(*[lost, Rejected("no")] * 30)
    assert None is results_until_the_end(*[NotRecorded("no answer")] * 30)


def test_refusals_in_a_row_without_any_answer_end_the_run() -> None:
    blocked = Forbidden("blocked")
    assert 10 == results_until_the_end(*[blocked] * 30)
    assert 15 == results_until_the_end(*[blocked] * 4, Rejected("no"), *[blocked] * 30)
    assert None is results_until_the_end(None, *[blocked] * 30)
    assert None is results_until_the_end(*[blocked] * 9, None, *[blocked] * 30)
    assert None is results_until_the_end(*[blocked, Rejected("no")] * 30)
