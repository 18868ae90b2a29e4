"""`completion`: the scripts for TAB, and the manual page."""

from dataclasses import dataclass

from mmpipe.commands.common import COMMON
from mmpipe.commands.program import Program
from mmpipe.grammar import Command, Example
from mmpipe.reference.options import DocumentOptions


@dataclass(frozen=True, slots=True)
class CompletionOptions:
    """All options of `completion`."""

    document: DocumentOptions


def _print_document(program: Program, options: CompletionOptions) -> None:
    from mmpipe.reference.documents import generate_document

    program.show(generate_document(options.document.shell, program.tree))


COMPLETION = Command(
    "completion",
    "Print the completion script of a shell, or the manual page.",
    CompletionOptions,
    _print_document,
    common=COMMON,
    details="The same files are installed under share/; this command is for shells that do not find them.",
    examples=(
        Example("source <(mmpipe completion bash)", "TAB in the running bash."),
        Example("mmpipe completion man > mmpipe.1", "The manual page; man -l mmpipe.1 shows it."),
    ),
)
