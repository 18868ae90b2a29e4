"""Counts what was found, and keeps the first of it."""

from dataclasses import dataclass, field
from typing import Final

_EXAMPLES: Final = 10


@dataclass(slots=True)
class Findings:
    """Number of ids or files, and the first of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(name)
