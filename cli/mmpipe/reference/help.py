"""Writes what `--help` shows: plain text of at most 80 columns, whatever it is written to."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from mmpipe.grammar import Command, Parameter, Tree

_WIDTH = 80
_COLUMN = 30  # where the sentences about options begin


def help_page(tree: Tree, name: str | None) -> str:
    """The help of the command of that name, and of the program for any other name."""
    program, command = tree.program, tree.named(name)
    if command is program:
        typed = f"{program.name} COMMAND [OPTIONS] [ARGUMENT]..."
        listed = ["Commands:", *_rows(((command.name, command.summary) for command in tree.commands), 14), ""]
        return _page(typed, listed, program)
    return _page(f"{program.name} {command.synopsis}", [], command)


def _page(typed: str, listed: Sequence[str], command: Command) -> str:
    lines = [f"Usage: {typed}", ""]
    for paragraph in command.paragraphs:
        lines += [*_wrapped(paragraph, 0), ""]
    lines += listed
    for title, parameters in command.groups.items():
        rows = ((_label(parameter), parameter.help) for parameter in parameters)
        lines += [f"{title}:", *_rows(rows, _COLUMN), ""]
    lines.append("Examples:")
    for example in command.examples:
        lines += [f"  # {example.meaning}", f"  {example.line}"]
    lines += ["", "`man mmpipe`, or `mmpipe completion man | man -l -`, tells more."]
    return "\n".join((*lines, ""))


def _label(parameter: Parameter) -> str:
    if not parameter.names:
        return f"{parameter.metavar}..." if parameter.repeatable else parameter.metavar
    # Long names stand below each other.
    indent = "" if len(parameter.names) > 1 else "    "
    return f"{indent}{', '.join(parameter.names)} {parameter.metavar}".rstrip()


def _rows(rows: Iterable[tuple[str, str]], column: int) -> Iterator[str]:
    for label, sentence in rows:
        lines = _wrapped(sentence, column)
        if len(label) + 4 <= column:
            lines[0] = f"  {label}".ljust(column) + lines[0].lstrip()
        else:
            yield f"  {label}"
        yield from lines


def _wrapped(text: str, column: int) -> list[str]:
    # Whole names only, so that they can be searched for.
    indent = " " * column
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
