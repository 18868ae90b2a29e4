"""Parses the command line with Typer, which is given the commands of the tree."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from mmpipe.app import COMMANDS, Program
from mmpipe.commands import Command
from mmpipe.errors import UsageError
from mmpipe.guess import did_you_mean


def perform(arguments: Sequence[str], program: Program) -> int:
    """Run the command that `arguments` name; returns its exit status, or raises what went wrong."""
    try:
        status = command_line()(
            arguments,
            prog_name=COMMANDS[0].name,
            # No variable of the environment is to ask for Typer's completion in place of the command.
            complete_var="",
            standalone_mode=False,
            obj=program,
        )
    except typer.TyperException as error:
        raise UsageError(_in_our_words(error.format_message())) from error
    return status if isinstance(status, int) else 0


def command_line() -> typer.Typer:
    """The tree as Typer has it."""
    program, *commands = COMMANDS
    app = typer.Typer(
        context_settings={"help_option_names": []},
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_flat(program))
    for command in commands:
        # What follows the name of a command to be run belongs to that command.
        settings = {"allow_interspersed_args": not command.takes_command}
        app.command(command.name, cls=_LazyCommand, context_settings=settings)(_flat(command))
    return app


def _flat(command: Command) -> Callable[..., int | None]:
    """A function with an argument for each option of each section, as Typer wants it."""
    sections = command.sections

    def run(context: typer.Context, **values: object) -> int | None:
        chosen = {
            name: section(**{field.name: values[field.name] for field in fields(section)})
            for name, section in sections.items()
        }
        return command.run(context.obj, **chosen)

    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for section in sections.values()
        for field in fields(section)
    ]
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
    run.__signature__ = inspect.Signature([context, *options])  # type: ignore[attr-defined]
    return run


class _LazyCommand(TyperCommand):
    """A command that leaves alone what was not typed: Typer would import pydantic, 50 ms, to check even that."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401  whatever Typer passes on
        super().__init__(*args, **settings)
        for parameter in self.params:
            # Typer makes them itself, and takes no class for them.
            parameter.__class__ = _LazyOption if isinstance(parameter, TyperOption) else _LazyArgument


class _LazyOption(TyperOption):
    def process_value(self, ctx: Any, value: Any) -> Any:  # noqa: ANN401  of any option
        return None if value is None and not self.required else super().process_value(ctx, value)


class _LazyArgument(TyperArgument):
    def process_value(self, ctx: Any, value: Any) -> Any:  # noqa: ANN401  as above
        return None if value is None and not self.required else super().process_value(ctx, value)


def _in_our_words(sentence: str) -> str:
    """Typer's complaint as part of a line, with a guess of what was meant."""
    # Typer has pydantic check the values, and passes its manner of speaking on.
    sentence = " ".join(sentence.replace("Value error, ", "").split()).rstrip(".")
    sentence = re.sub(r" \(Possible options: (.*)\)$", r"; did you mean \1?", sentence)
    wrong = re.search(r"'([^']*)' is not one of (.*)", sentence)
    if wrong:
        sentence += did_you_mean(wrong[1], re.findall(r"'([^']*)'", wrong[2]))
    return f"{sentence}; --help tells more"
