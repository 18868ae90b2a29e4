"""Read the rounds of tool calls that a prompt asks for, one order a line.

* ``sim:tool NAME {"json": "arguments"}``: call the tool; a line each for parallel calls.
* ``sim:say TEXT``: answer with this text before the calls of the round; a round without calls is the last.
* ``sim:then``: begin the next round.
* ``sim:again``, as the last line: repeat the last round for ever.

Arguments and TEXT may have several lines, up to the next order.
"""

import re

from mmpipe.dataclass import dataclass

_ORDER = re.compile(r"^sim:(tool|say|then|again)(?!\S)[ \t]?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OrderedCall:
    """One call of a tool."""

    tool: str
    arguments: str
    """The arguments as sent; they need not be JSON."""


@dataclass(frozen=True, slots=True)
class OrderedRound:
    """The text and the calls of one answer, before the results."""

    text: str
    calls: tuple[OrderedCall, ...]


@dataclass(frozen=True, slots=True)
class OrderedRounds:
    """All rounds that one prompt asks for."""

    rounds: tuple[OrderedRound, ...]
    again: bool

    def after(self, played: int) -> OrderedRound | None:
        """Return the round after `played` others; None after the last."""
        if self.again:
            return self.rounds[min(played, len(self.rounds) - 1)]
        return self.rounds[played] if played < len(self.rounds) else None


def read_rounds(prompt: str) -> OrderedRounds | None:
    """Read a prompt; None if it has no orders, or a call without a name."""
    _, *pieces = _ORDER.split(prompt)
    orders = list(zip(pieces[::2], pieces[1::2], strict=True))
    if any(kind == "tool" and not text.strip() for kind, text in orders):
        return None
    ends = [place for place, (kind, _) in enumerate(orders) if kind == "then"]
    rounds = [
        _read_round(orders[start:end])
        for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(orders)], strict=True)
    ]
    played = tuple(each for each in rounds if each.text or each.calls)
    return OrderedRounds(played, again=orders[-1][0] == "again") if played else None


def _read_round(orders: list[tuple[str, str]]) -> OrderedRound:
    # The line end before the next order is not part of the text.
    texts = [text.removesuffix("\n") for kind, text in orders if kind == "say"]
    return OrderedRound("\n".join(texts), tuple(_read_call(text) for kind, text in orders if kind == "tool"))


def _read_call(text: str) -> OrderedCall:
    tool, *arguments = text.strip().split(maxsplit=1)
    return OrderedCall(tool, arguments[0] if arguments else "{}")
