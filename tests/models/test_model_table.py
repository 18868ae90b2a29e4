"""The list of models is a table on a terminal, and lines for a script."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmpipe.config.options import ServiceOptions
from mmpipe.core.catalogue import load_models
from mmpipe.core.host_identity import SIMULATOR_KEY
from mmpipe.errors import UsageError
from mmpipe.models.listing import show_models
from mmpipe.models.options import ListOptions, ModelsOptions
from mmpipe.unix.streams import Streams

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"
IDS = [model.id for model in load_models()]


def shown(options: ModelsOptions, terminals: str = "", **environment: str) -> str:
    streams = Streams.fake(terminals=terminals)
    show_models(options, streams, environment)
    return streams.captured()[0].decode()


def test_a_pipe_gets_a_line_for_each_model_with_the_name_first() -> None:
    lines = shown(ModelsOptions()).splitlines()
    assert IDS == [line.split("\t")[0] for line in lines]
    assert {11} == {len(line.split("\t")) for line in lines}


def test_a_header_is_there_when_it_is_asked_for() -> None:
    first, *rest = shown(ModelsOptions(listing=ListOptions(header=True))).splitlines()
    assert "id\tcontext\tmax_output\ttps\tinput\toutput\tcache_read\timages\tthinking\tends\tnote" == first
    assert len(IDS) == len(rest)


def test_json_has_all_fields_of_the_catalogue() -> None:
    found = [
        json.loads(line) for line in shown(ModelsOptions(listing=ListOptions(format="jsonl"))).splitlines()
    ]
    assert IDS == [model["id"] for model in found]
    assert {"source", "date", "prices", "ignored", "ends", "several_system_messages"} <= set(found[0])


def test_one_model_is_shown_alone() -> None:
    assert ["MiniMax-M3"] == [
        line.split("\t")[0] for line in shown(ModelsOptions(listing=ListOptions("minimax-m3"))).splitlines()
    ]
    with pytest.raises(UsageError, match="may know it"):
        shown(ModelsOptions(listing=ListOptions("no-such-model")))


@pytest.mark.parametrize("columns", ["20", "80", "200"])
def test_a_terminal_gets_a_table_of_any_width(columns: str) -> None:
    text = shown(ModelsOptions(), "stdout", COLUMNS=columns, TERM="dumb", NO_COLOR="1")
    assert "\t" not in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= int(columns)


def test_a_terminal_gets_lines_when_they_are_asked_for() -> None:
    assert shown(ModelsOptions()) == shown(ModelsOptions(listing=ListOptions(format="tsv")), "stdout")


def test_the_catalogue_is_shown_without_importing_the_client() -> None:
    code = """
import sys
from mmpipe.models.listing import show_models
from mmpipe.models.options import ModelsOptions
from mmpipe.unix.streams import Streams
show_models(ModelsOptions(), Streams.fake(), {})
dear = ("openai", "httpx2", "pydantic", "rich", "asyncio", "ssl", "threading", "mmpipe.config.settings", "mmpipe.api")
print([name for name in dear if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


def test_a_narrow_table_drops_columns_and_keeps_the_name() -> None:
    def columns(width: int) -> list[str]:
        return shown(ModelsOptions(), "stdout", COLUMNS=str(width), TERM="dumb").splitlines()[0].split()

    assert ["id"] == columns(20)
    assert ["id", "context", "input", "output", "images", "thinking", "ends"] == columns(80)
    assert "note" in columns(200)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_table_has_a_line_for_each_model_and_one_for_the_names(width: int) -> None:
    text = shown(ModelsOptions(), "stdout", COLUMNS=str(width), TERM="dumb")
    assert 1 + len(IDS) == len(text.splitlines())


LIVE = {"TERM": "xterm", "COLUMNS": "200"}
SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (40, ["model", "input", "output"]),
        (60, ["model", "context", "input", "output", "ends"]),
        (80, ["model", "context", "input", "output", "images", "thinking", "ends"]),
        (
            120,
            [
                "model",
                "context",
                "max",
                "output",
                "speed",
                "input",
                "output",
                "cached",
                "images",
                "thinking",
                "ends",
            ],
        ),
    ],
)
def test_a_narrow_terminal_loses_end_dates_before_prices(width: int, names: list[str]) -> None:
    lines = SGR.sub("", shown(ModelsOptions(), "stdout", TERM="xterm", COLUMNS=str(width))).splitlines()
    assert names == lines[0].split()
    assert max(map(len, lines)) <= width
    assert {"tokens", "$/M"} >= set(lines[1].split()) - {"tokens/s"} >= {"$/M"}


def test_a_terminal_marks_the_default_model_and_those_that_have_ended() -> None:
    lines = shown(ModelsOptions(), "stdout", **LIVE).splitlines()
    assert ["MiniMax-M3"] == [line.split()[1] for line in lines[2:-1] if line.startswith("*")]
    ended = {model.id for model in load_models() if model.ends is not None and f"{model.ends}" < TODAY}
    assert ended == {SGR.sub("", line).split()[1] for line in lines[2:-1] if line.startswith("\x1b[2mx ")}
    assert lines[-1] == "\x1b[2m* default, x has ended\x1b[0m"


def test_the_default_is_that_of_the_configuration(tmp_path: Path) -> None:
    folder = tmp_path / "mmpipe"
    folder.mkdir()
    (folder / "config.toml").write_text('model = "minimax-m2"\n')
    text = shown(ModelsOptions(), "stdout", **LIVE, XDG_CONFIG_HOME=f"{tmp_path}")
    assert ["MiniMax-M2"] == re.findall(r"^\* (\S+) ", text, re.MULTILINE)
    (folder / "config.toml").write_text('model = "MiniMax-M2.5"')
    assert "\n*x MiniMax-M2.5 " in shown(
        ModelsOptions(), "stdout", **LIVE, XDG_CONFIG_HOME=f"{tmp_path}", NO_COLOR="1"
    )
    (folder / "config.toml").write_text("no toml")
    assert "\n*" not in shown(ModelsOptions(), "stdout", **LIVE, XDG_CONFIG_HOME=f"{tmp_path}")


def test_without_colour_a_terminal_gets_the_same_columns() -> None:
    styled, plain = (shown(ModelsOptions(), "stdout", **LIVE, **more) for more in ({}, {"NO_COLOR": "1"}))
    assert SGR.sub("", styled) == plain
    assert plain.endswith("* default, x has ended\n")


def test_a_terminal_gets_all_facts_about_one_model() -> None:
    text = shown(ModelsOptions(listing=ListOptions("MiniMax-M3")), "stdout")
    assert re.search(r"^images +yes$", text, re.MULTILINE)
    assert re.search(r"^ignored +presence_penalty, ", text, re.MULTILINE)
    assert "0.3 in, 1.2 out, 0.06 from the cache (prompts of up to 512000 tokens)\n" in text
    assert "0.6 in, 2.4 out, 0.12 from the cache\n" in text
    assert "\t" not in text
    assert "None" not in text


@pytest.mark.parametrize("name", IDS)
def test_one_model_is_shown_with_a_public_page_and_a_day(name: str) -> None:
    text = shown(ModelsOptions(listing=ListOptions(name)), "stdout")
    assert re.search(r"^source +https://platform\.minimaxi?\.(io|com)/docs/\S+", text, re.MULTILINE)
    assert re.search(r"^date +2026-\d\d-\d\d$", text, re.MULTILINE)


OWN = "http://127.0.0.1:8000/v1"
SIM_KEY = {"MINIMAX_API_KEY": SIMULATOR_KEY}


@pytest.mark.parametrize(
    ("typed", "environment", "config", "has_prices"),
    [
        (ServiceOptions(base_url=OWN), {}, "", False),
        (ServiceOptions(profile="own"), {}, f'[profile.own]\nbase_url = "{OWN}"', False),
        (ServiceOptions(base_url="intl"), {"MINIMAX_BASE_URL": OWN}, f'base_url = "{OWN}"', True),
        (ServiceOptions(), {"MINIMAX_BASE_URL": OWN}, "", False),
        (ServiceOptions(), {"MINIMAX_BASE_URL": "cn"}, "", True),
        (ServiceOptions(), {"MINIMAX_BASE_URL": OWN, **SIM_KEY}, "", True),
        (ServiceOptions(), {}, f'base_url = "{OWN}"', False),
        (ServiceOptions(), {}, 'base_url = "intl"', True),
        (ServiceOptions(), {"OPENAI_BASE_URL": OWN, "OPENAI_API_KEY": "k"}, "", False),
        (ServiceOptions(), {"OPENAI_BASE_URL": OWN, "MINIMAX_API_KEY": "k"}, "", True),
        # Nothing else would be asked either.
        (ServiceOptions(), {"MINIMAX_BASE_URL": "htp:/"}, "", True),
        (ServiceOptions(), {}, "no toml", True),
    ],
)
def test_a_host_that_is_not_of_minimax_has_no_known_price_or_end(
    typed: ServiceOptions, environment: dict[str, str], config: str, has_prices: bool, tmp_path: Path
) -> None:
    (tmp_path / "mmpipe").mkdir()
    (tmp_path / "mmpipe" / "config.toml").write_text(config)
    options = ModelsOptions(listing=ListOptions(format="jsonl"), service=typed)
    text = shown(options, XDG_CONFIG_HOME=f"{tmp_path}", **environment)
    found = [json.loads(line) for line in text.splitlines()]
    assert IDS == [model["id"] for model in found]
    for name in ("prices", "prices_yuan", "ends", "tps", "rpm"):
        assert has_prices is any(model[name] for model in found)
    assert all(model["context"] for model in found)


def test_the_notes_are_in_one_language() -> None:
    assert all(model.description.isascii() for model in load_models())
