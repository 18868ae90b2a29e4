"""Reads a plain line by the tree alone: the name of a command, its options by their whole names, and words, without a mistake.

Typer reads every other line, and so is the one judge of mistakes. To import it, and to build a command for it, takes longer
than all the rest of a short command.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial

from mmpipe.commands.general_options import AboutOptions
from mmpipe.commands.program import Program
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Parameter, list_parameters


class _NotPlain(Exception):
    """The line has something that is not read here."""


def read_plain_line(program: Program) -> Callable[[], int | None] | None:
    """Return the run of the command that is typed; None for a line that Typer has to read."""
    name, *words = program.arguments or ("",)
    command = program.tree.named(name)
    if command is program.tree.program or command.takes_command:
        return None
    try:
        options = make_options(command, _read_values(command, words))
    except (_NotPlain, UsageError):
        return None
    return partial(command.run, program, options)


def make_options(command: Command, values: Mapping[str, object]) -> object:
    """Return an instance of the command's `options_type`, of values by field; raises the UsageError of a contradiction."""
    groups = {
        name: group(**{field.name: values[field.name] for field in fields(group)})
        for name, group in command.group_types.items()
    }
    return command.options_type(**groups)


def _read_values(command: Command, words: Sequence[str]) -> dict[str, object]:
    """Return the values by field; raises _NotPlain, or the UsageError of a value."""
    typed: dict[str, list[str]] = {}
    for parameter, word in _split(command, iter(words)):
        typed.setdefault(parameter.field, []).append(word)
    if any(len(typed.get(one.field, ())) > 1 and not one.repeatable for one in command.arguments):
        raise _NotPlain
    return {
        one.field: one.value_of(typed.get(one.field, ())) if one.metavar else one.field in typed
        for one in (*command.options, *command.arguments)
    }


def _split(command: Command, words: Iterator[str]) -> Iterator[tuple[Parameter, str]]:
    """Yield each parameter that is typed, with its word, which is empty for a flag."""
    shown_at_once = list_parameters(AboutOptions)
    options = {name: one for one in command.options if one not in shown_at_once for name in one.names}
    (argument,) = command.arguments
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            yield from ((argument, other) for other in words)
        elif word == "-" or not word.startswith("-"):
            yield argument, word
        elif word in options and not options[word].metavar:
            yield options[word], ""
        elif word in options and (following := next(words, None)) is not None:
            yield options[word], following
        elif equals and name.startswith("--") and name in options and options[name].metavar:
            yield options[name], value
        else:
            raise _NotPlain
