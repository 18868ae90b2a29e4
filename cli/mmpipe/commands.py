"""What can be typed, as values: the one tree that Typer, help, completions and man page are made of."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from itertools import groupby
from types import UnionType
from typing import ClassVar, Literal, Union, get_args, get_origin

from typer.models import OptionInfo, ParameterInfo


@dataclass(frozen=True, slots=True)
class Section:
    """Options that belong together, under the title that the contract gives them; a subclass is a dataclass of them."""

    title: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option, or an argument if it has no names; `metavar` stands for its value, and is empty for a flag."""

    names: tuple[str, ...]
    metavar: str
    help: str
    choices: tuple[str, ...]
    repeatable: bool
    required: bool


@dataclass(frozen=True, slots=True)
class Example:
    """A line for the shell that works as it stands, and what it does."""

    line: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `run` takes the program, and an instance of each section that it names as a type.

    `details` are paragraphs with a blank line between them. The arguments of one that `takes_command` are another command line.
    """

    name: str
    summary: str
    run: Callable[..., int | None]
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
        for section in self.sections.values():
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


def alike(commands: Iterable[Command]) -> Iterator[tuple[tuple[str, ...], Command]]:
    """The commands, those that have the same parameters as one: their names, and one of them."""
    for _, group in groupby(commands, lambda command: command.groups):
        same = tuple(group)
        yield tuple(command.name for command in same), same[0]


def _parameters(section: type[Section]) -> Iterator[Parameter]:
    for field in fields(section):
        kind, info = get_args(field.type)
        assert isinstance(info, ParameterInfo)  # noqa: S101  how options.py declares them
        # Options that may be left out are declared as `X | None`.
        wanted = get_args(kind)[0] if get_origin(kind) in (Union, UnionType) else kind
        choices = tuple(map(str, get_args(wanted))) if get_origin(wanted) is Literal else ()
        names = (info.default, *(info.param_decls or ())) if isinstance(info, OptionInfo) else ()
        yield Parameter(
            names=tuple(map(str, names)),
            metavar="" if wanted is bool else info.metavar or "|".join(choices),
            help=str(info.help),
            choices=choices,
            repeatable=get_origin(wanted) is list,
            required=field.default is MISSING,
        )
