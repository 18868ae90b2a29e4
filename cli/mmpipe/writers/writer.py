"""The interface of all writers."""

from mmpipe.core.events import Event
from mmpipe.errors import MmpipeError


class Writer:
    """Writer that writes nothing; the writer of each output format overrides what it needs."""

    def write(self, event: Event) -> None:
        """Take the next event."""

    def receive(self, body: bytes) -> None:
        """Take the next bytes of the server, before they are decoded."""

    def end_turn(self) -> None:
        """End a turn with tool calls; the next turn follows."""

    def end(self) -> None:
        """End the complete answer."""

    def give_up(self) -> None:
        """End a failed attempt; a retry follows."""

    def fail(self, error: MmpipeError) -> None:
        """End an answer that stays incomplete because of `error`."""
