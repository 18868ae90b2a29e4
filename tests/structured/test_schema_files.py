"""A schema is taken as other programs write it: in a wrapper, with odd names, in several files, for an older draft."""

import json
import os
import socket
from pathlib import Path

import pytest

from mmpipe.errors import InputError, UsageError
from mmpipe.structured.constraint import read_constraint
from mmpipe.structured.options import ConstraintOptions
from mmpipe.structured.schema import Schema
from mmpipe.unix.inputs import Inputs, NamedInput
from mmpipe.unix.streams import Input

INTEGER = {"type": "integer"}
YEAR = {"type": "object", "properties": {"year": INTEGER}, "required": ["year"]}
ODD_NAMES = [
    "中文",
    "Foo<Bar>",
    "Map<string,List<int>>",
    "a b",
    "a|b",
    "a%b",
    "100%",
    "a/b",
    "a~b",
    'a"b',
    "a^b",
    "a{b}",
    "a[0]",
    "a#b",
    "a?b",
    "a\\b",
    "é",
    "😀",
    "",
    " ",
]


def read(path: str) -> str:
    return Inputs(Input(-1)).read_text(NamedInput("--schema", path))


def schema(value: object, folder: Path | None = None) -> Schema:
    path = "s.json" if folder is None else str(folder / "s.json")
    return Schema.parse_file(json.dumps(value), path, read)


def refusal(value: object, folder: Path | None = None) -> str:
    with pytest.raises(InputError) as caught:
        schema(value, folder)
    assert "s.json" in caught.value.message
    assert caught.value.message.isprintable()
    return caught.value.message


def write(folder: Path, **files: object) -> None:
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))


@pytest.mark.parametrize(
    "wrapped",
    [
        YEAR,
        {"name": "year", "schema": YEAR, "strict": True},
        {"name": "year", "description": "a year", "schema": YEAR},
        {"type": "json_schema", "json_schema": {"name": "year", "schema": YEAR, "strict": True}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "year", "schema": YEAR}}},
        {
            "model": "m",
            "messages": [],
            "response_format": {"type": "json_schema", "json_schema": {"schema": YEAR}},
        },
        {"type": "json_schema", "name": "year", "strict": True, "schema": YEAR},
        {"text": {"format": {"type": "json_schema", "name": "year", "schema": YEAR}}},
        {"format": YEAR},
        {"json_schema": {"schema": YEAR}},
    ],
)
def test_a_schema_is_taken_out_of_the_wrappers_of_apis(wrapped: object) -> None:
    found = schema(wrapped)
    assert json.dumps(YEAR, separators=(",", ":")) == found.text
    assert found.is_valid({"year": 3})
    assert not found.is_valid({})


def test_numbers_in_a_wrapper_are_as_the_user_wrote_them() -> None:
    found = Schema.parse_file('{"name": "n", "schema": {"maximum": 0.10000000000000000001}}', "s.json", read)
    assert '{"maximum":0.10000000000000000001}' == found.text


@pytest.mark.parametrize(
    "value",
    [
        {"properties": {"schema": INTEGER, "json_schema": INTEGER}},
        {"type": "object", "schema": {"type": "string"}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "schema": {"type": "string"}},
        {"required": [], "response_format": {"type": "string"}},
    ],
)
def test_a_schema_with_the_names_of_wrappers_stays_whole(value: object) -> None:
    assert schema(value).is_valid({})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"name": "Ann", "age": 3}, "no JSON Schema: it has no keyword of one, only name, age"),
        ({"title": "Year", "description": "a year"}, "only title, description"),
        (
            {"name": {"type": "string"}},
            'a list of properties goes into {"type": "object", "properties": ...}',
        ),
        ({"name": "f", "input_schema": YEAR}, "only name, input_schema"),
        ({"openapi": "3.1.0", "components": {"schemas": {"Y": YEAR}}}, "only openapi, components"),
        ({"type": "json_object"}, 'a response_format of type "json_object" without a schema'),
        ({"response_format": {"type": "json_object"}}, 'type "json_object" without a schema'),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, "only name"),
        ({"$defs": {"Year": YEAR}}, 'would accept every answer: add "$ref": "#/$defs/Year"'),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"Y": YEAR}},
            '"#/definitions/Y"',
        ),
    ],
)
def test_what_is_no_schema_is_refused_with_what_it_is(value: object, reason: str) -> None:
    assert reason in refusal(value)


@pytest.mark.parametrize("value", [{}, True, {"$schema": "http://json-schema.org/draft-07/schema#"}])
def test_the_schemas_that_accept_every_value_by_name_are_no_mistake(value: object) -> None:
    assert schema(value).is_valid([1])


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("draft", [{}, {"$schema": "http://json-schema.org/draft-07/schema#"}])
def test_a_reference_may_hold_any_character_as_it_is_or_escaped(name: str, draft: dict[str, object]) -> None:
    pointer = name.replace("~", "~0").replace("/", "~1")
    for place in ("$defs", "definitions"):
        wanted = {**draft, "properties": {"n": {"$ref": f"#/{place}/{pointer}"}}, place: {name: INTEGER}}
        assert schema(wanted).is_valid({"n": 3})
        assert '$.n: "x" is not of type "integer".' == schema(wanted).complaint({"n": "x"})
        assert wanted == json.loads(schema(wanted).text)


@pytest.mark.parametrize("escaped", ["Foo%3CBar%3E", "Foo%3cBar>", "Foo<Bar%3E"])
def test_a_reference_may_be_escaped_in_part(escaped: str) -> None:
    wanted = {"$ref": f"#/$defs/{escaped}", "$defs": {"Foo<Bar>": INTEGER}}
    assert not schema(wanted).is_valid("x")


def test_an_anchor_is_found() -> None:
    assert not schema({"$ref": "#y", "$defs": {"any": {"$anchor": "y", **INTEGER}}}).is_valid("x")


def test_values_and_names_that_look_like_references_are_none() -> None:
    value = {"$ref": "#/中文"}
    assert schema({"const": value, "default": value, "examples": [value]}).is_valid(value)
    named = {
        "properties": {"$ref": {"enum": ["#/<x>"]}, "const": {"$ref": "#/$defs/<x>"}},
        "$defs": {"<x>": INTEGER},
    }
    assert schema(named).is_valid({"$ref": "#/<x>", "const": 1})
    assert not schema(named).is_valid({"const": "x"})


@pytest.mark.parametrize(
    ("value", "draft"),
    [
        ({"properties": {"n": {"exclusiveMinimum": True, "minimum": 0}}}, "draft-04"),
        ({"items": [INTEGER]}, "2019-09"),
        ({"properties": {"n": {"$ref": "http://json-schema.org/draft-07/schema#"}}}, "draft-07"),
    ],
)
def test_a_schema_of_an_older_draft_is_told_which_line_to_add(value: dict[str, object], draft: str) -> None:
    message = refusal(value)
    assert 'It names no "$schema", so draft 2020-12 is assumed; it is valid by draft ' in message
    uri = message.rpartition('add "$schema": "')[2].rstrip('"')
    assert draft in uri
    assert schema({"$schema": uri, **value}).is_valid({})


def test_a_schema_that_fits_no_draft_or_names_its_own_gets_no_such_advice() -> None:
    assert "assumed" not in refusal({"type": "strin"})
    new = "https://json-schema.org/draft/2020-12/schema"
    assert "assumed" not in refusal({"$schema": new, "items": [INTEGER]})
    assert "the known drafts are 2020-12" in refusal({"$schema": "http://json-schema.org/draft-03/schema#"})


@pytest.mark.parametrize(
    "own", [{}, {"$id": "https://example.com/all/s.json"}, {"$id": "/all/s.json"}, {"$id": "s.json"}]
)
def test_files_in_the_folder_of_a_schema_belong_to_it(tmp_path: Path, own: dict[str, object]) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/数 字.json").write_text('{"definitions": {"n": {"$ref": "../base.json#/$defs/i"}}}')
    write(tmp_path, base={"$defs": {"n<1>": {"$ref": "parts/数 字.json#/definitions/n"}, "i": INTEGER}})
    found = schema({**own, "properties": {"n": {"$ref": "base.json#/$defs/n<1>"}}}, tmp_path)
    assert '$.n: "x" is not of type "integer".' == found.complaint({"n": "x"})
    first, *others = found.text.split("\n")
    assert {**own, "properties": {"n": {"$ref": "base.json#/$defs/n<1>"}}} == json.loads(first)
    assert ["It refers to base.json:", "It refers to parts/数 字.json:"] == others[::2]
    assert {"definitions": {"n": {"$ref": "../base.json#/$defs/i"}}} == json.loads(others[3])


def test_a_file_by_its_address_beside_that_of_the_schema_is_taken_from_the_folder(tmp_path: Path) -> None:
    write(tmp_path, b={"$id": "https://example.com/all/b.json", **INTEGER})
    wanted = {"$schema": "http://json-schema.org/draft-04/schema#", "id": "https://example.com/all/s.json"}
    for address in ("https://example.com/all/b.json", "b.json", "https://example.com/all/b", "b"):
        found = schema({**wanted, "items": {"$ref": address}}, tmp_path)
        assert not found.is_valid(["x"])


def test_a_file_is_read_by_the_draft_of_the_schema_unless_it_names_its_own(tmp_path: Path) -> None:
    write(tmp_path, b={"minimum": 3, "exclusiveMinimum": True})
    four = "http://json-schema.org/draft-04/schema#"
    assert not schema({"$schema": four, "items": {"$ref": "b.json"}}, tmp_path).is_valid([3])
    write(tmp_path, b={"$schema": four, "minimum": 3, "exclusiveMinimum": True})
    assert not schema({"items": {"$ref": "b.json"}}, tmp_path).is_valid([3])


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("none.json", "cannot read none.json, to which "),
        ("../outside.json", "refers to ../outside.json, which is not in the folder of the schema"),
        ("parts/../../outside.json", "which is not in the folder"),
        ("%2e%2e/outside.json", "which is not in the folder"),
        ("link.json", "refers to link.json, which is not in the folder"),
        ("parts", "it is no regular file"),
        ("pipe", "it is no regular file"),
        ("a%00b", "cannot read a"),
        ("file:///etc/passwd", "which is not in the folder"),
        ("file://host/x.json", "nothing is fetched"),
        (
            "https://example.com/x.json",
            "refers to https://example.com/x.json; nothing is fetched: save it beside",
        ),
        ("//example.com/x.json", "nothing is fetched"),
        ("urn:example:x", "refers to urn:example:x; nothing is fetched"),
        ("text.json", "text.json (in "),
        ("list.json", "a schema is an object, true or false"),
        ("good.json#/$defs/no", "'/$defs/no' does not exist"),
        ("x\x1b[2J.json", "cannot read x"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_by_its_name(
    tmp_path: Path, reference: str, reason: str
) -> None:
    folder = tmp_path / "schemas"
    (folder / "parts").mkdir(parents=True)
    write(tmp_path, outside=INTEGER)
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    os.mkfifo(folder / "pipe")
    (folder / "text.json").write_text("{")
    write(folder, list=[1], good=INTEGER)
    assert reason in refusal({"items": {"$ref": reference}}, folder)


def test_the_files_of_a_schema_are_bounded_in_number_and_bytes(tmp_path: Path) -> None:
    for number in range(120):
        write(tmp_path, **{f"f{number}": {"$ref": f"f{number + 1}.json"}})
    assert "refers to too much: at most 100 files" in refusal({"items": {"$ref": "f0.json"}}, tmp_path)
    (tmp_path / "large.json").write_bytes(b" " * 9 * 2**20 + b"{}")
    assert "refers to too much" in refusal({"items": {"$ref": "large.json"}}, tmp_path)


def test_a_schema_from_standard_input_has_no_folder() -> None:
    for reference, shown in (("x.json", "x.json"), ("file:///etc/hosts", "file:///etc/hosts")):
        with pytest.raises(InputError, match=f"refers to {shown}; a schema must hold everything"):
            Schema.parse_file(json.dumps({"$ref": reference}), "-", None)


def test_a_part_of_a_schema_is_no_other_input_of_the_run(tmp_path: Path) -> None:
    write(tmp_path, s={"$ref": "link.json"}, key=YEAR)
    (tmp_path / "link.json").symlink_to("key.json")
    chosen, key = ConstraintOptions(schema=str(tmp_path / "s.json")), str(tmp_path / "key.json")
    with (tmp_path / "key.json").open("rb") as file:
        of_run = Inputs(Input(-1), [NamedInput("--api-key-file", key, is_secret=True), chosen.input])
        as_stdin = Inputs(Input(file.fileno()), [NamedInput("-f", "-"), chosen.input])
        for inputs, message in (
            (of_run, r"read as the key \(--api-key-file\)"),
            (as_stdin, "once only: -f and"),
        ):
            with pytest.raises(UsageError, match=f"{message}.* a part of --schema"):
                read_constraint(chosen, inputs, print)


def test_no_address_is_ever_connected_to(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        write(tmp_path, b={"$ref": f"{address}c.json"})
        for value in (
            {"$id": f"{address}s.json", "$ref": "c.json"},
            {"$ref": f"{address}c.json"},
            {"items": {"$ref": "b.json"}},
            {"$schema": f"{address}meta"},
        ):
            refusal(value, tmp_path)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    "rule", [{"pattern": "a\ud800"}, {"enum": ["\udfff"]}, {"properties": {"\ud800": {}}}]
)
def test_a_lone_surrogate_in_a_schema_or_a_file_beside_it_is_refused(rule: object, tmp_path: Path) -> None:
    for value in (rule, {"schema": rule}, {"type": "json_schema", "json_schema": {"schema": rule}}):
        assert "holds a lone surrogate, which is no character" in refusal(value)
    write(tmp_path, other=rule)
    with pytest.raises(InputError, match="holds a lone surrogate"):
        schema({"$ref": "other.json"}, tmp_path)
