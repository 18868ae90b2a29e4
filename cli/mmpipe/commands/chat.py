"""`chat` and `stream`: one prompt, one answer; they differ in one flag."""

from functools import partial

from mmpipe.chat.options import ChatOptions
from mmpipe.commands.common import COMMON
from mmpipe.commands.program import Program
from mmpipe.grammar import Command, Example


def _answer(program: Program, options: ChatOptions, *, live: bool) -> None:
    # Imported here, like everything that --help and --version do not need.
    from mmpipe.chat.answer import answer

    answer(options, program.streams, program.environment, live=live)


_DETAILS = """
    A conversation (-c, --messages, -F messages) is a message of the API on each line, kept as it came and sent back
    whole. FILE is locked from its reading to the one write that extends it, once the answer is there.

    A COMMAND of --run gets the arguments of the call as JSON on standard input; what it prints is the result, and a
    status other than 0 is told to the model. It gets PATH, HOME, USER, LOGNAME, SHELL, TERM, TMPDIR, TZ, LANG and LC_*,
    and is killed with its children. Without --run the calls come out, and --tool-result goes on.

    The schema is told to the model in a system message that is not kept. Fences and prose around the JSON are taken off.
    """

CHAT = Command(
    "chat",
    "Ask one prompt, and write the answer once it is whole.",
    ChatOptions,
    partial(_answer, live=False),
    common=COMMON,
    details=_DETAILS,
    examples=(
        Example(
            'git diff | mmpipe chat "Write a commit message for this diff."',
            "What comes by the pipe follows the words.",
        ),
        Example(
            'mmpipe chat -f notes.txt "Summarise in three lines." -o summary.txt',
            "A file in, a file out: all of the answer, or untouched.",
        ),
    ),
)

STREAM = Command(
    "stream",
    "Ask one prompt, and write the answer as it arrives.",
    ChatOptions,
    partial(_answer, live=True),
    common=COMMON,
    details=_DETAILS,
    examples=(
        Example('mmpipe stream -n -t show "Is 91 prime?"', "Watch the thinking, and then the answer."),
        Example(
            """mmpipe stream -n -F jsonl "A story." | jq -rj 'select(.type == "text").text'""",
            "Events for a program, one JSON object a line.",
        ),
    ),
)
