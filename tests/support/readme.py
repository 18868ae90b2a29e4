"""README and guides, as the tests read and run them."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.harness import AS_SIM, LIMIT, environment, service

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, and for commands what README shows as their output."""

    language: str
    text: str
    output: str | None


def read_blocks() -> Sequence[Block]:
    """The blocks in their order; one of output belongs to the block before it."""
    found = re.findall(r"^```(\w+)\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", README, re.MULTILINE | re.DOTALL)
    return [Block(language, text, output or None) for language, text, output in found]


def run_lines(lines: str, unwanted: str = "Traceback") -> str:
    """What lines for bash print beside a service; each has to succeed, with nothing `unwanted` on stderr."""
    with service() as server:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            env=environment(server, AS_SIM),
            capture_output=True,
            text=True,
            timeout=LIMIT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    assert 0 == done.returncode, done.stderr
    assert unwanted not in done.stderr
    return done.stdout
