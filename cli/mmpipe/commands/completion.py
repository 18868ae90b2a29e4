"""`completion`: the scripts for TAB, and the manual page."""

from dataclasses import dataclass
from typing import Annotated, Literal

from mmpipe.commands.program import Program
from mmpipe.commands.sections import COMMON
from mmpipe.grammar import Command, Example, Section, argument


@dataclass(frozen=True, slots=True)
class Script(Section):
    """What is to be printed for the shell."""

    title = "Output"

    shell: Annotated[
        Literal["bash", "zsh", "fish", "man"],
        argument("SHELL", help="bash, zsh or fish; man prints the manual page."),
    ]


def _complete(
    program: Program,
    script: Script,
) -> None:
    # The tree holds this command too.
    from mmpipe.commands.tree import TREE
    from mmpipe.reference.documents import generate_document

    program.show(generate_document(script.shell, TREE))


COMPLETION = Command(
    "completion",
    "Print the completion script of a shell, or the manual page.",
    _complete,
    common=COMMON,
    details="The same files are installed under share/; this is for where they are not found.",
    examples=(
        Example("source <(mmpipe completion bash)", "TAB in the running bash."),
        Example("mmpipe completion man > mmpipe.1", "The manual page; man -l mmpipe.1 shows it."),
    ),
)
