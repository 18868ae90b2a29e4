"""Format `--help`: plain text of at most 80 columns, the same on a terminal and in a pipe."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from mmpipe.grammar import Command, Parameter, Tree

_WIDTH = 80
_COLUMN = 30  # where the texts of options begin


def format_help(tree: Tree, name: str | None) -> str:
    """Return the help of the command of that name, or of the program for any other name."""
    program, command = tree.program, tree.named(name)
    if command is program:
        usage = f"{program.name} COMMAND [OPTIONS] [ARGUMENT]..."
        listed = ["Commands:", *_rows(((command.name, command.summary) for command in tree.commands), 14), ""]
        return _page(usage, listed, program)
    return _page(f"{program.name} {command.synopsis}", [], command)


def _page(usage: str, listed: Sequence[str], command: Command) -> str:
    lines = [f"Usage: {usage}", ""]
    for paragraph in command.paragraphs:
        lines += [*_wrapped(paragraph, 0), ""]
    lines += listed
    for title, parameters in command.groups.items():
        rows = ((_label(parameter), parameter.help) for parameter in parameters)
        lines += [f"{title}:", *_rows(rows, _COLUMN), ""]
    lines.append("Examples:")
    for example in command.examples:
        lines += [f"  # {example.meaning}", f"  {example.line}"]
    lines += ["", "`man mmpipe`, or `mmpipe completion man | man -l -`, has more."]
    return "\n".join((*lines, ""))


def _label(parameter: Parameter) -> str:
    if not parameter.names:
        return f"{parameter.metavar}..." if parameter.repeatable else parameter.metavar
    # Aligns the long names.
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
    # Names are never broken, so that a search finds them.
    indent = " " * column
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
