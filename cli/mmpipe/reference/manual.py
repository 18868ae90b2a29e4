"""Generate the man page, in the man macros of roff."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import assert_never

from mmpipe import RELEASED, __version__
from mmpipe.grammar import Command, Parameter, Tree
from mmpipe.reference.guide_text import Block, Code, Prose, Terms, read_guide
from mmpipe.reference.tables import (
    ENVIRONMENT,
    EXIT_STATUSES,
    FILES,
    JSON_OUTPUT,
    RECORDS,
    SELF_HOSTED,
    SIGNALS,
)

# Characters that roff interprets, or prints as others than the shell's. A point at the beginning of a line is a request.
_SPECIAL = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", '"': r"\(dq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
)
# The chapters on work with other programs, in their order.
_GUIDES = (
    "thinking",
    "tools",
    "journal",
    "capacity",
    "shards",
    "limiter",
    "cluster",
    "timers",
    "slurm",
    "kubernetes",
    "programs",
)


def man_page(tree: Tree) -> str:
    """Return the page of the tree."""
    program = tree.program
    statuses = [(f"`{int(status)}` ({status.label})", when) for status, when in EXIT_STATUSES]
    lines = [
        rf".\" Made by {program.name} completion man; change the program, not this file.",
        f'.TH {program.name.upper()} 1 {RELEASED} "{program.name} {__version__}"',
        ".SH NAME",
        rf"{program.name} \- ask the models of MiniMax from the shell",
        ".SH SYNOPSIS",
        *_synopsis(tree),
        ".SH DESCRIPTION",
        *_paragraphs(program),
        ".SH COMMANDS",
        *_commands(tree),
        ".SH RECORDS AND PARAMETERS",
        *_list(RECORDS),
        ".SH JSON OUTPUT",
        _text("Each is one object on one line. Fields keep their names; new ones may be added."),
        *_list(JSON_OUTPUT),
        ".SH EXIT STATUS",
        *_list([*statuses, SIGNALS]),
        ".SH ENVIRONMENT",
        *_list(ENVIRONMENT),
        ".SH FILES",
        *_list(FILES),
        *_guide("servers"),
        *_list(SELF_HOSTED),
        *(line for name in _GUIDES for line in _guide(name)),
        ".SH EXAMPLES",
        _text("Each works as shown, if the named files exist; without a key, put `mmpipe sim --` before it."),
        *_examples((program, *tree.commands)),
    ]
    return "\n".join((*lines, ""))


def _synopsis(tree: Tree) -> Iterator[str]:
    for command in tree.commands:
        yield f".B {_escaped(f'{tree.program.name} {command.synopsis}')}"
        yield ".br"
    names = " | ".join(name for option in tree.program.options for name in option.names)
    yield f".B {_escaped(f'{tree.program.name} {names}')}"


def _commands(tree: Tree) -> Iterator[str]:
    """Yield a subsection for each command; options of an earlier command are only named."""
    described: list[Parameter] = []
    for command in tree.commands:
        yield f".SS {_escaped(f'{tree.program.name} {command.synopsis}')}"
        yield from _paragraphs(command)
        same = next(other for other in tree.commands if other.groups == command.groups)
        if same is not command:
            yield f".PP\n{_text(f'The options are those of `{same.name}`.')}"
            continue
        known = [option.names[-1] for option in command.options if option in described]
        for title, parameters in command.groups.items():
            new = [parameter for parameter in parameters if parameter not in described]
            if new:
                yield f".PP\n.I {title}"
                yield from _list((_spelled(parameter), parameter.help) for parameter in new)
            described += new
        if known:
            names = ", ".join(f"`{name}`" for name in known)
            yield f".PP\n{_text(f'Also {names}, as above.')}"


def _paragraphs(command: Command) -> Iterator[str]:
    for number, paragraph in enumerate(command.paragraphs):
        if number:
            yield ".PP"
        yield _text(paragraph)


def _list(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, meaning in rows:
        # Roff takes one line as the label, of any length.
        yield f".TP\n{_marked(label)}\n{_text(meaning)}"


def _guide(name: str) -> Iterator[str]:
    guide = read_guide(name)
    yield f".SH {_escaped(guide.title)}"
    for number, block in enumerate(guide.blocks):
        yield from _block(block, follows=number > 0)


def _block(block: Block, *, follows: bool) -> Iterator[str]:
    match block:
        case Prose(text):
            if follows:
                yield ".PP"
            yield _text(text)
        case Terms(rows):
            yield from _list(rows)
        case Code(lines):
            yield _copied(lines)
        case _:
            assert_never(block)


def _copied(lines: Iterable[str]) -> str:
    """Return lines as they stand; a point at the beginning of a line is no request."""
    shown = "\n".join(f"\\&{_escaped(line)}" for line in lines)
    return f".PP\n.RS 4\n.EX\n{shown}\n.EE\n.RE"


def _spelled(parameter: Parameter) -> str:
    names = ", ".join(f"`{name}`" for name in parameter.names)
    return " ".join(filter(None, (names, parameter.metavar)))


def _examples(commands: Iterable[Command]) -> Iterator[str]:
    for command in commands:
        for example in command.examples:
            yield f".PP\n{_text(example.meaning)}\n{_copied([example.line])}"


def _text(text: str) -> str:
    """Wrap at 80 characters, as is usual in the source of man pages."""
    filled = textwrap.fill(_marked(text), 80, break_long_words=False, break_on_hyphens=False)
    return re.sub(r"^\.", r"\\&.", filled, flags=re.MULTILINE)


def _marked(text: str) -> str:
    """Set the text between backticks in bold."""
    pieces = re.split(r"`(.*?)`", text)
    return "".join(
        rf"\fB{_escaped(piece)}\fR" if number % 2 else _escaped(piece) for number, piece in enumerate(pieces)
    )


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)
