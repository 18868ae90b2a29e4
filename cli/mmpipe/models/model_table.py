"""Formats the list of models as a table for a terminal: units, marks for the default model and for those that have ended."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from mmpipe.core.catalogue import find_model
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.unix.streams import Output
from mmpipe.writers.table import TableStyle, format_table
from mmpipe.writers.terminal import Painter, Role, can_redraw, read_terminal_width, wants_style

_NUMBERS: Final = ("context", "max_output", "tps", "input", "output", "cache_read")
# Columns that a narrow terminal drops, in this order: the prices stay longest.
_OPTIONAL: Final = (
    "note",
    "tps",
    "cache_read",
    "max_output",
    "images",
    "thinking",
    "ends",
    "context",
    "output",
    "input",
)
_TITLES: Final[Mapping[str, str]] = {
    "id": "  model\n ",
    "context": "context\ntokens",
    "max_output": "max output\ntokens",
    "tps": "speed\ntokens/s",
    "input": "input\n$/M",
    "output": "output\n$/M",
    "cache_read": "cached\n$/M",
}


@dataclass(frozen=True, slots=True)
class ModelTable:
    """The names of the columns, and the rows, each with the id of a model first."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def format(self, output: Output, environment: Mapping[str, str]) -> str:
        """Return the table for a terminal; one without escape sequences gets the bare names of the columns."""
        width = read_terminal_width(output, environment)
        if not can_redraw(output, environment):
            style = TableStyle(width=width, bold=False, numbers=_NUMBERS, optional=_OPTIONAL)
            return format_table(self.columns, self.rows, style)
        is_styled = wants_style(environment)
        default, today = _find_default(environment), f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
        last_day = self.columns.index("ends")
        ended = [bool(row[last_day]) and row[last_day] < today for row in self.rows]
        title = {name: _TITLES.get(name, f"{name}\n ") for name in self.columns}
        style = TableStyle(
            width=width,
            bold=is_styled,
            numbers=[title[name] for name in _NUMBERS],
            optional=[title[name] for name in _OPTIONAL],
            faint=[number for number, has_ended in enumerate(ended) if has_ended],
        )
        signs = [
            "*" * (row[0] == default) + "x" * has_ended
            for row, has_ended in zip(self.rows, ended, strict=True)
        ]
        gap = max(map(len, signs), default=0)
        rows = [(f"{sign:{gap}} {row[0]}", *row[1:]) for sign, row in zip(signs, self.rows, strict=True)]
        table = format_table([title[name] for name in self.columns], rows, style)
        words = {"*": "* default", "x": "x has ended"}
        marks = [text for sign, text in words.items() if any(sign in found for found in signs)]
        legend = Painter(enabled=is_styled).paint(Role.FAINT, ", ".join(marks))
        return f"{table}\n{legend}" if marks else table


def _find_default(environment: Mapping[str, str]) -> str | None:
    """Return the id of the model that is asked without -m; None if the configuration file cannot be used."""
    from mmpipe.config.options import ServiceOptions
    from mmpipe.config.settings import Settings

    try:
        name = str(Settings.read(environment, ServiceOptions()).find("model").value)
    except UsageError:
        return None
    known = find_model(name)
    return name if known is None else known.id
