"""Options of `completion`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from mmpipe.grammar import OptionGroup, argument

Document = Literal["bash", "zsh", "fish", "man"]


@dataclass(frozen=True, slots=True)
class DocumentOptions(OptionGroup):
    """The document that is printed."""

    title = "Output"

    shell: Annotated[Document, argument("SHELL", help="bash, zsh or fish; man prints the manual page.")]
