"""The surroundings of a command: the streams, the environment, the tree of all commands, and the typed words."""

from collections.abc import Mapping, Sequence

from mmpipe.dataclass import dataclass
from mmpipe.grammar import Tree
from mmpipe.unix.streams import Streams


@dataclass(frozen=True, slots=True)
class Program:
    """The surroundings that each command works in."""

    streams: Streams
    environment: Mapping[str, str]
    tree: Tree
    arguments: Sequence[str] = ()

    def show(self, text: str) -> None:
        """Write text to standard output, so that a full disk and a broken pipe are errors."""
        self.streams.stdout.write(text.encode())
