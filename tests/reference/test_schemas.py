"""The JSON Schemas that the page for programs shows are those of what mmpipe prints, field by field."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import jsonschema_rs
import pytest

from mmpipe.commands.tree import TREE
from mmpipe.reference.agent import agent_page
from mmpipe.reference.schemas import OBJECTS, OUTPUTS, schema_document
from mmpipe.reference.tables import EXIT_STATUSES, JSON_OUTPUT
from support.harness import parsed, service
from support.in_process import run_in_process

PAGE = agent_page(TREE)
(SHOWN,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TOOLS = '[{"type":"function","function":{"name":"now","parameters":{"type":"object"}}}]'


def fits(name: str, value: Mapping[str, object]) -> bool:
    """Whether `value` is valid, and the schema knows all its fields."""
    document = json.loads(SHOWN)
    known = document["$defs"][name]["properties"]
    return set(value) <= set(known) and jsonschema_rs.is_valid({**document, "$ref": f"#/$defs/{name}"}, value)


def misfits(output: str, lines: Sequence[bytes]) -> list[object]:
    """The lines that are not exactly one of the objects of this output."""
    assert lines
    return [line for line in lines if 1 != sum(fits(name, parsed(line)) for name in OUTPUTS[output])]


def test_the_page_shows_the_schemas() -> None:
    assert schema_document() == json.loads(SHOWN)
    assert [] == [
        name for name in OBJECTS if not jsonschema_rs.meta.is_valid(json.loads(SHOWN)["$defs"][name])
    ]
    assert {name for names in OUTPUTS.values() for name in names} | {"usage", "tool_call"} == set(OBJECTS)


def test_the_page_names_every_command_and_status_and_is_short() -> None:
    assert [] == [command.name for command in TREE.commands if f"- `mmpipe {command.synopsis}`" not in PAGE]
    assert [] == [status for status, _ in EXIT_STATUSES if f"- `{int(status)} {status.label}`: " not in PAGE]
    assert PAGE.count("\n") < 120
    assert len(PAGE) < 14_000


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("`-F json`", "answer"),
        ("`batch`", "batch_line"),
        ("`batch -F openai`", "openai_line"),
        ("`batch --dry-run`", "dry_run"),
        ("`--meta`", "meta"),
        ("`--meta`", "batch_meta"),
        ("`usage`", "usage"),
        ("`error`", "error"),
    ],
)
def test_the_manual_names_every_field_of_a_schema(row: str, name: str) -> None:
    table = dict(JSON_OUTPUT)
    # A line of a batch has the fields of an answer, and those by which a later run knows it.
    text = table[row] + (table["`batch`"] + table["`-F json`"] if row.startswith("`batch") else "")
    fields = [field.partition(":")[0].removesuffix("?") for field in OBJECTS[name].split()]
    assert [] == [field for field in fields if f"`{field}`" not in text]


@pytest.mark.slow
@pytest.mark.usefixtures("here")
class TestOutputs:
    """What real runs print, against a simulator."""

    @pytest.fixture
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "tools.json").write_text(TOOLS)
        (tmp_path / "rows.csv").write_text("id,prompt\na,hi\nb,hi\n")
        (tmp_path / "records.jsonl").write_text(
            '{"custom_id":"x","prompt":"hi"}\n{"prompt":"sim:length 9"}\n'
        )

    def test_an_answer_its_meta_and_the_run_of_a_tool(self) -> None:
        call = ("-n", "--tools", "tools.json", "--meta", "meta", "sim:tool now {}")
        with service() as server:
            done = run_in_process("chat", "--json", *call, "--run", "now=date", server=server)
            calls = run_in_process("chat", "--json", *call, server=server)
            hidden = run_in_process("stream", "--json", "-n", "-t", "hide", "hi", server=server)
        assert (0, 0, 0) == (done.status, calls.status, hidden.status)
        lines = [*done.stdout.splitlines(), *calls.stdout.splitlines(), *hidden.stdout.splitlines()]
        assert [] == misfits("chat --json, stream --json", lines)
        metas = Path("meta").read_bytes().splitlines()
        assert 3 == len(metas)
        assert [] == misfits("chat --meta FILE, stream --meta FILE", metas)

    def test_the_events_of_a_stream(self) -> None:
        call = (
            "stream",
            "-n",
            "-F",
            "jsonl",
            "--tools",
            "tools.json",
            "--run",
            "now=date",
            "sim:tool now {}",
        )
        with service() as server:
            done = run_in_process(*call, server=server)
        with service("cut") as server:
            cut = run_in_process(
                "stream", "-n", "-F", "jsonl", "--error-json", "--retries=0", "hi", server=server
            )
        lines = done.stdout.splitlines() + cut.stdout.splitlines()
        assert [] == misfits("chat -F jsonl, stream -F jsonl", lines)
        shown = {f"{parsed(line)['type']}" for line in lines}
        assert {"start", "thinking", "text", "tool_call", "tool_result", "usage", "end", "error"} == shown
        assert [] == misfits("--error-json, on standard error", cut.stderr.splitlines())

    @pytest.mark.parametrize(("format", "output"), [("jsonl", "batch"), ("openai", "batch -F openai")])
    def test_the_lines_of_a_batch_its_meta_and_its_dry_run(self, format: str, output: str) -> None:  # noqa: A002  its option
        call = ("batch", "-qF", format, "--pass-through", "--meta", "meta", "--keep-going", "--retries=0")
        with service("500:#2") as server:
            table = run_in_process(*call, "rows.csv", "--id-field", "id", server=server)
            lines = run_in_process(*call, "records.jsonl", server=server)
            bad = run_in_process(*call, server=server, stdin=b'{"prompt":3}\n')
            short = run_in_process(*call, "--max-tokens=5", server=server, stdin=b"sim:length 900\n")
            dry = run_in_process(*call[:2], "jsonl", "--dry-run", "records.jsonl", server=server)
        assert (0, 14, 14) == (table.status, lines.status, bad.status)
        found = [line for done in (table, lines, bad, short) for line in done.stdout.splitlines()]
        assert 6 == len(found)
        assert [] == misfits(output, found)
        assert [] == misfits("batch --meta FILE", Path("meta").read_bytes().splitlines())
        assert [] == misfits("batch --dry-run", dry.stdout.splitlines())
