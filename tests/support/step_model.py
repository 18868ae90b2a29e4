"""The step of a shared limit as pure functions of gcra.py: what step.lua has to do, by a clock of the test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmpipe.batch.pace.gcra import LATEST_S, Charge, RateState, charge_later, pause, take

FIXED = 12  # arguments before the settlements


@dataclass(frozen=True)
class Stored:
    """The value of the key, or what a run remembers of it."""

    generation: str
    count: int
    state: RateState

    @classmethod
    def parse(cls, value: str) -> "Stored | None":
        if not value:
            return None
        generation, count, *times = value.split()
        return cls(generation, int(count), RateState(*map(float, times)))

    def __str__(self) -> str:
        return " ".join((self.generation, str(self.count), *map(repr, _times(self.state))))


def make_step(stored: str, arguments: Sequence[bytes | str], now: float) -> tuple[str, list[float]]:
    """The value after one step, and the starts of its permits."""
    known, count, *numbers = [word.decode() if isinstance(word, bytes) else word for word in arguments]
    fresh, horizon, held, interval, slack, *_ = map(float, numbers)
    settled, costs = numbers[FIXED - 2 :][: int(count)], numbers[FIXED - 2 :][int(count) :]
    found = _found(_valid(stored, now), _valid(known, now), now, now + fresh)
    state = found.state
    for seconds in settled:
        state = charge_later(state, float(seconds), now)
    if held > 0:
        state = pause(state, now + held)
    starts = list[float]()
    for debt, token_slack in zip(costs[::2], costs[1::2], strict=True):
        taken, wait = take(state, Charge(interval, float(debt), slack, float(token_slack)), now)
        if starts and now + wait > now + horizon:
            break
        state = taken
        starts.append(now + wait)
    times = (max(0.0, min(time, now + most)) for time, most in zip(_times(state), LATEST_S, strict=True))
    return str(Stored(found.generation, found.count + 1, RateState(*times))), starts


def _times(state: RateState) -> tuple[float, float, float]:
    return state.requests, state.tokens, state.paused_until


def _valid(value: str, now: float) -> Stored | None:
    stored = Stored.parse(value)
    if stored is None:
        return None
    in_time = all(time <= now + most for time, most in zip(_times(stored.state), LATEST_S, strict=True))
    return stored if in_time else None


def _found(stored: Stored | None, known: Stored | None, now: float, fresh: float) -> Stored:
    """The state that counts: the stored one, or the later times of both if the server has lost it."""
    found = stored or Stored("", 0, RateState())
    is_old = stored and known and known.generation == stored.generation and known.count > stored.count
    if stored is None or is_old:
        found = Stored(f"{now:.6f}", found.count, _later(found.state, RateState(fresh, fresh)))
    if known is not None and known.generation != found.generation:
        found = replace(found, state=_later(found.state, known.state))
    return found


def _later(one: RateState, other: RateState) -> RateState:
    return RateState(*map(max, _times(one), _times(other)))


class ModelServer:
    """A server without a socket."""

    def __init__(self) -> None:
        self.value = ""

    def step(self, arguments: Sequence[bytes | str], now: float) -> list[bytes]:
        """The answer of step.lua."""
        self.value, starts = make_step(self.value, arguments, now)
        return [repr(now).encode(), self.value.encode(), *(repr(start).encode() for start in starts)]
