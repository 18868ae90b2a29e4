"""What every writer can do."""

from mmpipe.core.events import Event
from mmpipe.errors import MmpipeError


class Writer:
    """Takes an answer as it comes, and writes nothing of it; each form of output writes some."""

    def write(self, event: Event) -> None:
        """The next event."""

    def receive(self, body: bytes) -> None:
        """The next bytes of the server, before they are events."""

    def end_turn(self) -> None:
        """The model has said something and called tools; it will go on when it has their results."""

    def end(self) -> None:
        """The answer is whole."""

    def give_up(self) -> None:
        """This attempt failed, and another one follows."""

    def fail(self, error: MmpipeError) -> None:
        """The answer will not be whole."""
