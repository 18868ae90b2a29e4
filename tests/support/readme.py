"""README, as the tests read it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
