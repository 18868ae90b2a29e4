"""A tool call of any server is the same in the events, the results, the conversation and the next request."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmpipe.main import main
from mmpipe.unix.streams import Streams
from support.fault_server import FaultServer, Script, fault_server
from support.harness import KEY, Finished, Record
from support.server_shapes.shape import GOOD, TOOLS, body, call, delta, message, streamed

pytestmark = pytest.mark.tools

PARIS = '{"city":"Paris"}'
WITHOUT_ID = streamed(delta({"tool_calls": [call("get", PARIS, index=0, id="")]}, "tool_calls"))
WITH_THE_SAME_ID = body(message({"content": "", "tool_calls": [call("get", PARIS, id="0")]}, "tool_calls"))
NOT_JSON = streamed(delta({"tool_calls": [call("get", '{"city', index=0, id="a")]}, "tool_calls"))
UNKNOWN = streamed(delta({"tool_calls": [call("fetch", PARIS, index=0, id="a")]}, "tool_calls"))
SCRIPTS = {
    "without-id": (WITHOUT_ID, WITHOUT_ID, GOOD),
    "same-id": (WITH_THE_SAME_ID, WITH_THE_SAME_ID, GOOD),
    "not-json": (NOT_JSON, GOOD),
    "unknown": (UNKNOWN,),
}
TURNS = pytest.mark.parametrize("name", ["without-id", "same-id", "not-json"])


@pytest.fixture(autouse=True)
def _bare(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    Path("tools.json").write_text(json.dumps(TOOLS))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    scripts: dict[str, Script | tuple[Script, ...]] = {**SCRIPTS}
    with fault_server(scripts) as running:
        yield running


def chat(server: FaultServer, name: str, *options: str) -> tuple[Finished, list[Record]]:
    """The result of `chat` with both tools, and the messages of its last request."""
    streams = Streams.fake(b"")
    tools = ("--tools", "tools.json", "--run", "get=cat", "--run", "now=cat")
    status = main(["chat", "--base-url", server.base_url, *tools, *options, "-n", name], streams)
    sent = server.requests[-1].body["messages"]
    assert isinstance(sent, list)
    return Finished(status, *streams.captured()), sent


def calls_of(messages: list[Record]) -> list[dict[str, Any]]:
    groups = [message.get("tool_calls") for message in messages]
    return [one for group in groups if isinstance(group, list) for one in group]


def call_ids(messages: list[Record]) -> list[object]:
    return [one["id"] for one in calls_of(messages)]


@TURNS
def test_the_conversation_holds_the_calls_as_they_were_sent_back(server: FaultServer, name: str) -> None:
    done, sent = chat(server, name, "-c", "talk.jsonl")
    assert (0, b"done\n") == (done.status, done.stdout)
    kept = [json.loads(line) for line in Path("talk.jsonl").read_text("utf-8").splitlines()]
    assert [*sent, {"content": "done", "role": "assistant"}] == kept


@TURNS
def test_the_messages_that_are_written_are_those_that_were_sent_back(server: FaultServer, name: str) -> None:
    done, sent = chat(server, name, "-F", "messages")
    assert [*sent, {"content": "done", "role": "assistant"}] == done.records


@TURNS
def test_no_two_calls_of_a_conversation_have_one_id_and_each_has_one_result(
    server: FaultServer, name: str
) -> None:
    _, sent = chat(server, name)
    ids = call_ids(sent)
    assert all(ids)
    assert len(ids) == len({*map(str, ids)})
    assert ids == [message["tool_call_id"] for message in sent if message["role"] == "tool"]


@TURNS
def test_the_events_have_the_ids_of_the_messages(server: FaultServer, name: str) -> None:
    done, sent = chat(server, name, "-F", "jsonl")
    events = [record for record in done.records if record["type"] == "tool_call"]
    assert call_ids(sent) == [event["id"] for event in events]


def test_a_broken_call_is_broken_in_its_event_and_quoted_in_its_message(server: FaultServer) -> None:
    done, sent = chat(server, "not-json", "-F", "jsonl")
    (event,) = [record for record in done.records if record["type"] == "tool_call"]
    assert '{"city' == event["arguments"]
    (quoted,) = calls_of(sent)
    assert {"not_json": '{"city'} == json.loads(quoted["function"]["arguments"])
    assert "not JSON" in str(sent[-1]["content"])


def test_a_tool_that_nobody_knows_is_asked_for_three_times_and_no_more(server: FaultServer) -> None:
    done, _ = chat(server, "unknown")
    assert (16, b"") == (done.status, done.stdout)
    assert "'fetch' with the same arguments for the third time" in done.stderr_text
    assert 3 == len(server.requests)
