"""Adds the input of the user to the messages of a transcript, up to the place where the model answers; pure."""

from collections.abc import Mapping, Sequence

from mmpipe.chat.prompt import NO_PROMPT
from mmpipe.chat.user_input import UserInput
from mmpipe.core.calls import find_open_calls, find_unanswered_calls, format_calls
from mmpipe.core.events import Message, ToolCall
from mmpipe.core.message_forms import check_forms
from mmpipe.core.messages import awaits_answer, check_results, is_system
from mmpipe.errors import InputError, UsageError
from mmpipe.text.visible import one_line


def add_user_input(
    earlier: Sequence[Message], user_input: UserInput, name: str, default_system: str | None = None
) -> list[Message]:
    """Return the new messages after those of the transcript, which is called `name` in errors.

    `default_system` is for a conversation that begins without a system message.
    Raises UsageError for a second beginning and for results of unknown calls; InputError for invalid messages.
    """
    if user_input.messages and earlier:
        raise UsageError(
            "--messages begins a conversation, and that of -c has begun already: only one of them"
        )
    new = list(user_input.messages)
    place = f"{user_input.messages_name or name}: "
    check_forms((*earlier, *new), place)
    check_results((*earlier, *new), place)
    new += _result_messages(user_input.results, find_open_calls((*earlier, *new)))
    if user_input.system is not None:
        _add_system(earlier, new, user_input.system)
    elif default_system is not None and not (earlier or any(map(is_system, new))):
        new.insert(0, {"role": "system", "content": default_system})
    if user_input.prompt:
        new.append({"role": "user", "content": user_input.prompt})
    return new


def adds_second_system(messages: Sequence[Message], new: Sequence[Message], user_input: UserInput) -> bool:
    """Return True if the typed system message is among the `new` ones, and not the first of all `messages`."""
    is_added = sum(map(is_system, new)) > sum(map(is_system, user_input.messages))
    return user_input.system is not None and is_added and sum(map(is_system, messages)) > 1


def check_ready(messages: Sequence[Message], *, runs_tools: bool, at_terminal: bool) -> None:
    """Check that the model can answer now; with `runs_tools` the last calls may lack their results.

    Raises InputError for calls without results, and where nothing asks for an answer (UsageError for a person `at_terminal`).
    """
    last_calls = find_open_calls(messages)
    if not (runs_tools and last_calls) and (waiting := find_unanswered_calls(messages)):
        raise InputError(
            f"the result of {format_calls(waiting)} is missing: give it with --tool-result {waiting[0].id}=..."
        )
    if not last_calls and not awaits_answer(messages):
        nothing = "the prompt is empty, and nothing in the conversation waits for an answer"
        raise UsageError(NO_PROMPT) if at_terminal else InputError(nothing)


def _add_system(earlier: Sequence[Message], new: list[Message], text: str) -> None:
    """Add a system message: first in a new conversation, otherwise last, unless it repeats the previous one."""
    message: Message = {"role": "system", "content": text}
    previous = [one.get("content") for one in (*earlier, *new) if is_system(one)]
    if text in previous[-1:]:
        return
    if not (earlier or previous):
        new.insert(0, message)
        return
    if find_open_calls((*earlier, *new)):
        raise UsageError("the calls at the end of the conversation come first: leave the system message away")
    new.append(message)


def _result_messages(results: Mapping[str, str], calls: Sequence[ToolCall]) -> list[Message]:
    """The results as messages, in the order of their calls; raises UsageError for a result without a call."""
    for identity in results.keys() - {call.id for call in calls}:
        those = f"the calls that wait are {format_calls(calls)}" if calls else "no call waits for a result"
        raise UsageError(f"--tool-result {one_line(identity, 60)}: there is no such call", hint=those)
    return [
        {"role": "tool", "tool_call_id": call.id, "content": results[call.id]}
        for call in calls
        if call.id in results
    ]
