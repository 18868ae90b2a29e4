"""What TAB offers for a value: files, known words, a command, or nothing; the placeholder says which."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mmpipe.grammar import Parameter


class Kind(StrEnum):
    """Where the words come from; a flag takes no value."""

    FLAG = "flag"
    WORDS = "words"
    FILES = "files"
    COMMAND = "command"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Values:
    """What may follow; `words` are for Kind.WORDS."""

    kind: Kind
    words: tuple[str, ...] = ()


def values(parameter: Parameter) -> Values:
    """What is offered where the value of `parameter` stands."""
    if not parameter.metavar:
        return Values(Kind.FLAG)
    if parameter.choices:
        return Values(Kind.WORDS, parameter.choices)
    match parameter.metavar:
        case "PATH" | "FILE" | "DIR":
            return Values(Kind.FILES)
        case "COMMAND":
            return Values(Kind.COMMAND)
        case metavar if metavar in _WORDS:
            return Values(Kind.WORDS, _WORDS[metavar]())
        case _:
            return Values(Kind.TEXT)


def _models() -> tuple[str, ...]:
    from mmpipe.core.catalogue import load_models

    return tuple(model.id for model in load_models())


def _hosts() -> tuple[str, ...]:
    from mmpipe.config.settings import HOSTS

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
