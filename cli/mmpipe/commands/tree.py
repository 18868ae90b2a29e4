"""The tree of everything that can be typed."""

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
    """The program by itself does nothing but tell about itself."""


TREE = Tree(
    Command(
        "mmpipe",
        "A Unix filter for MiniMax's OpenAI-compatible API: prompts in, answers out, and an exit status to trust.",
        NoOptions,
        _mmpipe,
        common=(AboutOptions,),
        details="""
            The prompt is made of words, then files, then standard input. The answer goes to standard output, and
            whatever is said about it to standard error. Status 0 means that the whole answer came and was written.

            Settings are options, or the environment, or a configuration file, in this order; the key is taken from
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
