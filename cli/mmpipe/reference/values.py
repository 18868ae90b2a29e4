"""The values that TAB offers for a parameter: files, known words, a command or nothing."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from mmpipe.dataclass import dataclass
from mmpipe.grammar import Parameter


class ValueKind(StrEnum):
    """The source of the values; a flag has none.

    A `result` is a file behind `=@`; `run` is the name of a tool of `--tools FILE`, then `=` and a command.
    """

    FLAG = "flag"
    WORDS = "words"
    FILES = "files"
    FOLDERS = "folders"
    PROFILES = "profiles"
    VARIABLES = "variables"
    RESULT = "result"
    RUN = "run"
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
    if parameter.field in _BY_FIELD:
        return _BY_FIELD[parameter.field]
    match parameter.metavar:
        case "PATH" | "FILE" | "PATH|URL":
            return OfferedValues(ValueKind.FILES)
        case "DIR":
            return OfferedValues(ValueKind.FOLDERS)
        case "ID=TEXT":
            return OfferedValues(ValueKind.RESULT)
        case "NAME=COMMAND":
            return OfferedValues(ValueKind.RUN)
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


# Parameters whose placeholder NAME says too little. The encodings are those that a file is most likely to have.
_BY_FIELD: Mapping[str, OfferedValues] = {
    "profile": OfferedValues(ValueKind.PROFILES),
    "tool_env": OfferedValues(ValueKind.VARIABLES),
    "encoding": OfferedValues(
        ValueKind.WORDS,
        (
            "utf-8",
            "utf-16",
            "gb18030",
            "gbk",
            "big5",
            "shift_jis",
            "euc-jp",
            "euc-kr",
            "latin-1",
            "windows-1252",
        ),
    ),
}
_WORDS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "MODEL": _models,
    "URL": _hosts,
    "WHAT[:WHEN]": _faults,
    "DIALECT": _dialects,
    "CHOICE": _tool_choices,
}
