"""Read the rounds of tool calls that a prompt orders, a line for each thing to do.

* ``sim:tool NAME {"json": "arguments"}``: call the tool; a line each for parallel calls.
* ``sim:say TEXT``: say this before the calls of the round; a round that only speaks is the last.
* ``sim:then``: what follows belongs to the next round.
* ``sim:again``, as the last line: the last round is repeated for ever.

Arguments and TEXT may go on over several lines, up to the next order.
"""

import re
from dataclasses import dataclass

_ORDER = re.compile(r"^sim:(tool|say|then|again)(?!\S)[ \t]?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OrderedCall:
    """One call of a tool."""

    tool: str
    arguments: str
    """As they are to be sent; they need not be JSON."""


@dataclass(frozen=True, slots=True)
class Round:
    """What the model says and calls at once, before it waits for results."""

    said: str
    calls: tuple[OrderedCall, ...]


@dataclass(frozen=True, slots=True)
class Rounds:
    """All that one prompt orders."""

    in_order: tuple[Round, ...]
    again: bool

    def after(self, played: int) -> Round | None:
        """Return the round that follows so many others; None when all are over."""
        if self.again:
            return self.in_order[min(played, len(self.in_order) - 1)]
        return self.in_order[played] if played < len(self.in_order) else None


def rounds_of(prompt: str) -> Rounds | None:
    """Read a prompt; None if it orders nothing, or a call without a name."""
    _, *pieces = _ORDER.split(prompt)
    orders = list(zip(pieces[::2], pieces[1::2], strict=True))
    if any(kind == "tool" and not text.strip() for kind, text in orders):
        return None
    ends = [place for place, (kind, _) in enumerate(orders) if kind == "then"]
    rounds = [
        _round(orders[start:end])
        for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(orders)], strict=True)
    ]
    played = tuple(one for one in rounds if one.said or one.calls)
    return Rounds(played, again=orders[-1][0] == "again") if played else None


def _round(orders: list[tuple[str, str]]) -> Round:
    # The line end before the next order is not part of what is said.
    said = [text.removesuffix("\n") for kind, text in orders if kind == "say"]
    return Round("\n".join(said), tuple(_call(text) for kind, text in orders if kind == "tool"))


def _call(text: str) -> OrderedCall:
    tool, *arguments = text.strip().split(maxsplit=1)
    return OrderedCall(tool, arguments[0] if arguments else "{}")
