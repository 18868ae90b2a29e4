"""An answer that is nested as deep as any that is taken can be read again from every file that keeps it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.main import main
from mmpipe.text.strict_json import MAX_ANSWER_DEPTH
from mmpipe.unix.streams import Streams
from support.fault_server import FaultServer, Script, fault_server
from support.harness import KEY
from support.server_shapes.shape import body, call, data, message, streamed, text

INNER = "INNER"
DEEPEST = [MAX_ANSWER_DEPTH, MAX_ANSWER_DEPTH - 1]
TOO_DEEP = [MAX_ANSWER_DEPTH + 1, 900, 980, 5000, 100_000]
PLACES = {"field": 4, "stream": 4, "arguments": 8}  # and the levels around what is nested there


def nested(sent: bytes, levels: int) -> bytes:
    return sent.replace(b'"INNER"', b"[" * levels + b"]" * levels)


def deep(place: str, levels: int) -> Script:
    """An answer of so many levels."""
    inside = levels - PLACES[place]
    if place == "stream":
        first = data({"model": "m", "choices": [{"index": 0, "delta": {"content": "y", "extra": INNER}}]})
        return streamed(nested(first, inside), text("es", "stop"))
    calls = {"tool_calls": [call("get", {"x": INNER}, id="a", index=0, type="function")]}
    fields = {"role": "assistant", "content": "yes"} | ({"extra": INNER} if place == "field" else calls)
    return body(nested(json.dumps(message(fields, model="m")).encode(), inside))


@pytest.fixture(autouse=True)
def _bare(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    Path("tools.json").write_text("[]")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    scripts = {
        f"{place}-{levels}": deep(place, levels) for place in PLACES for levels in (*DEEPEST, *TOO_DEEP)
    }
    with fault_server({**scripts, "hello": streamed(text("hi", "stop"))}) as running:
        yield running


def status(server: FaultServer, *words: str, stdin: bytes = b"") -> int:
    return main([words[0], "--base-url", server.base_url, "--retries", "0", *words[1:]], Streams.fake(stdin))


@pytest.mark.parametrize("levels", DEEPEST)
@pytest.mark.parametrize("place", PLACES)
def test_a_deep_answer_is_read_again_from_everything_that_keeps_it(
    server: FaultServer, place: str, levels: int
) -> None:
    name = f"{place}-{levels}"
    assert 0 == status(server, "chat", "-n", "--json", "-c", "talk", name)
    if place != "arguments":
        assert 0 == status(server, "chat", "-n", "-c", "talk", "hello")
    assert 0 == status(server, "chat", "-n", "--json", "--cache", "cache", name)
    assert 0 == status(server, "chat", "-n", "--json", "--replay", "cache", name)
    for form in ("jsonl", "openai"):
        options = ("-q", "--format", form, "-o", form, "--resume")
        assert [0, 0] == [status(server, "batch", *options, stdin=name.encode()) for _ in range(2)]
    asked = server.asked(name)
    assert 0 == main(["batch", "--merge", "jsonl"], Streams.fake(b""))
    # Each line is a record again.
    lines = Path("jsonl").read_bytes()
    assert 0 == status(server, "batch", "-q", "--template", "{index} hello", stdin=lines)
    assert asked == server.asked(name)


@pytest.mark.parametrize("levels", TOO_DEEP)
@pytest.mark.parametrize("place", PLACES)
def test_a_deeper_answer_is_refused_everywhere_alike(server: FaultServer, place: str, levels: int) -> None:
    name = f"{place}-{levels}"
    assert 8 == status(server, "chat", "-n", "--json", "-c", "talk", name)
    assert 0 == status(server, "chat", "-n", "-c", "talk", "hello")
    assert 8 == status(server, "stream", "-n", name)
    assert 14 == status(server, "batch", "-q", "-o", "out", stdin=name.encode())
    assert 14 == status(server, "batch", "-q", "-o", "out", "--resume", stdin=name.encode())
