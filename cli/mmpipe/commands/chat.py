"""`chat` and `stream`: one prompt, one answer; `stream` writes it as it arrives."""

from functools import partial

from mmpipe.chat.options import ChatOptions
from mmpipe.commands.general_options import GENERAL
from mmpipe.commands.program import Program
from mmpipe.commands.summaries import SUMMARIES
from mmpipe.grammar import Command, Example
from mmpipe.unix.library_logs import silence_libraries


def _answer(program: Program, options: ChatOptions, *, live: bool) -> None:
    silence_libraries()
    # Imported here, like everything that --help and --version do not need.
    from mmpipe.chat.answer import answer

    answer(options, program.streams, program.environment, live=live)


_DETAILS = """
    An image is PNG, JPEG, GIF or WebP, a video MP4, MOV, AVI or Matroska, as the bytes of the file say; HEIC and such
    must be converted. The service opens http:// and https:// URLs itself, and mm_file://ID is a video that was uploaded.
    Of the models MiniMax-M3 and MiniMax-M3.1-Flash take them.

    A conversation (-c, --messages, -F messages) has one message of the API on each line, unchanged. FILE is locked
    until the new messages are appended in one write, after the whole answer.

    A COMMAND of --run reads the arguments of the call as JSON on standard input. Its output is the result; a status
    other than 0 is reported to the model. Its environment has only PATH, HOME, USER, LOGNAME, SHELL, TERM, TMPDIR, TZ,
    LANG and LC_*. It is killed with its children. Without --run the calls are the output, and --tool-result answers
    them in another run.

    The model gets the schema in a system message, which the conversation does not keep. Fences and prose around the
    JSON are removed.
    """

CHAT = Command(
    "chat",
    SUMMARIES["chat"],
    ChatOptions,
    partial(_answer, live=False),
    common=GENERAL,
    details=_DETAILS,
    most_used=("-m", "-f", "-s", "-c", "-o"),
    examples=(
        Example(
            'git diff | mmpipe chat "Write a commit message for this diff."',
            "Piped input follows the words.",
        ),
        Example(
            'mmpipe chat -f notes.txt "Summarise in three lines." -o summary.txt',
            "A file in, a file out: the whole answer, or the old file.",
        ),
        Example('mmpipe chat -n -a photo.png "Describe this photo."', "An image, beside the prompt."),
    ),
)

STREAM = Command(
    "stream",
    SUMMARIES["stream"],
    ChatOptions,
    partial(_answer, live=True),
    common=GENERAL,
    details=_DETAILS,
    most_used=("-m", "-f", "-s", "-c", "-t"),
    examples=(
        Example('mmpipe stream -n -t show "Is 91 prime?"', "Watch the thinking, and then the answer."),
        Example(
            """mmpipe stream -n -F jsonl "A story." | jq -rj 'select(.type == "text").text'""",
            "Events for a program, one JSON object a line.",
        ),
    ),
)
