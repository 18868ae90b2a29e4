"""Build strings, numbers and other values without members: from the prompt, or else invented."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.simulator.numbers_in_range import propose_numbers
from mmpipe.simulator.pattern_text import build_text
from mmpipe.simulator.prompt_values import PromptValues
from mmpipe.simulator.schema_check import Check, NoInstance
from mmpipe.simulator.string_samples import SAMPLES, sample_format
from mmpipe.simulator.subschemas import Rules

_MOST_MEMBERS: Final = 1000  # of an enumeration
_MOST_CHARACTERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """The way to a value: names of members and numbers of items, and references on the way."""

    path: tuple[str | int, ...] = ()
    references: tuple[str, ...] = ()
    invents: bool = True
    """False if the value must be from the prompt."""

    def inside(self, step: str | int, *, invents: bool) -> "ValuePlace":
        """Return the place of a member or an item."""
        return replace(self, path=(*self.path, step), invents=self.invents and invents)


class ScalarSource:
    """Gives each value of a prompt once, in their order, and invents others, which differ at each attempt."""

    def __init__(self, text: str, attempt: int) -> None:
        self._values = PromptValues(text)
        self._seed = f"{attempt} {hashlib.sha256(text.encode(errors='replace')).hexdigest()}"

    def take(self, kind: str, rules: Rules, place: ValuePlace, fits: Check) -> object:
        """Return a value of the type `kind` that fits; raises NoInstance."""
        match kind:
            case "string":
                return self._string(rules, place, fits)
            case "number" | "integer":
                return self._number(rules, place, fits, whole=kind == "integer")
            case _ if not place.invents:
                raise NoInstance
            case "boolean":
                return self.pick(2, place) == 0
            case _:
                return None

    def take_constant(self, rules: Rules, place: ValuePlace, fits: Check) -> object:
        """Return a constant that fits: of those that the prompt mentions, or else of all; raises NoInstance."""
        enum = next((value for value in rules.values("enum") if isinstance(value, list)), [])
        members = [value for value in (*rules.values("const"), *enum[:_MOST_MEMBERS]) if fits(value)]
        mentioned = [value for value in members if self._values.mentions(value)]
        if not members or not (mentioned or place.invents or len(members) == 1):
            raise NoInstance
        chosen = mentioned or members
        return chosen[self.pick(len(chosen), place)]

    def _number(self, rules: Rules, place: ValuePlace, fits: Check, *, whole: bool) -> object:
        found = self._values.take_number(lambda number: fits(number) and not (whole and number % 1))
        if found is not None:
            return found
        return self._invent(place, fits, propose_numbers(rules, self.pick(100, place), whole=whole))

    def _string(self, rules: Rules, place: ValuePlace, fits: Check) -> object:
        # Most formats accept no plain word, and where one does, a name is not meant.
        has_format = rules.has("format")

        def is_meant(text: str) -> bool:
            return fits(text) and not (has_format and text.isalpha())

        found = self._values.take_string(is_meant)
        if found is None and (has_format or rules.has("pattern")):
            found = self._values.take_word(is_meant)
        return found if found is not None else self._invent(place, fits, self._propose_strings(rules, place))

    def _propose_strings(self, rules: Rules, place: ValuePlace) -> Iterator[object]:
        numbers = [str(step + 1) for step in place.path if isinstance(step, int) and step]
        for pattern in islice(rules.values("pattern"), 1):
            with suppress(NoInstance):
                short = build_text(str(pattern))
                yield "".join([short, *numbers])
                yield short
        for name in islice(rules.values("format"), 1):
            yield sample_format(name, self.pick(SAMPLES, place) + 1)
        named = [step for step in place.path if isinstance(step, str)]
        text = " ".join(["simulated", *named[-1:], *numbers])
        least = max(rules.numbers("minLength"), default=0)
        if least > _MOST_CHARACTERS:
            raise NoInstance
        most = int(min(rules.numbers("maxLength"), default=_MOST_CHARACTERS))
        yield (f"{text} " * (int(least) // len(text) + 1)).rstrip()[:most]
        yield (text * (int(least) // len(text) + 1))[:most]

    def _invent(self, place: ValuePlace, fits: Check, proposed: Iterator[object]) -> object:
        if place.invents:
            for value in proposed:
                if fits(value):
                    return value
        raise NoInstance

    def pick(self, choices: int, place: ValuePlace) -> int:
        """Return a number below `choices`, the same for the same prompt and place."""
        digest = hashlib.sha256(f"{self._seed} {place.path}".encode(errors="replace")).digest()
        return int.from_bytes(digest[:4]) % choices
