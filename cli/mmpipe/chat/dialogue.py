"""Asks turn after turn until the answer is written: runs tools, and has invalid answers repaired."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmpipe.chat.conversation import Conversation
from mmpipe.chat.turns import Question, Session, Turn, ask_turn
from mmpipe.core.calls import find_open_calls
from mmpipe.core.events import Message, ToolCall, Usage
from mmpipe.core.host_identity import follows_catalogue
from mmpipe.core.messages import accepts_system_messages, add_instruction, check_parts, prepare_messages
from mmpipe.core.model_warnings import find_model_warnings
from mmpipe.core.prompt_size import check_window
from mmpipe.core.reply import sum_usage
from mmpipe.core.request import Request
from mmpipe.errors import Interrupted, MmpipeError, PipeClosed, ToolError
from mmpipe.structured.repair import InvalidAnswer, repair_messages

if TYPE_CHECKING:
    from mmpipe.tools.rounds import ToolRounds


def hold_dialogue(
    session: Session, base: Request, conversation: Conversation, rounds: "ToolRounds | None"
) -> None:
    """Add turns to the conversation until its last answer is written; `base` is the request without messages.

    A reply that came whole is added even if it could not be written. An invalid answer and its repair are added together.
    """
    waiting = () if rounds is None else find_open_calls(conversation.messages)
    if rounds is not None and waiting:
        _run_tools(session, conversation, rounds, waiting)
    is_first, repairs_left = not waiting, session.rules.constraint.repairs
    repairing: list[Message] = []
    unwritten: Usage | None = None
    while True:
        messages = (*conversation.messages, *repairing)
        request = _request(session, base, messages, is_first=is_first)
        if is_first and follows_catalogue(session.stats.host):
            _warn_of_length(session, request)
        turn, is_first = ask_turn(session, Question(request, messages, unwritten)), False
        _warn_of_model(session, request, turn)
        if isinstance(turn.error, InvalidAnswer):
            if not repairs_left:
                session.targets.fail(session.targets.writer(), turn.error)
                raise turn.error
            session.targets.console.note(f"{turn.error.message}; the model is asked for a repair")
            repairs_left -= 1
            repairing += repair_messages(turn.reply, turn.error)
            unwritten = sum_usage(unwritten, turn.reply.usage)
            continue
        if turn.is_answered:
            conversation.add_answer((*repairing, turn.reply.message), is_last=not turn.reply.tool_calls)
            repairing, unwritten = [], None
        if turn.error is not None:
            raise turn.error
        if not turn.reply.tool_calls:
            return
        if rounds is None:
            _check_calls_are_output(session, turn.reply.request_id)
            return
        _run_tools(session, conversation, rounds, turn.reply.tool_calls)


def _warn_of_length(session: Session, request: Request) -> None:
    if (warning := check_window(request)) is not None:
        session.targets.console.warn(warning)


def _warn_of_model(session: Session, request: Request, turn: Turn) -> None:
    """Warn of the model of the first turn; that of later ones is the same."""
    if session.stats.turns == 1 and not isinstance(turn.error, PipeClosed | Interrupted):
        host = session.stats.host
        for sentence in find_model_warnings(request.model, turn.reply, turn.error, host=host).values():
            session.targets.console.warn(sentence)


def _check_calls_are_output(session: Session, request_id: str | None) -> None:
    """Raise ToolError for text, which people read; the other formats carry the calls to the reader of the output."""
    if session.targets.form.format == "text":
        raise ToolError("the model calls a tool, and no --run is given", request_id=request_id)


def _run_tools(
    session: Session, conversation: Conversation, rounds: "ToolRounds", calls: Sequence[ToolCall]
) -> None:
    """Run the calls, add their results to the conversation, and write them."""
    writer = session.targets.writer()
    try:
        results = rounds.run(calls, conversation.add_results)
    except MmpipeError as error:
        session.targets.fail(writer, error, conversation.messages)
        raise
    for result in results:
        writer.write(result)


def _request(session: Session, base: Request, messages: tuple[Message, ...], *, is_first: bool) -> Request:
    """The request for the next turn, in the form that the model takes."""
    body, instruction = base.parameters, session.rules.constraint.instruction
    if not is_first and body.get("tool_choice") not in ("auto", "none"):
        # A model that must call a tool in each turn never answers.
        body = {name: value for name, value in body.items() if name != "tool_choice"}
    if instruction is not None:
        messages = add_instruction(messages, instruction)
    check_parts(messages, base.model)
    if not accepts_system_messages(messages, base.model):
        session.targets.console.note(
            f"{base.model} takes one system message, at the beginning: they are joined"
        )
    return replace(base, messages=prepare_messages(messages, base.model), parameters=body)
