"""One turn of a conversation: the request is asked until it is answered, and the answer is judged and written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmpipe.api.attempt import AskOnce, Observer
from mmpipe.chat.outputs import OutputTargets
from mmpipe.chat.stats import AnswerStats
from mmpipe.core.calls import check_calls
from mmpipe.core.events import Event, Message, Start, Stop, Text, Usage
from mmpipe.core.reply import reply_error
from mmpipe.core.request import Request
from mmpipe.core.thinking import arrange_thinking
from mmpipe.errors import MmpipeError
from mmpipe.retrying import RetryLoop
from mmpipe.structured.constraint import AS_IT_IS, OutputConstraint
from mmpipe.structured.extraction import InvalidAnswer
from mmpipe.writers.console import Console
from mmpipe.writers.writer import Writer

_KNOWN_REASONS = ("stop", "length", "tool_calls", "function_call", "content_filter")


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """What an answer must be like to be one.

    Its text has to fit. Where tools are run here, bad calls are seen to by who runs them.
    """

    allow_truncated: bool = False
    runs_tools: bool = False
    fitting: OutputConstraint = AS_IT_IS


class Turns:
    """What asking for one turn after the other needs; `account` has the reply of the last one."""

    def __init__(
        self,
        ask: AskOnce,
        persistence: RetryLoop,
        outlets: OutputTargets,
        judgement: AnswerRules,
        account: AnswerStats,
        console: Console,
    ) -> None:
        self._ask, self._persistence, self._outlets = ask, persistence, outlets
        self._judgement, self._account, self._console = judgement, account, console

    def take(self, request: Request, transcript: Callable[[], Sequence[Message]]) -> Writer:
        """Ask until an answer is written, or until asking again is no use or no longer honest; returns its writer.

        Raises Unfit, before anything is written, for an answer that another turn may mend.
        """
        before, attempt = self._outlets.written, 0
        while True:
            attempt += 1
            self._account.begin_attempt()
            writer = self._outlets.writer(self._account, transcript)
            try:
                self._attempt(request, writer)
                self._judge()
            except InvalidAnswer:
                raise
            except MmpipeError as error:
                # Whole turns before this one are no reason not to ask again.
                touched = self._outlets.written > before
                delay = None if touched else self._persistence.delay(error, attempt)
                if delay is None:
                    self._console.end_drawing()
                    writer.fail(error)
                    raise
                writer.give_up()
                self._persistence.wait(delay, error, attempt)
            else:
                return writer

    def _attempt(self, request: Request, writer: Writer) -> None:
        observer = Observer(writer.receive, self._persistence.look, self._console.note)
        events = self._ask(request, self._persistence.limits, observer)
        events = arrange_thinking(
            events, self._outlets.mode, native=request.native_thinking, thinks=request.thinks
        )
        kept = self._account.kept(events if self._judgement.runs_tools else check_calls(events))
        # A whole answer is written when it is whole: until then it can be asked for again.
        is_live = self._outlets.form.live and self._judgement.fitting.fit is None
        for event in kept if is_live else self._fitted(list(kept)):
            if not isinstance(event, Start):
                self._console.end_drawing()
            writer.write(event)
        self._console.end_drawing()
        if self._goes_on:
            writer.end_turn()
        else:
            writer.end()

    @property
    def _goes_on(self) -> bool:
        """Whether another turn follows, with the results of the tools."""
        return self._judgement.runs_tools and bool(self._account.reply.tool_calls)

    def _fitted(self, events: list[Event]) -> list[Event]:
        """What is to be written; of an answer that has to be made to fit nothing else is."""
        reply, fitting = self._account.reply, self._judgement.fitting
        if fitting.fit is None:
            return events
        found = self._trouble()
        if found is not None:
            raise found
        fitting.apply(reply)
        return self._with_all_usage(_with_text(events, "".join(reply.texts)))

    def _with_all_usage(self, events: list[Event]) -> list[Event]:
        """The turns that came to nothing were paid too."""
        untold = self._account.untold
        return [event + untold if untold and isinstance(event, Usage) else event for event in events]

    def _trouble(self) -> MmpipeError | None:
        return reply_error(self._account.reply, allow_truncated=self._judgement.allow_truncated)

    def _judge(self) -> None:
        """An answer that came whole may still be none: cut at its limit, or filtered."""
        reply = self._account.reply
        found = self._trouble()
        if found is not None:
            raise found
        if reply.finish_reason not in _KNOWN_REASONS:
            self._console.warn(
                f"the service ended the answer with {reply.finish_reason!r}, which mmpipe does not know"
            )


def _with_text(events: list[Event], text: str) -> list[Event]:
    """`events` with `text` as the whole of their text, at its end."""
    others = [event for event in events if not isinstance(event, Text)]
    place = next(number for number, event in enumerate(others) if isinstance(event, Stop))
    # A text event is never empty, though a code block may be.
    return [*others[:place], *([Text(text)] if text else []), *others[place:]]
