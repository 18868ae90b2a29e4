"""Reads the guides: texts in guides/, of which man page and the page for programs have chapters.

The first line of a guide is its title. Then come blocks with blank lines between them: a paragraph; terms, each with its
meaning in the next line, indented by 2; or code, indented by 4, which may have blank lines. Code that begins with
`# NAME` is a file of this name, all other code is for a shell. Backticks mark what is typed, as in all tables here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mmpipe.dataclass import dataclass

GUIDES: Final = Path(__file__).parent / "guides"
_CODE: Final = "    "
_MEANING: Final = "  "


@dataclass(frozen=True, slots=True)
class Prose:
    """A text in one line, not broken yet."""

    text: str


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms and their meanings."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be copied as they stand; `file` is the name of the file that they are, None for a shell."""

    lines: Sequence[str]

    @property
    def file(self) -> str | None:
        """The name of the file that the lines are; None for lines of a shell."""
        first = self.lines[0]
        return first.removeprefix("# ") if first.startswith("# ") else None


Block = Prose | Terms | Code


@dataclass(frozen=True, slots=True)
class Guide:
    """A chapter."""

    title: str
    blocks: Sequence[Block]


def read_guide(name: str) -> Guide:
    """Return the guide of that name."""
    text = (GUIDES / f"{name}.txt").read_text("utf-8")
    title, _, body = text.strip("\n").partition("\n\n")
    return Guide(title, tuple(_blocks(body.split("\n\n"))))


def _blocks(parts: Sequence[str]) -> Iterator[Block]:
    code: list[str] = []
    for part in parts:
        lines = part.split("\n")
        is_code = lines[0].startswith(_CODE)
        if code and (not is_code or lines[0].startswith(f"{_CODE}# ")):
            yield Code(tuple(code))
            code = []
        if is_code:
            code += [""] * bool(code) + [line.removeprefix(_CODE) for line in lines]
        elif len(lines) > 1 and lines[1].startswith(_MEANING):
            yield Terms(tuple(zip(lines[::2], (line.strip() for line in lines[1::2]), strict=True)))
        else:
            yield Prose(" ".join(lines))
    if code:
        yield Code(tuple(code))
