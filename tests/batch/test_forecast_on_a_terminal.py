"""On a terminal a dry run is a list of facts for a person; its numbers are those of the JSON in a pipe."""

import json
from collections.abc import Mapping

import pytest

from mmpipe.batch.run import run_batch
from mmpipe.errors import InputError
from mmpipe.unix.streams import Streams
from support.batch_in_process import batch_options

TERM = {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80"}
RECORDS = "".join(
    f"{json.dumps({'prompt': prompt, **more})}\n"
    for prompt, more in (
        ("one", {}),
        ("two", {}),
        ("three", {"model": "MiniMax-M2.7", "seed": 1}),
    )
)


def dry(stdin: str, environment: Mapping[str, str], terminals: str = "stdout") -> tuple[str, str]:
    streams = Streams.fake(stdin.encode(), terminals=terminals)
    run_batch(batch_options(dry_run=True), streams, environment)
    stdout, stderr = streams.captured()
    return stdout.decode(), stderr.decode()


def test_the_facts_are_names_and_texts() -> None:
    shown, messages = dry(RECORDS, TERM)
    assert [
        "records   3",
        "requests  3",
        "models    MiniMax-M3    2",
        "          MiniMax-M2.7  1",
        "tokens    4 in, about 3,072 out",
        "cost      about $0.0037",
        "time      not known",
        "assumed   1,024 tokens an answer (--assume-tokens), 32 at once (-j)",
        "findings  MiniMax-M2.7 ignores seed (1 request)",
    ] == shown.splitlines()
    # It stands in the list.
    assert "" == messages


def test_the_numbers_stand_in_one_column_below_names_of_wide_characters() -> None:
    records = "".join(f"{json.dumps({'prompt': 'one', 'model': name})}\n" for name in ("模型", "abcdef"))
    shown, _ = dry(records, {**TERM, "MINIMAX_BASE_URL": "http://127.0.0.1:9/v1", "MINIMAX_API_KEY": "none"})
    assert ["models    模型    1", "          abcdef  1"] == shown.splitlines()[2:4]


@pytest.mark.parametrize(
    ("terminals", "environment"), [("", TERM), ("stdout", {"TERM": "dumb"}), ("stderr", TERM)]
)
def test_anywhere_else_a_dry_run_is_json(terminals: str, environment: Mapping[str, str]) -> None:
    shown, messages = dry(RECORDS, environment, terminals)
    assert {"MiniMax-M3": 2, "MiniMax-M2.7": 1} == json.loads(shown)["models"]
    assert "warning: MiniMax-M2.7 ignores seed" in messages


def test_names_are_bold_and_what_is_foreign_is_harmless() -> None:
    record = json.dumps({"prompt": "a", "model": "no\x1b[2J\x9b"})
    streams = Streams.fake(record.encode(), terminals="stdout")
    with pytest.raises(InputError):
        run_batch(batch_options(dry_run=True), streams, {"TERM": "xterm"})
    shown = streams.captured()[0].decode()
    assert "\x1b[1mmodels\x1b[0m    no␛[2J<U+009B>  1\n" in shown
    assert "\x1b[1mcost\x1b[0m      not known\n" in shown


def test_a_narrow_terminal_breaks_texts_between_words() -> None:
    lines = dry(RECORDS, {**TERM, "COLUMNS": "40"})[0].splitlines()
    assert max(map(len, lines)) <= 40
    assert ["assumed   1,024 tokens an answer", "          (--assume-tokens), 32 at once"] == [
        line for line in lines if "1,024" in line or "32 at" in line
    ]


def test_many_models_are_counted_together() -> None:
    records = "".join(
        f"{json.dumps({'prompt': f'{n}', 'model': 'MiniMax-M3' if n < 3 else f'm{n}'})}\n" for n in range(15)
    )
    streams = Streams.fake(records.encode(), terminals="stdout")
    with pytest.raises(InputError, match="12 of 15 requests"):
        run_batch(batch_options(dry_run=True), streams, TERM)
    assert "          and 3 other models  3\n" in streams.captured()[0].decode()
