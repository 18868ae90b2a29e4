"""Files that were written for other purposes run as they are: `--set`, `--id-field` and data for a template."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmpipe.batch.shard import Shard
from mmpipe.errors import InputError, UsageError
from support.batch_in_process import Counts, run
from support.harness import service


def openai_line(number: int, **body: object) -> str:
    message = {"role": "user", "content": f"sim:echo {number}"}
    line = {"custom_id": f"request-{number}", "method": "POST", "url": "/v1/chat/completions"}
    return json.dumps({**line, "body": {"model": "gpt-4o-mini", "messages": [message], **body}}) + "\n"


def test_a_batch_file_for_another_service_runs_with_what_is_set_for_all() -> None:
    stdin = "".join(openai_line(number, temperature=2, max_tokens=10, n=4, stream=True) for number in (1, 2))
    chosen = ("model=MiniMax-M2.1", "temperature=0.7", "max_tokens=500", "n=null", "stream=null")
    with service() as server:
        counts, lines = run(server, stdin, set=chosen)
        bodies = [request["body"] for request in server.requests]
    assert (Counts(good=2), {"1", "2"}) == (counts, {line["content"] for line in lines})
    for body in bodies:
        assert isinstance(body, dict)
        sent = {name: body.get(name) for name in ("model", "temperature", "max_tokens", "n", "stream")}
        assert {
            "model": "MiniMax-M2.1",
            "temperature": 0.7,
            "max_tokens": 500,
            "n": None,
            "stream": None,
        } == sent


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"set": ("temperature=3",)}, "temperature is 3: for MiniMax-M3"),
        ({"set": ("model=MiniMax-M2.7", "temperature=0")}, "for MiniMax-M2.7 it must be above 0"),
        ({"set": ("max_tokens=600000",)}, "gives at most"),
        ({"set": ("stream=true",)}, "use --wire"),
        ({"param": ("seed=",)}, "-p seed: it has no value"),
    ],
)
def test_a_value_out_of_range_is_refused_before_anything_is_asked(typed: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(None, "a\n", dry_run=True, **typed)
    assert words in caught.value.message


def test_records_are_known_by_the_field_that_was_named_in_every_run(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows: list[dict[str, object]] = [{"key": f"k{n}", "id": 7, "title": f"t{n}"} for n in range(6)]
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows[:4]))
    typed: dict[str, Any] = {"files": (str(source),), "template": "sim:echo {title}", "id_field": "key"}
    with service() as server:
        run(server, output=str(out), pass_through=True, **typed)
        # Records that move keep their answers.
        source.write_text("".join(f"{json.dumps(row)}\n" for row in reversed(rows)))
        counts, _ = run(server, output=str(out), resume=True, pass_through=True, **typed)
        assert (Counts(good=2, skipped=4), 6) == (counts, len(server.requests))
        shards = [run(server, shard=Shard.parse(f"{part}/2"), **typed)[1] for part in (1, 2)]
        assert {f"k{n}" for n in range(6)} == {str(line["id"]) for lines in shards for line in lines}
        with pytest.raises(InputError, match="the id 'k1' comes twice in"):
            run(server, output=str(tmp_path / "two"), **{**typed, "files": (str(source), str(source))})
        with pytest.raises(InputError, match=r"settings|another request|no field nokey for its id"):
            run(server, output=str(out), resume=True, **{**typed, "id_field": "nokey"})
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert rows == [line["input"] for line in sorted(lines, key=lambda line: str(line["id"]))]
