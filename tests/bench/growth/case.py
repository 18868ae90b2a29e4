"""A case: makes an input of about so many bytes, and reads it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import AnyStr, Generic, TypeVar

from mmpipe.errors import MmpipeError

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Case(Generic[Made]):
    """`make` is not timed; `read` may end with an error of ours, as a program may that reads foreign bytes.

    `parse` is given where a library's parser is most of the work: it reads the same input alone.
    """

    name: str
    make: Callable[[int], Made]
    read: Callable[[Made], object]
    parse: Callable[[Made], object] | None = None

    def readings(self, size: int) -> tuple[Callable[[], None], Callable[[], object] | None]:
        """Return a function that reads an input of this size once, and one that only parses the same input, if there is one."""
        made, parse = self.make(size), self.parse

        def read() -> None:
            with suppress(MmpipeError, ValueError):
                self.read(made)

        return read, parse and (lambda: parse(made))


def exhaust(found: Iterable[object]) -> None:
    """Take everything, and keep nothing."""
    for _ in found:
        pass


def cut(content: AnyStr, length: int) -> Iterator[AnyStr]:
    """The content in pieces, as sockets and files give it."""
    for at in range(0, len(content), length):
        yield content[at : at + length]
