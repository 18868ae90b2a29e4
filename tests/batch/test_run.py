"""A run asks every record once, writes a line for each, and can be resumed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from mmpipe.api.ask_many import AskMany
from mmpipe.api.pool import Pool
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.merge_journals import merge_journals
from mmpipe.batch.run import run_batch
from mmpipe.core.endpoint import Endpoint
from mmpipe.errors import AuthError, InputError, MmpipeError, OutputError, Partial, TimedOut, UsageError
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from mmpipe.unix.streams import Streams
from support.batch_in_process import Counts, Line, batch_options, run, run_with
from support.fault_server import fault_server
from support.harness import AS_SIM, environment, prompts, service
from support.in_process import run_in_process
from support.media import PNG
from support.server_shapes.table import SHAPES


def lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_each_line_is_a_prompt_and_has_its_own_answer() -> None:
    with service() as server:
        tally, found = run(server, "".join(f"sim:echo about {number}\n" for number in range(50)))
    assert Counts(good=50) == tally
    assert {(number, f"about {number}") for number in range(50)} == {
        (it["index"], it["content"]) for it in found
    }


def test_records_override_the_defaults_and_a_template_uses_their_other_fields() -> None:
    records = [
        {"id": "a", "title": "Tea", "parameters": {"model": "MiniMax-M2.5"}},
        {"id": "b", "title": "Coffee", "system": "data", "temperature": 99, "model": "T-1000"},
    ]
    with service() as server:
        _, found = run(
            server,
            "".join(f"{json.dumps(record)}\n" for record in records),
            template="sim:echo {title}",
        )
        bodies = [request["body"] for request in server.requests]
    assert {("a", "Tea"), ("b", "Coffee")} == {(it["id"], it["content"]) for it in found}
    assert {"MiniMax-M2.5", "MiniMax-M3"} == {body["model"] for body in bodies if isinstance(body, dict)}


@pytest.mark.slow
def test_the_order_of_the_input_can_be_kept() -> None:
    with service("slow:0.3") as server:
        _, found = run(
            server,
            "".join(f"sim:echo {number}\n" for number in range(40)),
            keep_order=True,
        )
    assert list(range(40)) == [it["index"] for it in found]


def test_the_next_run_asks_the_failed_records_and_no_other(tmp_path: Path) -> None:
    out, stdin = tmp_path / "out.jsonl", "".join(f"sim:echo {number}\n" for number in range(30))
    with service("2013:1/3") as server:
        first, _ = run(server, stdin, output=str(out), retries=0)
    # Another port would be another host.
    with RunningSimulator(SimulatorProfile(port=urlsplit(server.base_url).port or 0)) as server:
        second, _ = run(server, stdin, output=str(out), resume=True, retries=0)
        assert 10 == len(server.requests)
    assert (Counts(good=20, failed=10), Counts(good=10, skipped=20)) == (first, second)
    assert {str(number) for number in range(30)} == {
        str(it["id"]) for it in lines(out) if it["error"] is None
    }
    assert {1, 2} == {it["attempt"] for it in lines(out)}


@pytest.mark.parametrize("limit", [None, 0])
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("first", get_args(JournalFormat))
def test_a_journal_in_another_format_is_refused_before_anything_is_asked(
    tmp_path: Path, *, first: JournalFormat, dry_run: bool, limit: int | None
) -> None:
    out = tmp_path / "out.jsonl"
    (other,) = {*get_args(JournalFormat)} - {first}
    with service() as server:
        run(server, "sim:echo one\n", output=str(out), format=first)
        before = out.read_bytes()
        with pytest.raises(UsageError, match=rf"has lines in --format {first}; .*use that format"):
            run(
                server,
                "sim:echo one\nsim:echo two\n",
                output=str(out),
                resume=True,
                format=other,
                dry_run=dry_run,
                limit=limit,
            )
        assert (before, 1) == (out.read_bytes(), len(server.requests))
        run(server, "sim:echo one\n", output=str(out), overwrite=True, format=other)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("text", "1\n2\n"),
        (
            "csv",
            'id,note,content,error\na,"x, y",1,\nb,,2,\n,,,"standard input, line 3: its prompt is empty"\n',
        ),
    ],
)
def test_results_are_shown_as_text_or_as_a_table(shown: str, expected: str) -> None:
    stdin = '{"id": "a", "prompt": "sim:echo 1", "note": "x, y"}\n{"id": "b", "prompt": "sim:echo 2"}\n{"prompt": ""}\n'
    with service() as server:
        streams = Streams.fake(stdin.encode())
        with pytest.raises(Partial):
            run_batch(batch_options(format=shown, keep_order=True), streams, environment(server))
    assert expected == streams.captured()[0].decode()


@pytest.mark.parametrize("shown", ["text", "csv"])
def test_a_journal_is_of_lines(tmp_path: Path, shown: str) -> None:
    with service() as server, pytest.raises(UsageError, match=f"`mmpipe batch --merge FILE -F {shown}`"):
        run(server, "hi\n", output=str(tmp_path / "out"), format=shown)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_a_run_that_asked_nothing(tmp_path: Path) -> None:
    out = str(tmp_path / "out.jsonl")
    bad, here = tmp_path / "in" / "bad.jsonl", tmp_path / "in"
    here.mkdir()
    bad.write_text('{"prompt": "a"}\n{bad\n')
    unasked: list[tuple[type[MmpipeError], dict[str, Any]]] = [
        (InputError, {"files": (str(bad),)}),
        (InputError, {"files": (str(here / "missing"),)}),
        (InputError, {"files": (str(here),)}),
        (UsageError, {"replay": str(here / "missing")}),
        (OutputError, {"cache": str(bad)}),
        (UsageError, {"resume": True, "overwrite": True}),
        (UsageError, {"rpm": 1.0, "template": "}"}),
        (TimedOut, {"files": (__file__,), "input_format": "lines", "deadline": 0.0}),
    ]
    with service() as server:
        for error, typed in unasked:
            with pytest.raises(error):
                run(server, "a\n", output=out, **typed)
            assert [here] == list(tmp_path.iterdir())
        assert [] == server.requests
    with pytest.raises(AuthError):
        run(None, "a\n", output=out)
    run(None, "a\n", output=out, dry_run=True)
    assert [here] == list(tmp_path.iterdir())


def test_the_time_in_which_a_cluster_starts_counts_for_the_deadline(tmp_path: Path) -> None:
    @asynccontextmanager
    async def open_slowly(endpoint: Endpoint, size: int) -> AsyncIterator[AskMany]:
        await asyncio.Event().wait()
        yield Pool(endpoint, size)

    options = batch_options(output=str(tmp_path / "out.jsonl"), deadline=0.2)
    with (
        closing(Streams.fake(b"a\n")) as streams,
        pytest.raises(TimedOut, match=r"the run is not done within --deadline 0\.2"),
    ):
        run_batch(options, streams, environment(None, AS_SIM), open_slowly)


def test_the_summary_has_the_cost_of_all_runs_of_a_journal(tmp_path: Path) -> None:
    out, meta = tmp_path / "out.jsonl", tmp_path / "meta"
    with service() as server:
        for stdin in ("sim:echo 1\n", "sim:echo 1\nsim:echo 2\n"):
            run_with(environment(server, AS_SIM), stdin, output=str(out), resume=True, meta=str(meta))
    first, second = lines(meta)
    assert 0 == first["earlier_cost"]
    assert first["cost"] == pytest.approx(second["earlier_cost"])
    assert second["cost"] == lines(out)[1]["cost"]


def test_a_changed_request_under_an_old_id_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with service() as server:
        run(server, "sim:echo one\n", output=str(out))
        with pytest.raises(InputError, match="has a good answer to another request in"):
            run(server, "sim:echo two\n", output=str(out), resume=True)
        assert ["one"] == [str(prompt).removeprefix("sim:echo ") for prompt in prompts(server)]


CHANGED: list[tuple[dict[str, Any], str]] = [
    ({"model": "MiniMax-M3.1-Flash"}, "model"),
    ({"temperature": 0.5}, "temperature"),
    ({"max_tokens": 77}, "max_completion_tokens"),
    ({"system": "Answer in French."}, "system"),
    ({"param": ("top_k=7",)}, "top_k"),
    ({"template": "Once more: {}"}, "template"),
    ({"native_thinking": True}, "reasoning_split"),
    ({"model": "MiniMax-M3.1-Flash", "temperature": 0.5}, "model, temperature"),
    ({"param": ("format=7",)}, "the field format"),
]


@pytest.mark.parametrize(("changed", "names"), CHANGED)
def test_a_changed_request_is_refused_by_the_names_of_the_settings_that_changed(
    changed: dict[str, Any], names: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("one\n")
    with service() as server:
        run(server, files=(str(source),), output=str(out))
        with pytest.raises(
            InputError,
            match=rf"has a good answer to another request in .*out\.jsonl \(changed: {names}\); take",
        ):
            run(server, files=(str(source),), output=str(out), resume=True, **changed)
        assert 1 == len(server.requests)


def test_a_changed_template_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("one\n")
    command = ("batch", str(source), "-o", str(tmp_path / "out.jsonl"), "--resume", "--template")
    with service() as server:
        assert 0 == run_in_process(*command, "{}", server=server).status
        done = run_in_process(*command, "Once more: {}", server=server)
    (line,) = done.stderr_text.splitlines()
    assert "(changed: template)" in line


def test_a_failed_record_may_be_asked_with_other_settings_later(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with service("2013:#1") as server:
        first, _ = run(server, "one\ntwo\n", output=str(out), retries=0, concurrency=1)
        second, _ = run(server, "uno\ntwo\n", output=str(out), resume=True)
        assert (Counts(good=1, failed=1), Counts(good=1, skipped=1)) == (first, second)
        with pytest.raises(InputError, match="'0' has a good answer to another request in"):
            run(server, "one\ntwo\n", output=str(out), resume=True)
        assert ["one", "two", "uno"] == prompts(server)
    streams = Streams.fake()
    merge_journals(batch_options(files=(str(out),)), streams, {})
    assert 2 == streams.captured()[0].count(b"\n")


def test_a_file_with_content_needs_resume_or_overwrite(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("precious\n")
    with service() as server, pytest.raises(UsageError, match="--resume"):
        run(server, "hello\n", output=str(out))
    assert "precious\n" == out.read_text()


def test_a_file_with_bad_lines_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"prompt": "one"}\n{"prompt": 2}\nnonsense\n')
    with service() as server:
        with pytest.raises(InputError, match=r"line 2: .*line 3: "):
            run(server, files=(str(path),))
        assert [] == server.requests
        tally, found = run(server, files=(str(path),), keep_going=True)
    assert Counts(good=1, failed=2) == tally
    assert 3 == len(found)


def test_a_repeated_id_is_reported_with_both_places(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": "x", "prompt": "one"}\n{"prompt": "two"}\n{"id": "x", "prompt": "three"}\n')
    with service() as server, pytest.raises(InputError, match=r"line 1, and in .* line 3"):
        run(server, files=(str(path),))


def test_a_pipe_gets_an_error_line_for_a_bad_record_and_goes_on() -> None:
    with service() as server:
        tally, found = run(server, '{"prompt": "sim:echo one"}\nnonsense\n{"prompt": "sim:echo two"}\n')
    assert Counts(good=2, failed=1) == tally
    assert [1] == [it["index"] for it in found if it["error"] is not None]


def test_a_wrong_key_ends_the_run_which_can_be_resumed(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    stdin = "".join(f"sim:echo {number}\n" for number in range(200))
    with service("1004") as server:
        with pytest.raises(AuthError):
            run(server, stdin, output=str(out), concurrency=4)
        assert len(server.requests) <= 8
    with service() as server:
        assert 200 == run(server, stdin, output=str(out), resume=True)[0].good


def test_the_form_of_the_batch_api_is_read_and_written() -> None:
    record = {
        "custom_id": "c-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "MiniMax-M3", "messages": [{"role": "user", "content": "sim:echo hi"}]},
    }
    with service() as server:
        _, (found,) = run(server, f"{json.dumps(record)}\n", format="openai")
    response = found["response"]
    assert isinstance(response, dict)
    assert ("c-1", "hi") == (found["custom_id"], response["body"]["choices"][0]["message"]["content"])


def test_a_journal_of_an_earlier_version_is_resumed_without_a_warning(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out.jsonl"
    source.write_text("sim:echo a\n")
    head = {"path": str(source), "size": 1, "mtime_ns": 2, "head_sha256": "ab" * 32}
    earlier = {"inputs": [head], "settings_sha256": "cd" * 32, "pid": 1, "started": 1.5, "records": 1}
    with service() as server:
        run(server, files=(str(source),), output=str(out))
        (tmp_path / ".out.jsonl.mmpipe").write_text(json.dumps(earlier))
        streams = Streams.fake()
        run_batch(
            batch_options(files=(str(source),), output=str(out), resume=True), streams, environment(server)
        )
        assert 1 == len(server.requests)
    assert (b"", 0) == (streams.captured()[0], streams.captured()[1].count(b"warning"))


def test_thinking_alone_is_warned_of_once_a_run_and_counted() -> None:
    scripts = {str(number): SHAPES["ends-thinking-alone"].sent for number in range(3)}
    streams = Streams.fake(b"0\n1\n2\n")
    with fault_server(scripts) as server:
        run_batch(batch_options(input_format="lines", no_dedupe=True), streams, server.env)
    stderr = streams.captured()[1].decode()
    assert 1 == stderr.count("warning:")
    assert "the answer has no text" in stderr
    assert "3 good" in stderr
    assert "3 without text, tokens unknown" in stderr


def test_a_model_past_its_end_is_warned_of_once_a_run_and_counted() -> None:
    streams = Streams.fake(b"0\n1\n2\n")
    with service() as server:
        run_batch(batch_options(model="MiniMax-M2.5"), streams, environment(server, AS_SIM))
    stderr = streams.captured()[1].decode()
    assert 1 == stderr.count("warning:")
    assert ": MiniMax-M2.5 was announced to end on 2026-11-18" in stderr
    assert "3 by a model past its end date" in stderr


def test_a_changed_image_under_an_answered_id_is_noticed_and_the_same_image_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.jsonl").write_text('{"id": "a", "prompt": "look", "images": "a.png"}\n')
    Path("a.png").write_bytes(PNG)
    with service() as server:
        again = {"files": ("in.jsonl",), "output": "out.jsonl", "resume": True}
        assert Counts(good=1) == run(server, "", **again)[0]
        assert Counts(skipped=1) == run(server, "", **again)[0]
        Path("a.png").write_bytes(PNG + b"x")
        with pytest.raises(InputError, match="'a' has a good answer to another request"):
            run(server, "", **again)
        [body] = [request["body"] for request in server.requests]
    assert isinstance(body, dict)
    assert ["text", "image_url"] == [part["type"] for part in body["messages"][0]["content"]]


@pytest.mark.parametrize(
    ("words", "stdin", "stdout"),
    [
        (("-F", "csv", "--input-format", "csv", "--template", "{b}"), b"a,b\n", b"a,b,content,error\n"),
        (
            ("-F", "csv", "--input-format", "tsv", "--template", "{error}"),
            b"content\terror\n\n",
            b"content,error,answer_content,answer_error\n",
        ),
        (("-F", "csv", "--template", "{b}", "a.csv"), b"", b"a,b,content,error\n"),
        (("-F", "csv"), b"", b""),
        (("--input-format", "csv", "--template", "{b}"), b"a,b\n", b""),
        ((), b"\n \n", b""),
    ],
)
def test_an_input_without_a_record_is_warned_of_and_an_empty_table_keeps_its_header(
    words: tuple[str, ...], stdin: bytes, stdout: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("a,b\n")
    with service() as server:
        done = run_in_process("batch", *words, server=server, stdin=stdin)
    assert (0, stdout) == (done.status, done.stdout)
    warning, summary = done.stderr_text.splitlines()
    assert "mmpipe: warning: no records: the input is empty" == warning
    assert "0 good" in summary
