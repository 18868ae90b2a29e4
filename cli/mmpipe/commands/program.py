"""The surroundings of a command: the streams, the environment, and the tree of all commands."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmpipe.grammar import Tree
from mmpipe.unix.streams import Streams


@dataclass(frozen=True, slots=True)
class Program:
    """The surroundings that each command works in."""

    streams: Streams
    environment: Mapping[str, str]
    tree: Tree

    def show(self, text: str) -> None:
        """Write text to standard output, so that a full disk and a broken pipe are errors."""
        self.streams.stdout.write(text.encode())
