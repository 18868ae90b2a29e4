"""Format `--help`: plain text of 80 columns in a pipe; on a terminal as wide as it, with headings and names in a style.

Without rich, whose import takes longer than all of the help.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from mmpipe.dataclass import dataclass
from mmpipe.grammar import Command, Parameter, Tree
from mmpipe.unix.streams import Output
from mmpipe.writers.terminal import Painter, Role, can_redraw, read_terminal_width, wants_style

_WIDTH = 80
_WIDEST = 100  # columns; longer lines are hard to read
_COLUMN = 30  # where the texts of options begin
_NARROW = 60  # columns; below that, texts stand under their names
_INDENT = 6  # of these texts


@dataclass(frozen=True, slots=True)
class PageStyle:
    """The width of a page in columns, and its colours; if it is `live`, the options that are used most come first."""

    width: int = _WIDTH
    painter: Painter = Painter(enabled=False)
    live: bool = False

    @classmethod
    def of(cls, output: Output, environment: Mapping[str, str]) -> "PageStyle":
        """Return the style for an output; a terminal without escape sequences gets the page of a pipe."""
        if not can_redraw(output, environment):
            return cls()
        width = min(read_terminal_width(output, environment), _WIDEST)
        return cls(width, Painter(enabled=wants_style(environment)), live=True)


def format_help(tree: Tree, name: str | None, style: PageStyle = PageStyle()) -> str:
    """Return the help of the command of that name, or of the program for any other name."""
    program, command = tree.program, tree.named(name)
    page = _Page(style)
    if command is program:
        usage = f"{program.name} COMMAND [OPTIONS] [ARGUMENT]..."
        listed = [page.heading("Commands"), *page.rows(tree.summaries.items(), 14, page.painted_name), ""]
        return page.format(usage, listed, program)
    return page.format(f"{program.name} {command.synopsis}", [], command)


@dataclass(frozen=True, slots=True)
class _Page:
    style: PageStyle

    def format(self, usage: str, listed: Sequence[str], command: Command) -> str:
        paint = self.style.painter.paint
        first, *rest = self.wrapped(f"Usage: {usage}", 0)
        lines = [f"{paint(Role.HEADING, 'Usage:')}{first.removeprefix('Usage:')}", *rest, ""]
        summary, *details = ([*self.wrapped(paragraph, 0), ""] for paragraph in command.paragraphs)
        lines += [line for part in (summary, *([] if self.style.live else details)) for line in part]
        lines += listed
        for title, parameters in _groups(command, live=self.style.live).items():
            # Aligns the long names, where there is room for that.
            indent = "" if self.is_narrow else "    "
            rows = ((_label(parameter, indent), parameter.help) for parameter in parameters)
            lines += [self.heading(title), *self.rows(rows, _COLUMN, self.painted_option), ""]
        # A person looks for an option first.
        lines += [line for part in (details if self.style.live else ()) for line in part]
        lines.append(self.heading("Examples"))
        for example in command.examples:
            lines += [f"  {paint(Role.FAINT, f'# {example.meaning}')}", f"  {example.line}"]
        lines += ["", *self.wrapped("`man mmpipe`, or `mmpipe completion man | man -l -`, has more.", 0)]
        return "\n".join((*lines, ""))

    @property
    def is_narrow(self) -> bool:
        return self.style.width < _NARROW

    def heading(self, title: str) -> str:
        return self.style.painter.paint(Role.HEADING, f"{title}:")

    def painted_name(self, label: str) -> str:
        return self.style.painter.paint(Role.NAME, label)

    def painted_option(self, label: str) -> str:
        """Return a label with its names in colour, and the placeholder of the value without."""
        names = label.lstrip()
        indent, end = label[: len(label) - len(names)], ""
        if names.startswith("-") and " " in (last := names.rpartition(", ")[2]):
            end = last[last.index(" ") :]
        return f"{indent}{self.painted_name(names.removesuffix(end))}{end}"

    def rows(
        self, rows: Iterable[tuple[str, str]], column: int, paint: Callable[[str], str]
    ) -> Iterator[str]:
        if self.is_narrow:
            column = min(column, _INDENT)
        for label, sentence in rows:
            lines = self.wrapped(sentence, column)
            if len(label) + 4 <= column:
                gap = " " * (column - len(label) - 2)
                lines[0] = f"  {paint(label)}{gap}{lines[0].lstrip()}"
            else:
                yield f"  {paint(label)}"
            yield from lines

    def wrapped(self, text: str, column: int) -> list[str]:
        # Names are never broken, so that a search finds them.
        indent = " " * column
        return textwrap.wrap(
            text,
            self.style.width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _groups(command: Command, *, live: bool) -> Mapping[str, Sequence[Parameter]]:
    """Return the parameters by title; if `live`, those that are used most first, and not once more below."""
    if not (live and command.most_used):
        return command.groups
    by_name = {name: option for option in command.options for name in option.names}
    first = (*command.arguments, *(by_name[name] for name in command.most_used))
    rest = {
        title: [parameter for parameter in group if parameter not in first]
        for title, group in command.groups.items()
    }
    return {"Most used": first, **{title: group for title, group in rest.items() if group}}


def _label(parameter: Parameter, indent: str) -> str:
    if not parameter.names:
        return f"{parameter.metavar}..." if parameter.repeatable else parameter.metavar
    start = "" if len(parameter.names) > 1 else indent
    return f"{start}{', '.join(parameter.names)} {parameter.metavar}".rstrip()
