"""The tree of all commands; each is imported when it is needed."""

from mmpipe.commands.general_options import AboutOptions
from mmpipe.commands.program import Program
from mmpipe.commands.summaries import SUMMARIES
from mmpipe.dataclass import dataclass
from mmpipe.grammar import Command, Example, Tree


@dataclass(frozen=True, slots=True)
class NoOptions:
    """No option but the common ones."""


def _mmpipe(_: Program, __: NoOptions) -> None:
    """Do nothing: without a command only --help and --version work."""


def _load_chat() -> Command:
    from mmpipe.commands.chat import CHAT

    return CHAT


def _load_stream() -> Command:
    from mmpipe.commands.chat import STREAM

    return STREAM


def _load_batch() -> Command:
    from mmpipe.commands.batch import BATCH

    return BATCH


def _load_models() -> Command:
    from mmpipe.commands.models import MODELS

    return MODELS


def _load_sim() -> Command:
    from mmpipe.commands.sim import SIM

    return SIM


def _load_completion() -> Command:
    from mmpipe.commands.completion import COMPLETION

    return COMPLETION


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
    {
        "chat": _load_chat,
        "stream": _load_stream,
        "batch": _load_batch,
        "models": _load_models,
        "sim": _load_sim,
        "completion": _load_completion,
    },
    SUMMARIES,
)
