"""`completion`: the scripts for TAB, and the manual page."""

from typing import get_args

from mmpipe.commands.general_options import GENERAL
from mmpipe.commands.program import Program
from mmpipe.commands.summaries import SUMMARIES
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Example
from mmpipe.reference.options import Document, DocumentOptions


@dataclass(frozen=True, slots=True)
class CompletionOptions:
    """All options of `completion`."""

    document: DocumentOptions


def _provide_document(program: Program, options: CompletionOptions) -> None:
    wanted = options.document
    if wanted.install and wanted.uninstall:
        raise UsageError("--install and --uninstall exclude each other")
    if wanted.install or wanted.uninstall:
        from mmpipe.reference.installation import install_documents, uninstall_documents

        if wanted.install:
            install_documents(wanted.shell, program.tree, program.streams, program.environment)
        else:
            uninstall_documents(wanted.shell, program.streams, program.environment)
        return
    from mmpipe.reference.documents import generate_document

    if wanted.shell is None:
        raise UsageError(
            f"SHELL is missing: {', '.join(get_args(Document))}, or --install", hint="see --help"
        )
    program.show(generate_document(wanted.shell, program.tree))


COMPLETION = Command(
    "completion",
    SUMMARIES["completion"],
    CompletionOptions,
    _provide_document,
    common=GENERAL,
    details="""
        --install writes the files below HOME, where man and your shells look for them, and lists them; what is
        left to do is on stderr. A file that is not ours, or was edited, is never touched. The package has the same
        files under share/.

        agent is one page for programs and language models that run mmpipe: commands, exit statuses, JSON Schemas.
    """,
    examples=(
        Example("mmpipe completion --install", "TAB and `man mmpipe` for this user, from the next shell on."),
        Example("source <(mmpipe completion bash)", "TAB in the running bash."),
        Example("mmpipe completion man > mmpipe.1", "The manual page; man -l mmpipe.1 shows it."),
    ),
)
