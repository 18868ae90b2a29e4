"""A fault is one short word; it hits the requests of its schedule, and an invalid one is explained in a sentence."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.simulator.faults import PLAIN_KINDS, Fault, FaultKind, FaultSchedule, FaultSpecError, parse_fault

# No deadline: a busy machine is no failure. No database: examples that failed are reported, not stored.
CALM = settings(deadline=None, database=None)


@pytest.mark.parametrize(
    ("spec", "kind", "number"),
    [
        ("429", FaultKind.STATUS, 429),
        ("529", FaultKind.STATUS, 529),
        ("2056", FaultKind.CODE, 2056),
        ("base_resp-1008", FaultKind.BASE_RESP, 1008),
        ("event-1027", FaultKind.EVENT, 1027),
        ("error-429", FaultKind.ERROR, 429),
        ("mid-error-500", FaultKind.MID_ERROR, 500),
        ("retry-after=7", FaultKind.RETRY_AFTER, 7),
        ("retry-after-date=7", FaultKind.RETRY_AFTER_DATE, 7),
        ("retry-after-ms=1500", FaultKind.RETRY_AFTER_MS, 1500),
        *((kind.value, kind, 0) for kind in sorted(map(FaultKind, PLAIN_KINDS))),
    ],
)
def test_every_fault_has_its_word(spec: str, kind: FaultKind, number: int) -> None:
    assert parse_fault(spec) == Fault(spec, kind, number)
    assert parse_fault(f"{spec}:#2") == Fault(spec, kind, number, FaultSchedule(only=2))


@pytest.mark.parametrize("reason", ["error", "MAX_TOKENS", "end_turn"])
def test_any_finish_reason_can_be_ordered(reason: str) -> None:
    spec = f"finish={reason}"
    assert parse_fault(spec) == Fault(spec, FaultKind.FINISH, reason=reason)
    assert parse_fault(f"{spec}:1/3") == Fault(
        spec, FaultKind.FINISH, schedule=FaultSchedule(every=3), reason=reason
    )


@pytest.mark.parametrize(
    ("when", "hit"),
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
def test_a_fault_hits_the_requests_of_its_schedule(when: str, hit: list[int]) -> None:
    fault = parse_fault(f"cut{when}")
    assert [number for number in range(1, 9) if fault.hits(number, seed=0)] == hit


def test_probability_holds_and_the_same_seed_hits_the_same_requests() -> None:
    fault = parse_fault("cut:0.25")
    hit = [number for number in range(4000) if fault.hits(number, seed=1)]
    assert 900 < len(hit) < 1100
    assert hit == [number for number in range(4000) if fault.hits(number, seed=1)]
    assert hit != [number for number in range(4000) if fault.hits(number, seed=2)]


def test_two_random_faults_hit_different_requests() -> None:
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
        ("error", "'error' is no fault"),
        ("error-200", "'error-200' is no fault"),
        ("error-9999", "'error-9999' is no fault"),
        ("finish", "'finish' is no fault"),
        ("finish=", "'finish=' is no fault"),
        ("finish=a b", "'finish=a b' is no fault"),
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
def test_an_invalid_fault_is_explained_in_a_sentence(spec: str, part: str) -> None:
    with pytest.raises(FaultSpecError) as raised:
        parse_fault(spec)
    assert part in str(raised.value)


@CALM
@given(st.text())
def test_any_text_is_a_fault_or_gets_that_sentence(spec: str) -> None:
    with suppress(FaultSpecError):
        assert parse_fault(spec).name
