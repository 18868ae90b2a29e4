"""The grammar of the command line, as values: Typer, help, completions and man page are made of this one tree."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cache
from itertools import groupby
from types import UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.text.durations import parse_duration
from mmpipe.text.numeric_range import MOST, NumericRange
from mmpipe.text.suggestions import suggest
from mmpipe.text.visible import one_line


def _parse_dollars(word: str) -> float:
    return float(word.removeprefix("$"))


# Values that may be written with a unit, by the metavar of their option.
_PARSERS: Mapping[str, Callable[[str], object]] = {"DURATION": parse_duration, "DOLLARS": _parse_dollars}
_KINDS: Mapping[Callable[[str], object], str] = {
    int: "a whole number, such as 10",
    parse_duration: "a duration, such as 90, 90s, 15m or 2h",
    _parse_dollars: "an amount, such as 5 or '$5' (the shell replaces $5 outside of single quotes)",
}
_CONTENT = ("system", "system_file", "schema", "messages", "output")  # fields
_NAMES_OF_FILES = ("FILE", "PATH", "DIR", "PATH|URL")  # metavars


@dataclass(frozen=True, slots=True)
class Declaration:
    """The names, placeholder, help and range of a parameter; annotates a field of an option group."""

    names: tuple[str, ...]
    metavar: str
    help: str
    range: NumericRange | None = None


def option(
    *names: str,
    metavar: str = "",
    help: str,  # noqa: A002  as everywhere
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
) -> Declaration:
    """Declare an option; without a metavar it is a flag, or takes one of the choices of its type.

    `{default}` in the help stands for the default of the field.
    """
    bounds = NumericRange(at_least, above, at_most)
    return Declaration(names, metavar, help, None if bounds == NumericRange() else bounds)


def argument(metavar: str, help: str) -> Declaration:  # noqa: A002  as everywhere
    """Declare an argument, which has a place instead of a name."""
    return Declaration((), metavar, help)


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Parameters that belong together, as the work uses them; `title` is their heading in help and manual.

    A subclass is a dataclass. Each field is annotated with its type and its `option` or `argument`. A type is str, int,
    float, bool, a Literal of words, or a class with its own `parse`. `X | None` is optional, and `tuple[X, ...]` is
    repeatable.
    """

    title: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option, or an argument if it has no names; `metavar` stands for its value, and is empty for a flag.

    `field` is a name in the option group. `parse` makes a value of a word.
    """

    field: str
    names: tuple[str, ...]
    metavar: str
    help: str
    parse: Callable[[str], object]
    choices: tuple[str, ...]
    repeatable: bool
    default: object
    range: NumericRange | None = None

    @property
    def is_content(self) -> bool:
        """True for content: given twice it must be the same, while of settings the last one counts, as aliases rely on."""
        return self.field in _CONTENT

    @property
    def required(self) -> bool:
        """True if the command does not work without this parameter."""
        return self.default is MISSING

    @property
    def meaning(self) -> str:
        """The option, its placeholder and its help in one line, such as `--rpm N: most requests a minute`."""
        return f"{' '.join((*self.names[-1:], self.metavar))}: {self.help[:1].lower()}{self.help[1:].removesuffix('.')}"

    def value(self, word: str) -> object:
        """Return the value of a typed word; raises UsageError for an invalid word or a number out of range."""
        label = " / ".join(self.names) or self.metavar
        if not word and self.metavar in _NAMES_OF_FILES:
            raise UsageError(f"{label}: the name is empty: is a shell variable not set?")
        if self.choices and word not in self.choices:
            guess = suggest(word, self.choices)
            raise UsageError(f"{label}: {word!r} is not one of {', '.join(self.choices)}", hint=guess)
        try:
            value = self.parse(word)
        except ValueError as error:
            # Without a range the model decides, and none takes more than 2.
            bounds = self.range or NumericRange(at_most=2)
            kind = bounds.describe() if self.parse is float else _KINDS[self.parse]
            raise UsageError(f"{label}: {one_line(word, 40)!r} is not {kind}", hint=self.meaning) from error
        self.check(value, f"{label} is {one_line(word, 40)}")
        return value

    def value_of(self, words: Sequence[str]) -> object:
        """Return the value for all words that were typed, or the default; raises UsageError."""
        if not words:
            if self.required:
                raise UsageError(f"{self.metavar} is missing: {', '.join(self.choices)}", hint="see --help")
            return self.default
        if self.repeatable:
            return tuple(map(self.value, words))
        if self.is_content and len(set(words)) > 1:
            label = " / ".join(self.names)
            raise UsageError(
                f"{label} is given twice, with different values", hint=f"keep one of them: {self.meaning}"
            )
        return self.value(words[-1])

    def check(self, value: object, statement: str) -> None:
        """Raise UsageError for a number out of range; `statement` begins the message, as `--rpm is 0` does."""
        if self.range is not None and isinstance(value, int | float) and value not in self.range:
            finite = (
                "" if -MOST < value < MOST else "below 2**63 and " if type(value) is int else "finite and "
            )
            raise UsageError(f"{statement}: it must be {finite}{self.range}")


@dataclass(frozen=True, slots=True)
class Example:
    """A shell line that works as it stands, and its meaning."""

    line: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `run` takes the program and an instance of `options_type`, a dataclass of option groups.

    The groups in `common` are handled before `run`. `details` are paragraphs with a blank line between them. The
    arguments of a command that `takes_command` are another command line. `most_used` are the names of the options that
    help on a terminal shows first.
    """

    name: str
    summary: str
    options_type: type
    run: Callable[..., int | None]
    common: Sequence[type[OptionGroup]] = ()
    examples: Sequence[Example] = ()
    details: str = ""
    takes_command: bool = False
    most_used: Sequence[str] = ()

    @property
    def group_types(self) -> Mapping[str, type[OptionGroup]]:
        """The option groups by their names in `options_type`."""
        return {
            field.name: field.type
            for field in fields(self.options_type)
            if isinstance(field.type, type) and issubclass(field.type, OptionGroup)
        }

    @property
    def groups(self) -> Mapping[str, Sequence[Parameter]]:
        """The parameters by title, in the order of the option groups."""
        found: dict[str, list[Parameter]] = {}
        for group in (*self.group_types.values(), *self.common):
            found.setdefault(group.title, []).extend(list_parameters(group))  # type: ignore[arg-type]  # mypy takes it for an instance
        return found

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The summary and the details, in lines that are not broken yet."""
        paragraphs = (self.summary, *self.details.split("\n\n"))
        return tuple(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip())

    @property
    def synopsis(self) -> str:
        """The usage after the name of the program, such as `chat [OPTIONS] [PROMPT]...`."""
        return " ".join((self.name, "[OPTIONS]", *(self._typed(argument) for argument in self.arguments)))

    @property
    def options(self) -> tuple[Parameter, ...]:
        """The options of all groups."""
        return tuple(found for group in self.groups.values() for found in group if found.names)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        """The arguments of all groups."""
        return tuple(found for group in self.groups.values() for found in group if not found.names)

    def _typed(self, argument: Parameter) -> str:
        if self.takes_command:
            return f"[-- {argument.metavar}...]"
        once = argument.metavar if argument.required else f"[{argument.metavar}]"
        return f"{once}..." if argument.repeatable else once


@dataclass(frozen=True, slots=True)
class Tree:
    """The program without a command, and the loaders and the summaries of its commands by name, in the order of the help.

    A command is loaded when it is needed, since the options of all commands take a tenth of a short run.
    """

    program: Command
    loaders: Mapping[str, Callable[[], Command]]
    summaries: Mapping[str, str]

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands."""
        return tuple(load() for load in self.loaders.values())

    def named(self, name: str | None) -> Command:
        """Return the command of that name; the program for any other name."""
        return self.program if name is None or name not in self.loaders else self.loaders[name]()

    def alike(self) -> Iterator[tuple[tuple[str, ...], Command]]:
        """Yield the commands; neighbours with the same parameters are one: their names, and the first of them."""
        for _, group in groupby(self.commands, lambda command: command.groups):
            same = tuple(group)
            yield tuple(command.name for command in same), same[0]


@cache
def list_parameters(group: type[OptionGroup]) -> tuple[Parameter, ...]:
    """Return the parameters of an option group, in its order."""
    return tuple(_parameter(field) for field in fields(group))


def _parameter(field: Field[Any]) -> Parameter:
    annotation, declared = get_args(field.type)
    # A parameter without a default value is declared as `X | None`.
    wanted = get_args(annotation)[0] if get_origin(annotation) in (Union, UnionType) else annotation
    choices = get_args(wanted) if get_origin(wanted) is Literal else ()
    repeatable = get_origin(wanted) is tuple
    kind = str if choices else get_args(wanted)[0] if repeatable else wanted
    return Parameter(
        field.name,
        declared.names,
        declared.metavar or "|".join(choices),
        declared.help.replace("{default}", _format_default(field.default)),
        _PARSERS.get(declared.metavar, getattr(kind, "parse", kind)),
        choices,
        repeatable,
        field.default,
        declared.range,
    )


def _format_default(default: object) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)
