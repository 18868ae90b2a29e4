"""The list of models is a table for a person, and lines for a script."""

import json
import subprocess
import sys

import pytest

from mmpipe.catalogue import load
from mmpipe.errors import Rejected
from mmpipe.models import ModelsOptions, models
from mmpipe.streams import Streams

IDS = [model.id for model in load()]


def shown(options: ModelsOptions, terminals: str = "", **environment: str) -> str:
    streams = Streams.fake(terminals=terminals)
    models(options, streams, environment)
    return streams.captured()[0].decode()


def test_a_pipe_gets_a_line_each_with_the_name_first() -> None:
    lines = shown(ModelsOptions()).splitlines()
    assert IDS == [line.split("\t")[0] for line in lines]
    assert {10} == {len(line.split("\t")) for line in lines}


def test_a_header_is_there_when_it_is_asked_for() -> None:
    first, *rest = shown(ModelsOptions(header=True)).splitlines()
    assert "id\tcontext\tmax_output\ttps\tinput\toutput\tcache_read\timages\tthinking\tnote" == first
    assert len(IDS) == len(rest)


def test_json_carries_everything_that_is_known() -> None:
    found = [json.loads(line) for line in shown(ModelsOptions(format="jsonl")).splitlines()]
    assert IDS == [model["id"] for model in found]
    assert {"source", "date", "prices", "ignored", "retired", "several_system_messages"} <= set(found[0])


def test_one_model_is_shown_alone() -> None:
    assert ["MiniMax-M3"] == [line.split("\t")[0] for line in shown(ModelsOptions("minimax-m3")).splitlines()]
    with pytest.raises(Rejected, match="may know it all the same"):
        shown(ModelsOptions("no-such-model"))


@pytest.mark.parametrize("columns", ["20", "80", "200"])
def test_a_terminal_gets_a_table_of_any_width(columns: str) -> None:
    text = shown(ModelsOptions(), "stdout", COLUMNS=columns, TERM="dumb", NO_COLOR="1")
    assert "\t" not in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= int(columns)


def test_a_terminal_gets_lines_when_they_are_asked_for() -> None:
    assert shown(ModelsOptions()) == shown(ModelsOptions(format="tsv"), "stdout")


def test_the_catalogue_is_shown_without_what_asking_needs() -> None:
    code = """
import sys
from mmpipe.models import ModelsOptions, models
from mmpipe.streams import Streams
models(ModelsOptions(), Streams.fake(), {})
dear = ("openai", "httpx2", "pydantic", "rich", "asyncio", "ssl", "threading", "mmpipe.settings", "mmpipe.api")
print([name for name in dear if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
