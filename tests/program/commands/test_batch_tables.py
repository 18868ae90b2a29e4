"""`batch` asks the rows of a table, and keeps for them what it promises for all records."""

import bz2
import csv
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from support.harness import MMPIPE, Record, mmpipe, parsed, prompts, read_until, service, started
from support.in_process import run_in_process

REVIEWS = 1500
FIELDS = ("id", "review", "answer")
TEXTS = (
    'Works "as described",\r\nmostly.', "很好! 五颗星。\n下次再买", "plain", "a,b;c\td", '""', "5\" disk, it's fine", "  spaces  ", "x\ry",
    'Arrived late.\n\n"Sorry", they said',
)  # fmt: skip
SCHEMA = {"type": "object", "properties": {"of": {"type": "string"}}, "required": ["of"]}


def reviews(count: int) -> Iterator[Record]:
    for number in range(count):
        review = f"{number} {TEXTS[number % len(TEXTS)]}"
        yield {"id": f"r{number}", "review": review, "answer": json.dumps({"of": review}, ensure_ascii=False)}


def write(path: Path, rows: Iterator[Record]) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


def read(path: str) -> list[Record]:
    return [parsed(line) for line in Path(path).read_bytes().splitlines()]


@pytest.mark.long
def test_each_review_of_a_table_has_its_own_answer() -> None:
    """The answer of each row is its own cell, sent through the service, checked by the schema and written down."""
    write(Path("in.csv"), reviews(REVIEWS))
    Path("schema.json").write_text(json.dumps(SCHEMA))
    command = (
        "batch", "--template", "sim:echo {answer}", "--schema", "schema.json", "-o", "out.jsonl", "-k", "in.csv",
    )  # fmt: skip
    with service() as server:
        halves = [
            mmpipe(*command, "--limit", "600", server=server),
            mmpipe(*command, "--resume", server=server),
        ]
        asked = prompts(server)
    assert [0, 0] == [done.status for done in halves], halves[-1].stderr_text
    expected = list(reviews(REVIEWS))
    assert {f"sim:echo {row['answer']}" for row in expected} == {str(prompt) for prompt in asked}
    assert REVIEWS == len(asked)
    found = read("out.jsonl")
    assert [(row["id"], {"of": row["review"]}, row) for row in expected] == [
        (line["id"], json.loads(str(line["content"])), line["input"]) for line in found
    ]
    joined = mmpipe("batch", "--merge", "out.jsonl", "-F", "csv", "--schema", "schema.json")
    assert 0 == joined.status, joined.stderr_text
    table = list(csv.reader(io.StringIO(joined.stdout.decode(), newline="")))
    rows = [[*row.values(), row["review"], ""] for row in expected]
    assert [[*FIELDS, "of", "error"], *rows] == table


def test_a_table_in_is_a_table_out_with_a_row_for_each_row() -> None:
    Path("in.csv").write_text('id,prompt,content\n1,sim:echo 0,\n7,sim:echo 1,"a, b"\n8,,c\n9,d\n7,x,\n')
    with service() as server:
        done = mmpipe("batch", "in.csv", "--keep-going", "-k", "-q", "-F", "csv", server=server)
    assert ExitStatus.PARTIAL == done.status
    assert [
        "id,prompt,content,answer_content,error",
        "1,sim:echo 0,,0,",
        '7,sim:echo 1,"a, b",1,',
        '8,,c,,"in.csv, line 4: its prompt is empty"',
        ',,,,"in.csv, line 5: it has 2 columns, and the header has 3"',
        "7,x,,,\"in.csv, line 6: the id '7' is in in.csv, line 3, and in in.csv, line 6\"",
    ] == done.stdout.decode().splitlines()


def test_rows_are_counted_limited_sharded_and_named_by_their_lines() -> None:
    write(Path("in.csv"), reviews(20))
    Path("in.csv.bz2").write_bytes(bz2.compress(Path("in.csv").read_bytes()))
    Path("twice.csv").write_text('id,prompt\n1,"a\nb"\n2,c\n1,d\n3\n')
    Path("bare.tsv").write_text("title\ttext\nx\ty\n")
    with service() as server:
        template = ("--template", "sim:echo {answer}")
        dry = mmpipe("batch", "--dry-run", *template, "in.csv")
        assert 20 == dry.record["records"], dry.stderr_text
        shards = [
            mmpipe("batch", *template, "--shard", f"{number}/2", "in.csv.bz2", server=server)
            for number in (1, 2)
        ]
        assert {f"r{number}" for number in range(20)} == {
            line["id"] for done in shards for line in done.records
        }
        asked = len(prompts(server))
        twice = mmpipe("batch", "twice.csv", server=server)
        assert twice.status == ExitStatus.INPUT
        assert "the id '1' is in twice.csv, line 2, and in twice.csv, line 5" in twice.stderr_text
        assert "twice.csv, line 6: it has 1 column, and the header has 2" in twice.stderr_text
        for piped in (("bare.tsv",), ("--input-format", "tsv")):
            bare = mmpipe("batch", *piped, server=server, stdin=Path("bare.tsv").read_bytes())
            assert bare.status == ExitStatus.INPUT
            assert "has no column prompt, messages or body, but title, text; " in bare.stderr_text
            assert "--template '{text}'" in bare.stderr_text
            assert "keep-going" not in bare.stderr_text
        assert asked == len(prompts(server))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "begin", "go_on"),
    [
        ("csv", b"id,answer\r\n1,on\r\n", [b'2,"tw', b'o"\r\n']),
        ("json", b'[\n{"id": 1, "answer": "on"},', [b'{"id": 2, "answer":', b' "two"}\n]']),
    ],
)
def test_a_row_of_a_live_pipe_is_answered_before_the_next_one_is_there(
    form: str, begin: bytes, go_on: list[bytes]
) -> None:
    command = (*MMPIPE, "batch", "--input-format", form, "--template", "sim:echo {answer}")
    with service() as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(begin)
        process.stdin.flush()
        assert b'"id":"1"' in read_until(process.stdout, b"\n")
        for part in go_on:
            process.stdin.write(part)
            process.stdin.flush()
        assert b'"content":"two"' in read_until(process.stdout, b"\n")
        process.stdin.close()
        assert 0 == process.wait(60)


def test_a_table_without_a_row_is_refused_if_it_lacks_a_column_that_is_named() -> None:
    Path("it.csv").write_text("id,txt\n")
    for options, name in (
        (("--template", "{text}"), "text"),
        (("--template", "{txt}", "--id-field", "i"), "i"),
    ):
        done = run_in_process("batch", "it.csv", *options, env={"MINIMAX_API_KEY": "k"})
        assert (ExitStatus.INPUT, b"") == (done.status, done.stdout)
        assert f"it.csv, line 1: the table has no column {name}: it has id, txt" in done.stderr_text
