"""The containers around a line, outermost first; their margin, and the numbers of the lists."""

from mmpipe.writers.markdown.blocks import Gap, Margin
from mmpipe.writers.markdown.containers import (
    Container,
    Cursor,
    Item,
    ItemMark,
    Quote,
    count_content_offset,
)


class ContainerStack:
    """Stack of the open containers; `has_blank` is true after a blank line."""

    def __init__(self) -> None:
        self._containers: list[Container] = []
        self._lists: dict[
            int, tuple[str, int | None]
        ] = {}  # by depth: the mark, and the number of its next item
        self._around_last: tuple[Container, ...] | None = None
        self.has_blank = False

    def __len__(self) -> int:
        return len(self._containers)

    def match(self, cursor: Cursor) -> int:
        """Go behind the marks of the containers that go on in this line, and return their number."""
        for number, container in enumerate(self._containers):
            if not container.continues(cursor):
                return number
        return len(self._containers)

    def push(self, container: Container) -> None:
        """Open a container in the innermost one."""
        for outer in self._containers:
            outer.is_empty = False
        self._containers.append(container)

    def pop(self) -> None:
        """Close the innermost container."""
        self._containers.pop()

    @property
    def has_mark(self) -> bool:
        """True if the mark of the innermost container was not shown yet: an item without content."""
        innermost = self._containers[-1]
        return innermost.first != innermost.rest

    def create_item(self, cursor: Cursor, mark: ItemMark) -> Item:
        """Return the item that begins here, with the next number of its list."""
        depth = len(self._containers)
        kind, number = self._lists.get(depth, ("", None))
        if kind != mark.kind:
            number = mark.number
        self.end_lists(depth)
        self._lists[depth] = (mark.kind, None if number is None else number + 1)
        lists = sum(isinstance(container, Item) for container in self._containers)
        return Item(mark.describe(number, lists), count_content_offset(cursor, mark))

    def end_lists(self, depth: int) -> None:
        """Forget the lists that a block with so many containers around it ends."""
        for other in [other for other in self._lists if other >= depth]:
            del self._lists[other]

    def find_gap(self, *, wants_gap: bool) -> Gap | None:
        """Return the blank line before the leaf that begins here, if there is one or the leaf wants one."""
        last, self._around_last = self._around_last, tuple(self._containers)
        is_wanted, self.has_blank = self.has_blank or wants_gap, False
        if last is None or not is_wanted:
            return None
        around = [one for one, other in zip(self._containers, last, strict=False) if one is other]
        while around and not isinstance(around[-1], Quote):
            around.pop()
        return Gap("".join(container.rest for container in around))

    def take_margin(self) -> Margin:
        """Return the margin of the leaf that begins here; the marks of its items are shown then."""
        containers = self._containers
        margin = Margin(
            "".join(container.first for container in containers),
            "".join(container.rest for container in containers),
        )
        for container in containers:
            container.first, container.is_empty = container.rest, False
        return margin
