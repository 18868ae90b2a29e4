"""The interface of all writers."""

from collections.abc import Mapping, Sequence

from mmpipe.core.events import Event, Message
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """A complete answer: its JSON record, and all messages of the conversation, the answer included."""

    record: Mapping[str, object]
    messages: Sequence[Message]


class Writer:
    """Writer that writes nothing; the writer of each output format overrides what it needs."""

    takes_bytes = False  # `receive` is called

    def write(self, event: Event) -> None:
        """Take the next event."""

    def receive(self, body: bytes) -> None:
        """Take the next bytes of the server, before they are decoded."""

    def end_turn(self) -> None:
        """End a turn with tool calls; the next turn follows."""

    def end(self, answer: WholeAnswer) -> None:
        """End the complete answer."""

    def give_up(self) -> None:
        """End a failed attempt; a retry follows."""

    def interrupt(self) -> None:
        """Write what is held back of a text on a terminal; a signal ends the run."""

    def fail(self, error: MmpipeError, messages: Sequence[Message] = ()) -> None:
        """End an answer that stays incomplete because of `error`; `messages` are the conversation so far."""
