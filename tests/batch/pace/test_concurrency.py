"""The concurrency limit rises quickly, is halved at once by overload, and recovers slowly."""

from collections.abc import Iterable
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.pace.concurrency import AdaptiveSemaphore, ConcurrencyWindow

GOOD, OVERLOADED = False, True


def after(results: Iterable[bool], window: ConcurrencyWindow) -> ConcurrencyWindow:
    return reduce(lambda seen, result: seen.after(overloaded=result), results, window)


def allowed_by_window(results: bool, windows: int, start: ConcurrencyWindow) -> list[int]:
    """Return the permits after each of so many windows."""
    found = []
    for _ in range(windows):
        start = after([results] * start.left, start)
        found.append(start.allowed)
    return found


def test_the_window_begins_with_four_and_doubles_without_overloads() -> None:
    assert [8, 16, 32, 32] == allowed_by_window(GOOD, 4, ConcurrencyWindow.first(32))


@pytest.mark.parametrize("maximum", [33, 64, 100, 1000, 1001, 1024])
def test_a_wide_run_reaches_its_width_after_three_windows_at_most(maximum: int) -> None:
    first = ConcurrencyWindow.first(maximum)
    assert maximum == allowed_by_window(GOOD, 3, first)[-1]
    assert maximum / 8 <= first.allowed < maximum / 8 + 1


@pytest.mark.parametrize("windows", [0, 1, 2])
def test_one_overload_before_the_width_is_reached_halves_it_and_ends_the_doubling(windows: int) -> None:
    rising = after([GOOD] * (125 * (2**windows - 1)), ConcurrencyWindow.first(1000))
    halved = rising.after(overloaded=True)
    assert 125 * 2**windows == rising.allowed
    assert rising.allowed // 2 == halved.allowed
    assert [halved.allowed, halved.allowed + 62] == allowed_by_window(GOOD, 2, halved)


def test_each_good_result_of_slow_start_makes_place_for_one_more_so_that_no_window_ends_with_a_jump() -> None:
    first = ConcurrencyWindow.first(1000)
    seen = [after([GOOD] * results, first).allowed for results in range(875)]
    assert list(range(125, 1000)) == seen
    assert 1000 == after([GOOD] * 876, first).allowed


def test_a_run_of_any_width_begins_with_no_sudden_jump() -> None:
    assert 128 == ConcurrencyWindow.first(100_000).allowed


def test_the_window_never_begins_above_its_maximum() -> None:
    assert 2 == ConcurrencyWindow.first(2).allowed


def test_one_overload_alone_changes_nothing_at_full_width() -> None:
    window = after([OVERLOADED] + [GOOD] * 31, ConcurrencyWindow(32, 32, 32))
    assert 32 == window.allowed


def test_two_overloads_of_many_results_change_nothing() -> None:
    assert 64 == after([OVERLOADED] * 2 + [GOOD] * 62, ConcurrencyWindow(64, 64, 64)).allowed


def test_overloads_of_a_tenth_of_the_window_halve_it_at_once() -> None:
    assert 10 == after([GOOD] * 8 + [OVERLOADED] * 2, ConcurrencyWindow(20, 20, 20)).allowed


def test_requests_in_flight_at_a_halving_do_not_halve_it_again() -> None:
    halved = after([OVERLOADED] * 4, ConcurrencyWindow(32, 32, 32))
    assert 16 == halved.allowed
    assert 16 == after([OVERLOADED] * 32, halved).allowed
    assert 8 == after([OVERLOADED] * 34, halved).allowed


def test_after_an_overload_the_window_grows_step_by_step() -> None:
    halved = after([OVERLOADED] * 4, ConcurrencyWindow(32, 32, 32))
    assert [16, 18, 20, 22] == allowed_by_window(GOOD, 4, halved)


def test_the_window_never_goes_below_one_and_recovers_from_there() -> None:
    least = after([OVERLOADED] * 1000, ConcurrencyWindow.first(32))
    assert 1 == least.allowed
    assert 32 == after([GOOD] * 1000, least).allowed


def test_the_semaphore_counts_each_result() -> None:
    semaphore = AdaptiveSemaphore(ConcurrencyWindow.first(32))
    for _ in range(4):
        semaphore.finished(overloaded=False)
    assert 8 == semaphore.window.allowed


@given(st.integers(1, 500), st.lists(st.booleans(), max_size=2000))
def test_the_window_stays_between_one_and_its_maximum(most: int, results: list[bool]) -> None:
    window = ConcurrencyWindow.first(most)
    for result in results:
        before, window = window, window.after(overloaded=result)
        assert 1 <= window.allowed <= most
        assert window.allowed >= before.allowed // 2


@pytest.mark.slow
@given(st.integers(1, 500), st.lists(st.booleans(), max_size=500))
def test_good_results_bring_the_window_back_after_anything(most: int, results: list[bool]) -> None:
    assert most == after([GOOD] * 20 * most, after(results, ConcurrencyWindow.first(most))).allowed
