"""A fault is read from one short word, strikes when it says, and a slip is explained in a sentence."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.simulator.faults import Fault, FaultKind, FaultSchedule, FaultSpecError, parse_fault

# A busy machine is no failure, and what was found is told, not kept.
CALM = settings(deadline=None, database=None)


@pytest.mark.parametrize(
    ("spec", "kind", "number"),
    [
        ("429", FaultKind.STATUS, 429),
        ("529", FaultKind.STATUS, 529),
        ("2056", FaultKind.CODE, 2056),
        ("base_resp-1008", FaultKind.BASE_RESP, 1008),
        ("event-1027", FaultKind.EVENT, 1027),
        ("retry-after=7", FaultKind.RETRY_AFTER, 7),
        ("retry-after-date=7", FaultKind.RETRY_AFTER_DATE, 7),
        *(
            (kind.value, kind, 0)
            for kind in FaultKind
            if kind.value.islower() and kind not in set(list(FaultKind)[2:6])
        ),
    ],
)
def test_every_fault_has_its_word(spec: str, kind: FaultKind, number: int) -> None:
    assert parse_fault(spec) == Fault(spec, kind, number)
    assert parse_fault(f"{spec}:#2") == Fault(spec, kind, number, FaultSchedule(only=2))


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
        (":1/3", [3, 6]),
        (":#3", [3]),
        (":<3", [1, 2]),
        (":1/1", [1, 2, 3, 4, 5, 6, 7, 8]),
        (":1.0", [1, 2, 3, 4, 5, 6, 7, 8]),
        (":0.0", []),
    ],
)
def test_a_fault_strikes_when_it_says(when: str, struck: list[int]) -> None:
    fault = parse_fault(f"cut{when}")
    assert [number for number in range(1, 9) if fault.hits(number, seed=0)] == struck


def test_chance_is_fair_and_the_same_for_the_same_seed() -> None:
    fault = parse_fault("cut:0.25")
    struck = [number for number in range(4000) if fault.hits(number, seed=1)]
    assert 900 < len(struck) < 1100
    assert struck == [number for number in range(4000) if fault.hits(number, seed=1)]
    assert struck != [number for number in range(4000) if fault.hits(number, seed=2)]


def test_two_faults_by_chance_do_not_strike_together() -> None:
    first, second = parse_fault("cut:0.5"), parse_fault("reset:0.5")
    assert any(first.hits(number, 0) != second.hits(number, 0) for number in range(100))


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("", "'' is no fault"),
        ("cutt", "'cutt' is no fault"),
        ("STATUS", "'STATUS' is no fault"),
        ("base_resp", "'base_resp' is no fault"),
        ("200", "'200' is no fault"),
        ("302", "'302' is no fault"),
        ("9999", "9999 is no code"),
        ("event-9999", "9999 is no code"),
        ("retry-after", "'retry-after' is no fault"),
        ("retry-after=-1", "'retry-after=-1' is no fault"),
        ("cut:", "'' is no valid WHEN"),
        ("cut:2", "'2' is no valid WHEN"),
        ("cut:1.5", "'1.5' is no valid WHEN"),
        ("cut:-0.5", "'-0.5' is no valid WHEN"),
        ("cut:#0", "'#0' is no valid WHEN"),
        ("cut:2/5", "'2/5' is no valid WHEN"),
        ("cut:1/0", "'1/0' is no valid WHEN"),
        ("cut:nan", "'nan' is no valid WHEN"),
        ("42９", "'42９' is no fault"),  # noqa: RUF001 - a digit that is none of ours
    ],
)
def test_a_slip_is_explained_in_a_sentence(spec: str, part: str) -> None:
    with pytest.raises(FaultSpecError) as raised:
        parse_fault(spec)
    assert part in str(raised.value)


@CALM
@given(st.text())
def test_no_text_makes_anything_but_a_fault_or_that_sentence(spec: str) -> None:
    with suppress(FaultSpecError):
        assert parse_fault(spec).name
