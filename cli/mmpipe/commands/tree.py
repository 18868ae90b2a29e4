"""The tree of all commands."""

from dataclasses import dataclass

from mmpipe.commands.batch import BATCH
from mmpipe.commands.chat import CHAT, STREAM
from mmpipe.commands.common import AboutOptions
from mmpipe.commands.completion import COMPLETION
from mmpipe.commands.models import MODELS
from mmpipe.commands.program import Program
from mmpipe.commands.sim import SIM
from mmpipe.grammar import Command, Example, Tree


@dataclass(frozen=True, slots=True)
class NoOptions:
    """No option but the common ones."""


def _mmpipe(_: Program, __: NoOptions) -> None:
    """Do nothing: without a command only --help and --version work."""


TREE = Tree(
    Command(
        "mmpipe",
        "A Unix filter for MiniMax's OpenAI-compatible API: prompts in, answers out, and an exit status to trust.",
        NoOptions,
        _mmpipe,
        common=(AboutOptions,),
        details="""
            The prompt has words, then files, then standard input. The answer goes to standard output, every report
            to standard error. Status 0 means that the whole answer arrived and was written.

            Settings come from options, the environment and a configuration file, in this order. The key comes from
            MINIMAX_API_KEY.
        """,
        examples=(
            Example(
                'echo "Why is the sky blue?" | mmpipe sim -- mmpipe stream',
                "Try it without a key: a simulator stands in for the service.",
            ),
            Example(
                'mmpipe chat --json "Name a prime." | jq -r .content', "One prompt, and its answer as JSON."
            ),
        ),
    ),
    # In the order of help and man page.
    (CHAT, STREAM, BATCH, MODELS, SIM, COMPLETION),
)
