"""Two tools, commands for them, and the messages that the server was sent, for tests of tools and conversations."""

import json
from pathlib import Path

from mmpipe.simulator.server import RunningSimulator
from support.harness import Record, bodies

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    },
    {"type": "function", "function": {"name": "get_time"}},
]
WEATHER = 'sim:tool get_weather {"city": "Paris"}'
TWO_ROUNDS = f"""{WEATHER}
sim:tool get_time {{}}
sim:then
sim:say Once more, to be sure.
sim:tool get_time {{"zone": "UTC"}}"""


def tools_file() -> str:
    """The definitions, in the folder of the test."""
    Path("tools.json").write_text(json.dumps(TOOLS))
    return "tools.json"


def command(name: str, script: str) -> str:
    """A program of the test's own, for `--run`."""
    path = Path(name)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"./{name}"


def runs() -> list[str]:
    """The options by which both tools are run."""
    weather = command("weather", 'read -r arguments; echo "18 degrees for $arguments"')
    return ["--tools", tools_file(), "--run", f"get_weather={weather}", "--run", "get_time=date -u +%Y"]


def messages(server: RunningSimulator, request: int) -> list[Record]:
    """The messages of a request; 0 is the first."""
    sent = bodies(server)[request]["messages"]
    assert isinstance(sent, list)
    return sent


def roles(server: RunningSimulator, request: int) -> list[object]:
    return [message["role"] for message in messages(server, request)]


def transcript(path: str) -> list[Record]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def results(server: RunningSimulator, request: int) -> list[object]:
    return [message["content"] for message in messages(server, request) if message["role"] == "tool"]
