"""Holds a conversation turn after turn until the answer is there: runs tools, and has an answer mended that does not fit."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmpipe.chat.conversation import Conversation
from mmpipe.chat.outputs import OutputTargets
from mmpipe.chat.stats import AnswerStats
from mmpipe.chat.turns import Turns
from mmpipe.core.calls import find_open_calls
from mmpipe.core.events import Message, ToolCall, ToolResult
from mmpipe.core.messages import accepts_system_messages, add_instruction, check_parts, prepare_messages
from mmpipe.core.reply import Reply
from mmpipe.core.request import Request
from mmpipe.errors import Interrupted, MmpipeError, OutputError, PipeClosed, ToolError
from mmpipe.structured.constraint import OutputConstraint
from mmpipe.structured.extraction import InvalidAnswer, complaint_turn
from mmpipe.writers.console import Console
from mmpipe.writers.writer import Writer

if TYPE_CHECKING:
    from mmpipe.tools.rounds import ToolRounds


class Dialogue:
    """Turn after turn until the answer is there: tools are run, and an answer that does not fit is to be mended."""

    def __init__(
        self,
        frame: Request,
        conversation: Conversation,
        turns: Turns,
        rounds: "ToolRounds | None",
        fitting: OutputConstraint,
        outlets: OutputTargets,
        account: AnswerStats,
        console: Console,
    ) -> None:
        self._frame, self._conversation, self._turns, self._rounds = frame, conversation, turns, rounds
        self._fitting, self._outlets, self._account, self._console = fitting, outlets, account, console
        self._asked = len(conversation.new)  # messages, before anything was answered
        self._repairs = fitting.repairs
        self._begun: int | None = None  # where the first answer that did not fit stands

    def hold(self) -> None:
        """Until the last answer is written."""
        if self._rounds is not None and (waiting := find_open_calls(self._conversation.messages)):
            self._run(self._rounds, waiting, self._outlets.writer(self._account, self._transcript))
        while True:
            try:
                writer = self._turns.take(self._request(), self._transcript)
            except InvalidAnswer as error:
                self._have_mended(error)
                continue
            except (PipeClosed, OutputError, Interrupted):
                if self._account.reply.is_whole:
                    self._take_up(self._account.reply)
                raise
            reply = self._account.reply
            self._take_up(reply)
            if not reply.tool_calls:
                return
            if self._rounds is None:
                self._leave(reply)
                return
            self._run(self._rounds, reply.tool_calls, writer)
            self._account.end_turn()

    def _take_up(self, reply: Reply) -> None:
        self._conversation.new.append(reply.message)
        self._conversation.is_answered = not reply.tool_calls

    def _leave(self, reply: Reply) -> None:
        """Calls that nobody runs here are for the reader of the output, and text is read by people."""
        if self._outlets.form.format == "text":
            raise ToolError("the model calls a tool, and nobody runs it", request_id=reply.request_id)

    def _run(self, rounds: "ToolRounds", calls: Sequence[ToolCall], writer: Writer) -> None:
        try:
            results = rounds.run(calls, self._keep)
        except MmpipeError as error:
            self._console.end_drawing()
            writer.fail(error)
            raise
        for result in results:
            writer.write(result)

    def _keep(self, results: Sequence[ToolResult]) -> None:
        self._conversation.tools_ran = True
        self._conversation.new += [
            {"role": "tool", "tool_call_id": result.id, "content": result.content} for result in results
        ]

    def _have_mended(self, unfit: InvalidAnswer) -> None:
        """One more turn about what is wrong; raises `unfit` if there were enough of them, and forgets about them."""
        if not self._repairs:
            if self._begun is not None:
                del self._conversation.new[self._begun :]
            self._outlets.writer(self._account, self._transcript).fail(unfit)
            raise unfit
        if self._repairs == self._fitting.repairs:
            self._begun = len(self._conversation.new)
        self._repairs -= 1
        self._console.note(f"{unfit.message}; the model is to mend it")
        self._conversation.new += [self._account.reply.message, complaint_turn(unfit.complaint)]
        self._account.end_turn(told=False)

    def _transcript(self) -> tuple[Message, ...]:
        return self._conversation.with_answer(self._account.reply.message)

    def _request(self) -> Request:
        messages = self._conversation.messages
        body = self._frame.parameters
        if len(self._conversation.new) > self._asked and body.get("tool_choice") not in ("auto", "none"):
            # Who must call a tool in each turn never answers.
            body = {name: value for name, value in body.items() if name != "tool_choice"}
        if self._fitting.instruction is not None:
            messages = add_instruction(messages, self._fitting.instruction)
        check_parts(messages, self._frame.model)
        if not accepts_system_messages(messages, self._frame.model):
            self._console.note(
                f"{self._frame.model} takes one system message, at the beginning: they are joined"
            )
        return replace(self._frame, messages=prepare_messages(messages, self._frame.model), parameters=body)
