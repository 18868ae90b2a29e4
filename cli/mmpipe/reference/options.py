"""Options of `completion`."""

from typing import Annotated, Literal

from mmpipe.dataclass import dataclass
from mmpipe.grammar import OptionGroup, argument, option

InstalledDocument = Literal["bash", "zsh", "fish", "man"]
Document = Literal[InstalledDocument, "agent"]


@dataclass(frozen=True, slots=True)
class DocumentOptions(OptionGroup):
    """The document, and where it goes."""

    title = "Output"

    shell: Annotated[
        Document | None,
        argument("SHELL", help="bash, zsh or fish; man is the manual page, agent a page for programs."),
    ] = None
    install: Annotated[
        bool,
        option(
            "--install", help="Write the files for this user; without SHELL those of all shells and of man."
        ),
    ] = False
    uninstall: Annotated[
        bool, option("--uninstall", help="Remove what --install wrote; other files stay.")
    ] = False
