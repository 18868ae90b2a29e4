"""The values that TAB offers for a parameter: files, known words, a command or nothing, by its placeholder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mmpipe.grammar import Parameter


class ValueKind(StrEnum):
    """The source of the values; a flag has none."""

    FLAG = "flag"
    WORDS = "words"
    FILES = "files"
    COMMAND = "command"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class OfferedValues:
    """The values that TAB offers; `words` are for ValueKind.WORDS."""

    kind: ValueKind
    words: tuple[str, ...] = ()


def offered_values(parameter: Parameter) -> OfferedValues:
    """Return the values that TAB offers for `parameter`."""
    if not parameter.metavar:
        return OfferedValues(ValueKind.FLAG)
    if parameter.choices:
        return OfferedValues(ValueKind.WORDS, parameter.choices)
    match parameter.metavar:
        case "PATH" | "FILE" | "DIR" | "PATH|URL":
            return OfferedValues(ValueKind.FILES)
        case "COMMAND":
            return OfferedValues(ValueKind.COMMAND)
        case metavar if metavar in _WORDS:
            return OfferedValues(ValueKind.WORDS, _WORDS[metavar]())
        case _:
            return OfferedValues(ValueKind.TEXT)


def _models() -> tuple[str, ...]:
    from mmpipe.core.catalogue import load_models

    return tuple(model.id for model in load_models())


def _hosts() -> tuple[str, ...]:
    from mmpipe.config.options import HOSTS

    return tuple(HOSTS)


def _faults() -> tuple[str, ...]:
    from mmpipe.simulator.faults import PLAIN_KINDS

    return tuple(sorted(PLAIN_KINDS))


def _dialects() -> tuple[str, ...]:
    from mmpipe.simulator.dialects import Dialect

    return tuple(Dialect)


def _tool_choices() -> tuple[str, ...]:
    from mmpipe.tools.options import CHOICES

    return CHOICES


_WORDS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "MODEL": _models,
    "URL": _hosts,
    "WHAT[:WHEN]": _faults,
    "DIALECT": _dialects,
    "CHOICE": _tool_choices,
}
