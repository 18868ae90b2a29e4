"""The garbage collector sleeps while a process starts, and is awake when its work may last."""

import sys

import pytest

from support.harness import run, service
from support.tool_conversations import tools_file

pytestmark = [pytest.mark.processes, pytest.mark.slow]

# Tells at its end, instead of ending at once.
CODE = """
import gc, os, sys
from mmpipe.main import run
os._exit = lambda status: sys.exit(f"{status} {gc.isenabled()} {gc.get_freeze_count() > 0}")
run()
"""


@pytest.mark.parametrize(
    ("arguments", "is_awake"),
    [
        (("models",), False),
        (("chat", "-n", "sim:echo x"), True),
        (("batch", "--dry-run"), True),
        (("chat", "-n", "--tools", "tools.json", "--replay", "none", "x"), True),
        (("sim", "--", "true"), True),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_may_last_wakes_it(arguments: tuple[str, ...], is_awake: bool) -> None:
    tools_file()
    with service() as server:
        done = run((sys.executable, "-c", CODE, *arguments), server, stdin=b"sim:echo x\n")
    assert f"{is_awake} {is_awake}".encode() == done.stderr.splitlines()[-1].partition(b" ")[2]
