"""Renders result lines, which are JSON, in the format that the user wants: as they are, as text, or as a table; pure."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, assert_never

from mmpipe.batch.journal.result_format import ResultFormat
from mmpipe.text import exact_json
from mmpipe.text.visible import one_line, visible, visible_json
from mmpipe.writers.terminal import Painter, Role

# Makes the bytes of one result line; the first may bring a header along.
Render: TypeAlias = Callable[[bytes], bytes]
Warn: TypeAlias = Callable[[str], None]

_UNPAINTED: Final = Painter(enabled=False)
_LONGEST_NAME: Final = 60  # characters, in the line before an answer
_MOST_NAMED: Final = 10  # failed records, and columns, on stderr
_QUOTED: Final = re.compile(r'[",\r\n]')
_CONTENT: Final = "content"
_ERROR: Final = "error"


def render_lines(*, is_terminal: bool) -> Render:
    """Return the rendering of lines as they are; on a terminal equal ones that are visible."""
    if not is_terminal:
        return bytes
    return lambda line: visible_json(line.decode(errors="replace")).encode()


class TextRendering:
    """Renders the good answers alone, each ended by a newline; the first failed records go to `warn`.

    On a terminal a line with the record's id stands before each answer, faint by the `painter`.
    """

    def __init__(self, warn: Warn, *, is_terminal: bool, painter: Painter) -> None:
        self._warn, self._is_terminal, self._painter = warn, is_terminal, painter
        self._failed = 0

    def __call__(self, line: bytes) -> bytes:
        """Return the text of the answer; empty for a failed record."""
        record = _parse(line)
        if (error := _error(record)) is not None:
            self._failed += 1
            if self._failed <= _MOST_NAMED:
                self._warn(f"{_name(record)[1]}: {one_line(error)}")
            return b""
        text = _content(record)
        answer = _encode(text if text.endswith("\n") else f"{text}\n", is_terminal=self._is_terminal)
        return self._heading(_name(record)[1]) + answer if self._is_terminal else answer

    def _heading(self, name: str) -> bytes:
        line = f"── {one_line(name, _LONGEST_NAME)}"
        return f"{self._painter.paint(Role.FAINT, line)}\n".encode(errors="backslashreplace")


class TableRendering:
    """Renders a row of CSV (RFC 4180, with the line ends of Unix) for each record, under a header.

    The columns are those of the input, then those of the answer: the fields of the schema or else `content`, and `error`.
    They are those of the lines in `known`, or of the first line. What has no column is left out, and goes to `warn`.
    """

    def __init__(
        self, fields: Sequence[str], warn: Warn, known: Iterable[bytes], *, is_terminal: bool
    ) -> None:
        self._fields, self._warn, self._is_terminal = tuple(fields), warn, is_terminal
        self._inputs: list[str] = []
        self._has_fields = False
        for line in known:
            self._add_columns(_parse(line))
        self._has_begun = False
        self._reported: set[str] = set()

    def __call__(self, line: bytes) -> bytes:
        """Return the row; before the first one, the header."""
        record = _parse(line)
        header = ""
        if not self._has_begun:
            self._has_begun = True
            if not self._inputs:
                self._add_columns(record)
            header = _format_row(_name_columns(self._inputs, self._fields))
        return _encode(header + _format_row(self._row(record)), is_terminal=self._is_terminal)

    def _add_columns(self, record: Mapping[str, object]) -> None:
        self._inputs += [name for name in _inputs(record) if name not in self._inputs]
        self._has_fields = self._has_fields or bool(record.get("input"))

    def _row(self, record: Mapping[str, object]) -> Iterator[str]:
        passed, error = _mapping(record.get("input")), _error(record)
        # Beside the ids of others, a place in the input would be taken for one.
        is_nameless = self._has_fields and not record.get("has_own_id", True)
        values = dict(passed if is_nameless else _inputs(record))
        field, name = _name(record)
        other = {"id": "custom_id", "custom_id": "id"}[field]
        if not is_nameless and field not in self._inputs and other in self._inputs:
            # Both name a record; the first record decides.
            values.setdefault(other, name)
        self._report(passed.keys() - set(self._inputs), "a record has, and the first one has not")
        yield from (_cell(values.get(name)) for name in self._inputs)
        content = "" if error is not None else _content(record)
        if self._fields:
            answer = _object(content)
            self._report(answer.keys() - set(self._fields), "an answer has, and the schema does not name")
            yield from (_cell(answer.get(name)) for name in self._fields)
        else:
            yield content
        yield error or ""

    def _report(self, left_out: set[str], reason: str) -> None:
        for name in sorted(left_out - self._reported):
            if len(self._reported) < _MOST_NAMED:
                self._reported.add(name)
                self._warn(f"the table has no column for the field {one_line(name, 60)!r}, which {reason}")


def render_header(columns: Sequence[str], fields: Sequence[str], *, is_terminal: bool) -> bytes:
    """Return the header of a table with these columns and no rows."""
    return _encode(_format_row(_name_columns(columns, fields)), is_terminal=is_terminal)


def _name_columns(inputs: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Return the names of the columns; one of the answer that is taken, by the input or by the error, gets a prefix."""
    taken = [*inputs, *([] if _ERROR in inputs else [_ERROR])]
    names = list(inputs)
    for name in fields or (_CONTENT,):
        names.append(_free_name(name, [*taken, *names]))
    return [*names, _ERROR if _ERROR not in names else _free_name(_ERROR, names)]


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"answer_{name}"
    return name


def choose_rendering(
    result_format: ResultFormat,
    fields: Sequence[str],
    warn: Warn,
    *,
    is_terminal: bool,
    painter: Painter = _UNPAINTED,
) -> Callable[[Iterable[bytes]], Render]:
    """Return a function that makes the rendering; it takes the lines, as far as they are known before."""
    match result_format:
        case "jsonl" | "openai":
            return lambda _: render_lines(is_terminal=is_terminal)
        case "text":
            return lambda _: TextRendering(warn, is_terminal=is_terminal, painter=painter)
        case "csv":
            return lambda known: TableRendering(fields, warn, known, is_terminal=is_terminal)
        case _:
            assert_never(result_format)


def _parse(line: bytes) -> Mapping[str, object]:
    found = exact_json.loads(line.decode())
    assert isinstance(found, dict)  # noqa: S101  a line of ours
    return found


def _name(record: Mapping[str, object]) -> tuple[str, str]:
    """Return the field that names the record, and its value."""
    # A line of the OpenAI Batch API has an id of its own beside.
    field = "custom_id" if "custom_id" in record else "id"
    return field, str(record[field])


def _inputs(record: Mapping[str, object]) -> Mapping[str, object]:
    """Return the columns of the input: those that were passed through, after the id where they do not have it."""
    passed = _mapping(record.get("input"))
    field, value = _name(record)
    is_among_them = field in passed or record.get("id_field") in passed
    if passed and (is_among_them or not record.get("has_own_id", True)):
        return passed
    return {field: value, **passed}


def _error(record: Mapping[str, object]) -> str | None:
    """Return the reason of a failure, also where a part of the answer is there."""
    found = record.get("error") or record.get("incomplete")
    return None if found is None else str(_mapping(found).get("message"))


def _content(record: Mapping[str, object]) -> str:
    """Return the text of the answer, in either form of a line."""
    if "response" in record:
        choices = _mapping(_mapping(record["response"]).get("body")).get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        record = _mapping(_mapping(first).get("message"))
    return str(record.get(_CONTENT) or "")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _object(content: str) -> Mapping[str, object]:
    """Return the fields of an answer that is an object of JSON; none of any other."""
    try:
        return _mapping(exact_json.loads(content))
    except (ValueError, RecursionError):
        return {}


def _format_row(cells: Iterable[str]) -> str:
    # The csv module of some versions of Python quotes no lone carriage return, at which readers end a row.
    return (
        ",".join('"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell for cell in cells)
        + "\n"
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return exact_json.dumps(value)
    except UnicodeEncodeError:
        # A lone surrogate stays an escape.
        return json.dumps(value)


def _encode(text: str, *, is_terminal: bool) -> bytes:
    return (visible(text) if is_terminal else text).encode(errors="backslashreplace")
