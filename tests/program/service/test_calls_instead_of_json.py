"""With `--schema`, a tool call is an answer only where the request offers tools."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.main import main
from mmpipe.unix.streams import Streams
from support.fault_server import FaultServer, fault_server
from support.harness import KEY, parsed
from support.server_shapes.shape import TOOLS, body, call, delta, message, streamed, text

CALL = call("get", '{"city":"Paris"}', id="a", index=0, type="function")
SENT = {
    "streamed-call": (streamed(delta({"tool_calls": [CALL]}, "tool_calls")),),
    "whole-call": (body(message({"content": "", "tool_calls": [CALL]}, "tool_calls")),),
    "call-and-words": (streamed(text("I look."), delta({"tool_calls": [CALL]}, "stop")),),
    "call-and-json": (streamed(text('{"a": 1}'), delta({"tool_calls": [CALL]}, "stop")),),
    # The last word of the complaint.
    "fence.": (streamed(text('{"a": 1}', "stop")),),
}
CALLS_ALONE = ["streamed-call", "whole-call", "call-and-words"]


@pytest.fixture(autouse=True)
def _bare(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    Path("tools.json").write_text(json.dumps(TOOLS))
    Path("schema.json").write_text('{"type": "object", "required": ["a"]}')


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with fault_server(SENT) as running:
        yield running


def ran(server: FaultServer, *words: str, stdin: bytes = b"") -> tuple[int, str]:
    streams = Streams.fake(stdin)
    status = main([words[0], "--base-url", server.base_url, "--schema", "schema.json", *words[1:]], streams)
    return status, streams.captured()[0].decode()


@pytest.mark.parametrize("name", CALLS_ALONE)
def test_a_call_that_was_not_offered_is_an_invalid_answer(server: FaultServer, name: str) -> None:
    for number, form in enumerate(("text", "json", "messages")):
        assert (8, "") == ran(server, "chat", "-n", "--repair", "0", "-F", form, f"{number} {name}")
    assert (8, "") == ran(server, "stream", "-n", "--repair", "0", f"3 {name}")
    record = json.dumps({"prompt": f"4 {name}"}).encode()
    status, line = ran(server, "batch", "-q", "--repair", "0", stdin=record)
    error = parsed(line.encode())["error"]
    assert isinstance(error, dict)
    assert (14, 8) == (status, error["code"])


def test_the_model_may_repair_it(server: FaultServer) -> None:
    assert (0, '{"a":1}\n') == ran(server, "chat", "-n", "streamed-call")
    status, line = ran(server, "batch", "-q", stdin=b'{"prompt": "streamed-call"}')
    assert (0, '{"a":1}', None) == (status, *(parsed(line.encode())[name] for name in ("content", "error")))
    for repairing in [
        request.body["messages"] for request in server.requests if request.prompt.endswith("fence.")
    ]:
        assert isinstance(repairing, list)
        assert ["assistant", "tool", "user"] == [each["role"] for each in repairing[-3:]]


def test_valid_json_beside_a_call_that_was_not_offered_is_the_answer(server: FaultServer) -> None:
    status, line = ran(server, "chat", "-n", "--json", "call-and-json")
    assert (0, '{"a":1}') == (status, parsed(line.encode())["content"])


@pytest.mark.parametrize("name", [*CALLS_ALONE, "call-and-json"])
def test_an_offered_call_is_a_turn_before_the_answer(server: FaultServer, name: str) -> None:
    status, line = ran(server, "chat", "-n", "--tools", "tools.json", "--json", f"5 {name}")
    record = parsed(line.encode())
    assert (0, "") == (status, record["content"])
    assert record["tool_calls"]
    assert 16 == ran(server, "chat", "-n", "--tools", "tools.json", f"6 {name}")[0]
    question = json.dumps({"prompt": f"7 {name}", "tools": TOOLS}).encode()
    status, line = ran(server, "batch", "-q", stdin=question)
    record = parsed(line.encode())
    assert (0, "", None) == (status, record["content"], record["error"])
    refused = json.dumps({"prompt": f"8 {name}", "tools": TOOLS, "tool_choice": "none"}).encode()
    if name != "call-and-json":
        assert 14 == ran(server, "batch", "-q", "--repair", "0", stdin=refused)[0]
