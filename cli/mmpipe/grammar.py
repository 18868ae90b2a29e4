"""What can be typed, as values: the one tree that Typer, help, completions and man page are made of."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from itertools import groupby
from types import UnionType
from typing import ClassVar, Literal, Union, get_args, get_origin

from mmpipe.errors import UsageError
from mmpipe.text.suggestions import suggest

_KINDS: Mapping[type, str] = {int: "a whole number", float: "a number"}
_NAMES_OF_FILES = ("FILE", "PATH", "DIR")  # metavars


@dataclass(frozen=True, slots=True)
class Declaration:
    """How a parameter is typed and told of; the annotation of a section's field, by `option` or `argument`."""

    names: tuple[str, ...]
    metavar: str
    help: str


def option(*names: str, metavar: str = "", help: str) -> Declaration:  # noqa: A002  as everywhere
    """An option; without a metavar it is a flag, or takes one of the choices of its type."""
    return Declaration(names, metavar, help)


def argument(metavar: str, help: str) -> Declaration:  # noqa: A002  as everywhere
    """What is no option."""
    return Declaration((), metavar, help)


@dataclass(frozen=True, slots=True)
class Section:
    """Parameters that belong together, under a title of the help and the man page.

    A subclass is a dataclass whose fields are annotated with their type and with how they are told of.
    """

    title: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option, or an argument if it has no names; `metavar` stands for its value, and is empty for a flag.

    `field` is the section's, `kind` the type of each value that is typed.
    """

    field: str
    names: tuple[str, ...]
    metavar: str
    help: str
    kind: type
    choices: tuple[str, ...]
    repeatable: bool
    default: object

    @property
    def required(self) -> bool:
        """Whether the command does not work without it."""
        return self.default is MISSING

    def value(self, word: str) -> object:
        """What a word means here; raises UsageError."""
        label = " / ".join(self.names) or self.metavar
        if not word and self.metavar in _NAMES_OF_FILES:
            raise UsageError(f"{label}: the name is empty, as that of a variable which is not set")
        if self.choices and word not in self.choices:
            guess = suggest(word, self.choices)
            raise UsageError(f"{label}: {word!r} is not one of {', '.join(self.choices)}{guess}")
        try:
            return self.kind(word)
        except ValueError as error:
            raise UsageError(f"{label}: {word!r} is not {_KINDS[self.kind]}") from error


@dataclass(frozen=True, slots=True)
class Example:
    """A line for the shell that works as it stands, and what it does."""

    line: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `run` takes the program, and an instance of each section that it names as a type.

    The sections in `common` are seen to elsewhere. `details` are paragraphs with a blank line between them. The
    arguments of one that `takes_command` are another command line.
    """

    name: str
    summary: str
    run: Callable[..., int | None]
    common: Sequence[type[Section]] = ()
    examples: Sequence[Example] = ()
    details: str = ""
    takes_command: bool = False

    @property
    def sections(self) -> Mapping[str, type[Section]]:
        """The sections by the names under which `run` takes them."""
        parameters = inspect.signature(self.run).parameters.values()
        return {
            parameter.name: parameter.annotation
            for parameter in parameters
            if inspect.isclass(parameter.annotation) and issubclass(parameter.annotation, Section)
        }

    @property
    def groups(self) -> Mapping[str, Sequence[Parameter]]:
        """The parameters by title, in the order in which `run` takes the sections."""
        found: dict[str, list[Parameter]] = {}
        for section in (*self.sections.values(), *self.common):
            found.setdefault(section.title, []).extend(_parameters(section))
        return found

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """What it does, in short and then in detail; lines are not yet broken."""
        paragraphs = (self.summary, *self.details.split("\n\n"))
        return tuple(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip())

    @property
    def synopsis(self) -> str:
        """How it is typed after the program's name, as in `chat [OPTIONS] [PROMPT]...`."""
        return " ".join((self.name, "[OPTIONS]", *(self._typed(argument) for argument in self.arguments)))

    @property
    def options(self) -> tuple[Parameter, ...]:
        """The options of all sections."""
        return tuple(found for group in self.groups.values() for found in group if found.names)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        """Whatever is no option."""
        return tuple(found for group in self.groups.values() for found in group if not found.names)

    def _typed(self, argument: Parameter) -> str:
        if self.takes_command:
            return f"[-- {argument.metavar}...]"
        once = argument.metavar if argument.required else f"[{argument.metavar}]"
        return f"{once}..." if argument.repeatable else once


@dataclass(frozen=True, slots=True)
class Tree:
    """The program by itself, and its commands in the order in which they are told of."""

    program: Command
    commands: tuple[Command, ...]

    def named(self, name: str | None) -> Command:
        """The command of that name; the program for any other name."""
        return next((command for command in self.commands if command.name == name), self.program)

    def alike(self) -> Iterator[tuple[tuple[str, ...], Command]]:
        """The commands, neighbours that have the same parameters as one: their names, and the first of them."""
        for _, group in groupby(self.commands, lambda command: command.groups):
            same = tuple(group)
            yield tuple(command.name for command in same), same[0]


def _parameters(section: type[Section]) -> Iterator[Parameter]:
    for field in fields(section):
        annotation, told = get_args(field.type)
        # Parameters that may be left out are declared as `X | None`.
        wanted = get_args(annotation)[0] if get_origin(annotation) in (Union, UnionType) else annotation
        choices = get_args(wanted) if get_origin(wanted) is Literal else ()
        repeatable = get_origin(wanted) is list
        kind = str if choices else get_args(wanted)[0] if repeatable else wanted
        metavar = told.metavar or "|".join(choices)
        yield Parameter(
            field.name, told.names, metavar, told.help, kind, choices, repeatable, default=field.default
        )
