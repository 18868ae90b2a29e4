"""Parses the command line with Typer, from the tree of commands; the only importer of Typer.

`commands/plain_line.py` reads lines without a mistake, and leaves all others to this module.

Typer splits the words; the tree gives their values. Typer would import pydantic (50 ms) to check even a value that was
not typed, and its messages change from version to version.
"""

import inspect
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from mmpipe.commands.pages import show_help, show_version
from mmpipe.commands.plain_line import make_options
from mmpipe.commands.program import Program
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Parameter, Tree


def perform(program: Program) -> int:
    """Run the command that the arguments name; returns its exit status, or raises its error."""
    tree = program.tree
    try:
        status = command_line(tree)(
            program.arguments,
            prog_name=tree.program.name,
            # Otherwise a variable of the environment could start the completion of Typer instead.
            complete_var="",
            standalone_mode=False,
            obj=program,
        )
    except typer.TyperException as error:
        raise _explain(error, program) from error
    return status if isinstance(status, int) else 0


def command_line(tree: Tree) -> typer.Typer:
    """Return the tree as an application of Typer, which builds a command once it is typed: building all takes time."""

    class TreeGroup(TyperGroup):
        def list_commands(self, _: object) -> list[str]:
            return list(tree.loaders)

        def get_command(self, _: object, name: str) -> Any:  # noqa: ANN401  a class that Typer keeps to itself
            command = tree.named(name)
            return None if command is tree.program else _build_command(command)

    app = _new_application(cls=TreeGroup)
    app.callback()(_callback(tree.program))
    return app


@cache
def _build_command(command: Command) -> Any:  # noqa: ANN401  a class that Typer keeps to itself
    """Return the command as Typer runs it; a process that runs a command many times builds it once."""
    app = _new_application()
    # The words after a command to run belong to that command.
    settings = {"allow_interspersed_args": not command.takes_command}
    app.command(command.name, cls=_typer_command(command), context_settings=settings)(_callback(command))
    return get_command(app)


def _new_application(cls: type[TyperGroup] | None = None) -> typer.Typer:
    return typer.Typer(
        cls=cls,
        context_settings={"help_option_names": []},
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        suggest_commands=False,
    )


def _callback(command: Command) -> Callable[..., int | None]:
    """Return a function with an argument for each parameter, as Typer needs it."""
    parameters = (*command.options, *command.arguments)

    def run(context: typer.Context, **typed: Any) -> int | None:  # noqa: ANN401  values of any type
        # Typer gives a list for several words, and None for none.
        several = {
            parameter.field: tuple(typed[parameter.field] or ())
            for parameter in parameters
            if parameter.repeatable
        }
        single = {
            parameter.field: (typed[parameter.field] or (parameter.default,))[0]
            for parameter in parameters
            if parameter.is_content
        }
        return command.run(context.obj, make_options(command, {**typed, **several, **single}))

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
    run.__signature__ = inspect.Signature([context, *map(_for_typer, parameters)])  # type: ignore[attr-defined]
    return run


def _for_typer(parameter: Parameter) -> inspect.Parameter:
    """Return the parameter for Typer, which does not interpret its value."""
    words = list[str] | None if parameter.repeatable or parameter.is_content else str | None
    if not parameter.names:
        kind: object = Annotated[words, typer.Argument(metavar=parameter.metavar)]
    elif parameter.metavar:
        kind = Annotated[words, typer.Option(*parameter.names, metavar=parameter.metavar)]
    else:
        callback = _SHOWN_AT_ONCE.get(parameter.field)
        kind = Annotated[
            bool, typer.Option(*parameter.names, callback=callback, is_eager=callback is not None)
        ]
    # The tree has the defaults.
    default = None if parameter.metavar else False
    return inspect.Parameter(
        parameter.field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
    )


def _show_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        show_help(context.obj, context.info_name)
        raise typer.Exit


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        show_version(context.obj)
        raise typer.Exit


_SHOWN_AT_ONCE = {"help": _show_help, "version": _show_version}


def _typer_command(command: Command) -> type[TyperCommand]:
    """Return a class of Typer commands that takes its values from `command`."""
    known = {parameter.field: parameter for parameter in (*command.options, *command.arguments)}

    class CommandOfTree(TyperCommand):
        def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401  the arguments of Typer
            super().__init__(*args, **settings)
            for typed in self.params:
                parameter = known[str(typed.name)]
                if parameter.metavar:
                    typed.process_value = partial(_value, parameter)  # type: ignore[method-assign]

    return CommandOfTree


def _value(parameter: Parameter, _: object, typed: Any) -> object:  # noqa: ANN401  a word, several, or nothing
    """Return the value for the option group, in a list where Typer expects one; raises UsageError."""
    words = (typed,) if isinstance(typed, str) else typed or ()
    value = parameter.value_of(words)
    return (value,) if parameter.is_content and words else value


def _explain(error: typer.TyperException, program: Program) -> UsageError:
    """Return our error for one of Typer, whose suggestions are many, in several forms."""
    from mmpipe.commands.wrong_words import WrongWords

    typed = WrongWords(program.arguments, program.tree)
    sentence = " ".join(error.format_message().split()).rstrip(".")
    if sentence.startswith("No such option"):
        return typed.explain_option(str(getattr(error, "option_name", "")))
    if sentence.startswith("No such command"):
        return typed.explain_command()
    if sentence == "Missing command":
        return typed.explain_no_command()
    if found := re.fullmatch(r"Option '(-\S+)' requires an argument", sentence):
        return typed.explain_missing_value(found[1])
    return typed.explain_other(sentence)
