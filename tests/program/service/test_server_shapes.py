"""For the bytes of every server that speaks this API, all commands come to the same result, which is that of the table."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmpipe.main import main
from mmpipe.unix.streams import Streams
from support.fault_server import FaultServer, fault_server
from support.harness import KEY, Finished, Record, parsed
from support.server_shapes.shape import TOOLS, Shape
from support.server_shapes.table import SHAPES

pytestmark = pytest.mark.faults

RUN = ("--tools", "tools.json", "--run", "get=cat", "--run", "now=cat")
# With these errors the text that came is an answer, though no good one.
WITH_TEXT = (0, 8, 10, 11)
EACH_SHAPE = pytest.mark.parametrize("name", SHAPES)


@pytest.fixture(autouse=True)
def _bare(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    Path("tools.json").write_text(json.dumps(TOOLS))


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with fault_server({name: shape.sent for name, shape in SHAPES.items()}) as running:
        yield running


@EACH_SHAPE
@pytest.mark.parametrize("wire", ["stream", "whole"])
def test_chat_prints_the_answer_or_nothing_but_the_reason(server: FaultServer, name: str, wire: str) -> None:
    shape = SHAPES[name]
    done, asked = ask(server, "chat", name, "--wire", wire)
    assert (shape.status, with_newline(shape.text)) == (done.status, done.stdout.decode()), done.stderr_text
    check_reason(replace(shape, says=shape.says + shape.whole_says), done.stderr_text)
    assert shape.requests == len(asked)
    check_calls(shape, asked)


@EACH_SHAPE
def test_stream_prints_the_answer_as_far_as_it_came(server: FaultServer, name: str) -> None:
    shape = SHAPES[name]
    done, asked = ask(server, "stream", name)
    printed = shape.partial or with_newline(shape.text)
    assert (shape.status, printed) == (done.status, done.stdout.decode()), done.stderr_text
    check_reason(replace(shape, says=shape.says + shape.live_says), done.stderr_text)
    # Nothing is retried once a byte has been written.
    assert (1 if shape.partial else shape.requests) == len(asked)
    check_calls(shape, asked)


@EACH_SHAPE
def test_a_record_has_the_text_the_thinking_and_the_message(server: FaultServer, name: str) -> None:
    shape = SHAPES[name]
    done, _ = ask(server, "chat", name, "--json")
    assert shape.status == done.status, done.stderr_text
    if done.stdout:
        check_record(shape, done.records[-1])
    else:
        assert "" == shape.text


@pytest.mark.parametrize("options", sorted({shape.options for shape in SHAPES.values()}), ids=" ".join)
def test_a_batch_judges_alike(server: FaultServer, options: Sequence[str]) -> None:
    shapes = {
        name: shape for name, shape in SHAPES.items() if shape.options == options and not shape.ends_batch
    }
    status, lines, stderr = batch(server, options, shapes)
    assert (14 if any(shape.status for shape in shapes.values()) else 0) == status, stderr
    assert {*shapes} == {*lines}
    for name, shape in shapes.items():
        check_line(server, name, shape, lines[name])


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.ends_batch])
def test_a_batch_ends_where_every_other_request_would_end_alike(server: FaultServer, name: str) -> None:
    shape = SHAPES[name]
    status, lines, stderr = batch(server, shape.options, [name])
    assert shape.status == status, stderr
    check_line(server, name, shape, lines[name])


def batch(
    server: FaultServer, options: Sequence[str], names: Iterable[str]
) -> tuple[int, dict[str, Record], str]:
    """Run a batch with one record for each server; its status, its lines by name, and stderr."""
    words = ("--base-url", server.base_url, "--retries", "1", "-q", "-j", "64", *options)
    records = [{"id": name, "prompt": f"batch {name}"} for name in names]
    streams = Streams.fake(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    status = main(["batch", *words], streams)
    stdout, stderr = streams.captured()
    return status, {str(line["id"]): line for line in map(parsed, stdout.splitlines())}, stderr.decode()


def check_line(server: FaultServer, name: str, shape: Shape, line: Record) -> None:
    error = line["error"]
    assert shape.status == (error["code"] if isinstance(error, dict) else 0), (name, line)
    if shape.calls:
        found = [(call["name"], call["arguments"]) for call in objects(line["tool_calls"])]
        assert [*shape.calls] == found, name
        return
    assert shape.requests == server.asked(f"batch {name}"), name
    if isinstance(error, dict):
        assert all(words in str(error["message"]) for words in shape.says), (name, error)
    if shape.status == 0:
        check_record(shape, line)


def ask(server: FaultServer, command: str, name: str, *options: str) -> tuple[Finished, Sequence[Record]]:
    """Run the command in this process; returns its result and the bodies of its requests."""
    shape, prompt = SHAPES[name], f"{command} {'-'.join(options)} {name}"
    tools = RUN if shape.calls else ()
    words = ("--base-url", server.base_url, "--retries", "1", *options, *tools, *shape.options, "-n", prompt)
    streams = Streams.fake(b"")
    done = Finished(main([command, *words], streams), *streams.captured())
    assert "Traceback" not in done.stderr_text
    return done, [request.body for request in server.requests if request.prompt == prompt]


def with_newline(text: str) -> str:
    """The text as it is printed: with one newline at its end, if it has none."""
    return text if not text or text.endswith("\n") else f"{text}\n"


def check_reason(shape: Shape, stderr: str) -> None:
    """Stderr has the words of the reason; one line for an error, and none for an answer without a warning."""
    assert all(words in stderr for words in shape.says), stderr
    if not shape.calls:
        assert (1 if shape.status or shape.says else 0) == len(stderr.splitlines()), stderr


def check_record(shape: Shape, record: Record) -> None:
    # Text without a word is an empty line.
    text = "" if shape.text == "\n" else shape.text
    content = text if not shape.calls else record["content"]
    assert (content, shape.thinking) == (record["content"], record["thinking"])
    message = record["message"]
    assert isinstance(message, dict)
    assert shape.message.items() <= message.items()
    if shape.usage is not None:
        usage = record["usage"]
        assert isinstance(usage, dict)
        assert shape.usage == {field: count for field, count in usage.items() if count is not None}


def check_calls(shape: Shape, asked: Sequence[Record]) -> None:
    """What is sent back is what was meant, with one result for each call."""
    if not shape.calls:
        return
    assistant, *results = objects(asked[1]["messages"])[-1 - len(shape.calls) :]
    calls = objects(assistant["tool_calls"])
    assert [*shape.calls] == [(call["function"]["name"], call["function"]["arguments"]) for call in calls]
    ids = [call["id"] for call in calls]
    assert all(ids)
    assert len(calls) == len(set(ids))
    assert ids == [result["tool_call_id"] for result in results]
    assert [json.loads(arguments) for _, arguments in shape.calls] == [
        json.loads(result["content"]) for result in results
    ]


def objects(value: object) -> list[dict[str, Any]]:
    assert isinstance(value, list)
    return value
