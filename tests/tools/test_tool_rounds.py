"""Bad calls are refused before any call of the round is run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mmpipe.core.events import ToolCall, ToolResult
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import BadResponse
from mmpipe.tools.options import ToolOptions
from mmpipe.tools.setup import set_up_tools
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


def results(folder: Path, *calls: ToolCall) -> Sequence[ToolResult]:
    streams = Streams.fake()
    console = Console(streams, Verbosity(), {})
    reports: list[Mapping[str, object]] = []
    watch = OutputWatch(streams.stdout, console)
    setup = set_up_tools(options(folder), ENVIRONMENT, ())
    rounds = setup.start_rounds(PATIENCE.limits(), watch, reports.append)
    assert rounds is not None
    return rounds.run(calls, lambda _: None)


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
