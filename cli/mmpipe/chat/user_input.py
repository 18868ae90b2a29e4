"""Reads everything that the user adds to a conversation: messages, results of tools, system message and prompt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from mmpipe.chat.attachments import read_attachments
from mmpipe.chat.message_file import parse_messages
from mmpipe.chat.options import ChatOptions
from mmpipe.chat.prompt import PromptSources, read_prompt
from mmpipe.config.base_request import read_system_message
from mmpipe.core.attachments import Part, build_content
from mmpipe.core.events import Message
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError, UsageError
from mmpipe.text.visible import one_line
from mmpipe.tools.options import name_result
from mmpipe.unix.inputs import Inputs, NamedInput, decode_argument


@dataclass(frozen=True, slots=True)
class UserInput:
    """The input of the user; `messages` are those of `--messages`, from a file called `messages_name`.

    `results` are the results of tools by the id of their call. `prompt` is the content of the user's message, empty if there
    is none.
    """

    messages: tuple[Message, ...] = ()
    messages_name: str | None = None
    system: str | None = None
    results: Mapping[str, str] = field(default_factory=dict)
    prompt: str | list[Part] = ""


def read_user_input(options: ChatOptions, inputs: Inputs, warn: Callable[[str], None]) -> UserInput:
    """Read all input of the conversation; `warn` gets a sentence for a part that is not used, and for an empty pipe.

    Raises InputError for input that cannot be read, UsageError for results in a wrong form or without a conversation.
    """
    messages: tuple[Message, ...] = ()
    name: str | None = None
    if (named := options.conversation.messages_input) is not None:
        name = inputs.name(named.path)
        messages = parse_messages(inputs.read_text(named, options.encoding.codec), name, warn)
        if not messages:
            # The program before this one in the pipe has failed.
            raise InputError(f"{name}: there is no message in it")
    results = _read_results(
        options.tools.tool_result, lambda named: inputs.read_text(named, options.encoding.codec)
    )
    if results and not options.conversation.goes_on:
        raise UsageError("--tool-result answers a call of a conversation: it goes with -c or --messages")
    system = read_system_message(options.system, inputs, options.encoding.codec, warn)
    prompt = read_prompt(PromptSources.of(options), inputs, warn)
    parts = read_attachments(options.prompt.attach, inputs)
    return UserInput(messages, name, system, results, build_content(prompt, parts))


def _read_results(results: Sequence[str], read: Callable[[NamedInput], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for result in results:
        identity, equals, value = result.partition("=")
        shown = one_line(identity, 60)
        if not (identity and equals):
            raise UsageError(f"--tool-result {shown}: it must look like ID=TEXT, ID=@FILE or ID=@-")
        if identity in found:
            raise UsageError(f"--tool-result {shown} is given twice")
        found[identity] = (
            read(name_result(identity, value[1:]))
            if value.startswith("@")
            else decode_argument(value, f"--tool-result {shown}")
        )
    return found
