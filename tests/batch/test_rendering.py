"""Result lines are shown as text, or as a table that any reader of CSV takes."""

import csv
import io
import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.journal.result_format import ResultFormat
from mmpipe.batch.rendering import choose_rendering
from mmpipe.writers.terminal import Painter

FAILURE = {"code": 4, "name": "quota", "message": "no balance"}


def line(name: str = "0", content: str = "", **fields: object) -> bytes:
    record = {"id": name, "content": content, "error": None, "has_own_id": False, **fields}
    return json.dumps(record).encode() + b"\n"


def openai_line(name: str, content: str | None, **fields: object) -> bytes:
    body = {"choices": [{"message": {"role": "assistant", "content": content}}]}
    record = {
        "id": f"batch_req_{name}",
        "custom_id": name,
        "response": {"body": body},
        "error": None,
        **fields,
    }
    return json.dumps(record).encode() + b"\n"


def shown(
    result_format: ResultFormat,
    lines: Sequence[bytes],
    fields: Sequence[str] = (),
    known: Iterable[bytes] = (),
    *,
    is_terminal: bool = False,
) -> tuple[str, list[str]]:
    """What is shown of these lines, and the warnings."""
    warnings: list[str] = []
    render = choose_rendering(result_format, fields, warnings.append, is_terminal=is_terminal)(known)
    return b"".join(map(render, lines)).decode(), warnings


def rows(*lines: bytes, fields: Sequence[str] = (), known: Iterable[bytes] = ()) -> list[list[str]]:
    table, warnings = shown("csv", lines, fields, known)
    assert not warnings
    return list(csv.reader(io.StringIO(table, newline="")))


@pytest.mark.parametrize("result_format", ["jsonl", "openai"])
def test_lines_stay_as_they_are(result_format: ResultFormat) -> None:
    assert (line().decode(), []) == shown(result_format, [line()])


def test_on_a_terminal_control_characters_are_visible() -> None:
    odd = line(content="\x1b[2J\u202e").replace(rb"\u202e", "\u202e".encode())
    for result_format in ("jsonl", "text", "csv"):
        found, _ = shown(result_format, [odd], is_terminal=True)
        assert not {"\x1b", "\u202e"} & set(found)


def test_on_a_terminal_the_id_stands_before_each_answer() -> None:
    lines = [line("a\nb\x1b[2J", "one"), line("1", error=FAILURE), openai_line("x", "two\n")]
    assert "── a b␛[2J\none\n── x\ntwo\n" == shown("text", lines, is_terminal=True)[0]
    render = choose_rendering("text", (), print, is_terminal=True, painter=Painter(enabled=True))(())
    assert "\x1b[2m── 7\x1b[0m\none\n" == render(line("7", "one")).decode()


def test_text_is_the_answers_alone_each_with_a_newline_at_its_end() -> None:
    lines = [line(content="one"), line(content="two\n"), line(content="a\nb"), openai_line("x", "three")]
    assert ("one\ntwo\na\nb\nthree\n", []) == shown("text", lines)


def test_failed_records_are_named_beside_the_text_the_first_ten_of_them() -> None:
    failed = [line(str(number), "a part", error=FAILURE) for number in range(12)]
    text, warnings = shown(
        "text", [*failed, openai_line("x", "cut", incomplete=FAILURE), line(content="good")]
    )
    assert ("good\n", [f"{number}: no balance" for number in range(10)]) == (text, warnings)


def test_a_table_has_the_columns_of_the_input_then_the_answer_then_the_error() -> None:
    row = {"title": 'a, "b"\nc', "stars": "5"}
    assert [
        ["title", "stars", "content", "error"],
        ['a, "b"\nc', "5", "56\n", ""],
        ["中文", "", "", "no balance"],
    ] == rows(line(content="56\n", input=row), line(content="a part", input={"title": "中文"}, error=FAILURE))


def test_the_fields_of_a_schema_are_columns_with_numbers_as_they_stand() -> None:
    answer = '{"tone": "good", "score": 1.10, "tags": ["a", "b"], "sure": true, "none": null}'
    expected = [
        ["id", "score", "tone", "tags", "sure", "none", "error"],
        ["0", "1.10", "good", '["a","b"]', "true", "", ""],
        ["1", "", "", "", "", "", "no balance"],
    ]
    names = ["score", "tone", "tags", "sure", "none"]
    assert expected == rows(line(content=answer), line("1", error=FAILURE), fields=names)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"has_own_id": True, "input": {"a": "x"}}, ["id", "a"]),
        ({"has_own_id": True, "input": {"id": "7", "a": "x"}}, ["id", "a"]),
        ({"has_own_id": True, "input": {"number": "7", "a": "x"}}, ["id", "number", "a"]),
        ({"has_own_id": True, "input": {"number": 7, "a": "x"}, "id_field": "number"}, ["number", "a"]),
        ({"has_own_id": True, "input": {"a": {"number": 7}}, "id_field": "a.number"}, ["id", "a"]),
        ({"has_own_id": False, "input": {"a": "x"}}, ["a"]),
        ({"has_own_id": False, "input": {}}, ["id"]),
        ({"has_own_id": False}, ["id"]),
    ],
)
def test_the_id_is_a_column_unless_the_input_has_it_or_it_is_only_a_place(
    fields: dict[str, object], expected: list[str]
) -> None:
    assert [*expected, "content", "error"] == rows(line("7", "", **fields))[0]


def test_a_column_of_the_answer_that_the_input_has_too_gets_another_name() -> None:
    row = {"content": "x", "error": "y", "answer_content": "z"}
    assert [*row, "answer_answer_content", "answer_error"] == rows(line(input=row))[0]


def test_the_error_keeps_its_name_beside_a_field_of_the_schema() -> None:
    lines = [line(content='{"error": "none"}'), line("1", error=FAILURE)]
    expected = [["id", "answer_error", "error"], ["0", "none", ""], ["1", "", "no balance"]]
    assert expected == rows(*lines, fields=["error"])


def test_both_names_of_an_id_are_one_column() -> None:
    one = line("x", "1", has_own_id=True).replace(b'"id"', b'"custom_id"')
    assert [["custom_id", "content", "error"], ["x", "1", ""], ["y", "2", ""]] == rows(
        one, line("y", "2", has_own_id=True)
    )


def test_lines_that_are_known_before_give_all_columns() -> None:
    lines = [line(input={"a": "1"}), line(input={"b": "2"})]
    assert [["a", "b", "content", "error"], ["1", "", "", ""], ["", "2", "", ""]] == rows(*lines, known=lines)


def test_what_has_no_column_is_named_once() -> None:
    lines = [line(input={"a": 1}), *[line(content='{"y": 1, "z": 2}', input={"a": 1, "b": 2})] * 3]
    table, warnings = shown("csv", lines, fields=["z"])
    assert "a,z,error\n1,,\n1,2,\n1,2,\n1,2,\n" == table
    assert [
        "the table has no column for the field 'b', which a record has, and the first one has not",
        "the table has no column for the field 'y', which an answer has, and the schema does not name",
    ] == warnings


def test_a_record_that_could_not_be_read_has_a_row_of_its_error_alone() -> None:
    lines = [line("1", "one", has_own_id=True, input={"a": "x"}), line("1", error=FAILURE)]
    assert [["id", "a", "content", "error"], ["1", "x", "one", ""], ["", "", "", "no balance"]] == rows(
        *lines
    )


def test_a_lone_surrogate_costs_no_row() -> None:
    assert "id,content,error\n0,\\ud83d,\n" == shown("csv", [line(content="\ud83d")])[0]
    assert r'"[""\ud83d""]"' in shown("csv", [line(input={"a": ["\ud83d"]})])[0]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_whatever_the_cells_hold_a_reader_of_csv_finds_it_again(cells: list[str]) -> None:
    row = {f"column {place}": cell for place, cell in enumerate(cells)}
    assert [[*row, "content", "error"], [*cells, cells[0], ""]] == rows(line(content=cells[0], input=row))
