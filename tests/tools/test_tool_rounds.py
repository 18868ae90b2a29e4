"""Bad calls are refused before any call of the round is run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mmpipe.core.events import ToolCall, ToolResult
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import BadResponse, ToolError
from mmpipe.tools.options import ToolOptions
from mmpipe.tools.rounds import ToolRounds
from mmpipe.tools.setup import set_up_tools
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console
from mmpipe.writers.options import Verbosity
from mmpipe.writers.watch import OutputWatch

pytestmark = pytest.mark.tools

PATIENCE = Timeouts(connect=5, first_byte=5, idle=5, total=60, retries=0)
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def options(folder: Path) -> ToolOptions:
    path = folder / "tools.json"
    path.write_text(json.dumps([{"type": "function", "function": {"name": "f"}}]))
    return ToolOptions(tools=str(path), run=(f"f=touch {folder / 'ran'}",))


def started(options: ToolOptions) -> ToolRounds:
    streams = Streams.fake()
    console = Console(streams, Verbosity(), {})
    reports: list[Mapping[str, object]] = []
    watch = OutputWatch(streams.stdout, console)
    setup = set_up_tools(options, Inputs(streams.stdin), ENVIRONMENT, ())
    rounds = setup.start_rounds(PATIENCE.limits(), watch, reports.append)
    assert rounds is not None
    return rounds


def results(folder: Path, *calls: ToolCall) -> Sequence[ToolResult]:
    return started(options(folder)).run(calls, lambda _: None)


@pytest.mark.parametrize("ids", [("1", "1"), ("", ""), ("1", "")])
def test_calls_without_a_unique_id_are_not_run(ids: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(BadResponse, match="without a unique id"):
        results(
            tmp_path, *(ToolCall(index, name, "f", f'{{"a": {index}}}') for index, name in enumerate(ids))
        )
    assert not (tmp_path / "ran").exists()


def test_each_call_has_its_result(tmp_path: Path) -> None:
    found = results(tmp_path, ToolCall(0, "1", "f", ""), ToolCall(1, "2", "g", "{}"))
    assert [("1", "[no output]"), ("2", "[there is no tool 'g'; there are: f]")] == [
        (result.id, result.content) for result in found
    ]


def test_a_third_call_of_an_unknown_tool_with_the_same_arguments_ends_the_run(tmp_path: Path) -> None:
    rounds = started(options(tmp_path))
    for number, arguments in enumerate(('{"a":1}', '{ "a": 1 }')):
        rounds.run([ToolCall(0, str(number), "g", arguments)], lambda _: None)
    with pytest.raises(ToolError, match="calls 'g' with the same arguments for the third time"):
        rounds.run([ToolCall(0, "2", "f", "{}"), ToolCall(1, "3", "g", '{"a":1}')], lambda _: None)
    assert not (tmp_path / "ran").exists()


def test_calls_of_unknown_tools_count_as_calls(tmp_path: Path) -> None:
    rounds = started(replace(options(tmp_path), max_calls=2))
    rounds.run([ToolCall(0, "1", "g", "{}"), ToolCall(1, "2", "h", "not JSON")], lambda _: None)
    with pytest.raises(ToolError, match="more than 2 times"):
        rounds.run([ToolCall(0, "3", "i", "{}")], lambda _: None)
