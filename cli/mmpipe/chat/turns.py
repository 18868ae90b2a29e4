"""Asks for one turn of a conversation: attempts until an answer is written; returns the reply."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from mmpipe.api.attempt import AskOnce, Observer
from mmpipe.api.retry import RetryPolicy
from mmpipe.chat.outputs import OutputTargets
from mmpipe.chat.stats import AnswerStats
from mmpipe.core.calls import check_calls, distinguish_calls
from mmpipe.core.events import Event, Message, Start, Stop, Text, Usage
from mmpipe.core.reply import Reply, reply_error, reply_warnings
from mmpipe.core.request import Request
from mmpipe.core.thinking import arrange_thinking
from mmpipe.core.thinking_tags import EventUse
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import Interrupted, MmpipeError, OutputError, PipeClosed
from mmpipe.structured.constraint import AS_IT_IS, OutputConstraint
from mmpipe.structured.repair import InvalidAnswer
from mmpipe.writers.writer import WholeAnswer, Writer


@dataclass(frozen=True, slots=True)
class Upstream:
    """The way to the service; `limits` hold for all attempts of all turns together.

    `unrecorded` gets the error of a recording that could not be written.
    """

    ask: AskOnce
    limits: Limits
    policy: RetryPolicy
    unrecorded: Callable[[OutputError], None]


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """The conditions of a good answer; bad tool calls are an error here unless `runs_tools`."""

    allow_truncated: bool = False
    runs_tools: bool = False
    constraint: OutputConstraint = AS_IT_IS


@dataclass(frozen=True, slots=True)
class Session:
    """One run of `chat` or `stream`: everything that its turns share."""

    upstream: Upstream
    targets: OutputTargets
    rules: AnswerRules
    stats: AnswerStats


@dataclass(frozen=True, slots=True)
class Turn:
    """The outcome of one request: the reply, whole or in part, and the error that ended the turn."""

    reply: Reply
    error: MmpipeError | PipeClosed | Interrupted | None = None

    @property
    def is_answered(self) -> bool:
        """True if the reply came whole, even if it could not be written."""
        is_unwritten = isinstance(self.error, OutputError | PipeClosed | Interrupted)
        return self.error is None or (is_unwritten and self.reply.is_whole)


@dataclass(frozen=True, slots=True)
class Question:
    """A request and its context: all `messages` of the conversation, and the usage of the answers before that were not written."""

    request: Request
    messages: Sequence[Message]
    unwritten: Usage | None = None


def ask_turn(session: Session, question: Question) -> Turn:
    """Ask until an answer is written, or until a retry is of no use or would repeat output.

    An InvalidAnswer ends the turn before any output.
    """
    targets, policy, limits = session.targets, session.upstream.policy, session.upstream.limits
    reply, written = Reply(), targets.written
    try:
        for attempt in count(1):
            reply, writer = Reply(), targets.writer()
            session.stats.begin_attempt()
            try:
                _attempt(session, question, reply, writer)
                break
            except InvalidAnswer:
                raise
            except Interrupted:
                targets.interrupt(writer)
                raise
            except MmpipeError as error:
                # Output of the turns before is no reason against a retry.
                is_repeat = targets.written > written
                delay = None if is_repeat else policy.next_delay(error, attempt, limits.seconds_left)
                if delay is None:
                    targets.fail(writer, error, question.messages)
                    raise
                writer.give_up()
                targets.watch.wait_to_retry(error, attempt, delay)
    except (MmpipeError, PipeClosed, Interrupted) as error:
        return Turn(reply, error)
    finally:
        session.stats.end_turn(reply)
    return Turn(reply)


def _attempt(session: Session, question: Question, reply: Reply, writer: Writer) -> None:
    """Ask once, and write the answer: as it comes if it is live, otherwise once it is whole and so can be retried."""
    targets, rules = session.targets, session.rules
    events = _collected(session, question.request, reply, writer)
    if not _is_live(session):
        events = iter(_constrained(list(events), reply, rules, question))
    has_begun = False
    for event in events:
        if not (has_begun or isinstance(event, Start)):
            has_begun = True
            targets.console.end_drawing()
        writer.write(event)
    targets.console.end_drawing()
    if rules.runs_tools and reply.tool_calls:
        writer.end_turn()
    else:
        record = session.stats.record(reply, with_thinking=targets.thinking.mode == "split")
        messages = (*question.messages, reply.message) if reply.message else question.messages
        writer.end(WholeAnswer(record, messages))
    _check_whole(reply, rules)
    for warning in reply_warnings(reply):
        targets.console.warn(warning.sentence)


def _collected(session: Session, request: Request, reply: Reply, writer: Writer) -> Iterator[Event]:
    """The events of one attempt, with the thinking where the user wants it; each is added to `reply` as it passes."""
    targets, upstream = session.targets, session.upstream
    observer = Observer(look=targets.watch.check, note=targets.console.note, unrecorded=upstream.unrecorded)
    if writer.takes_bytes:
        observer = replace(observer, received=writer.receive)
    asked = session.stats.timed(upstream.ask(request, upstream.limits, observer))
    events = arrange_thinking(
        distinguish_calls(asked, request.messages),
        targets.thinking.mode,
        native=request.native_thinking,
        thinks=request.thinks,
        use=_event_use(session),
    )
    return map(reply.add, events if session.rules.runs_tools else check_calls(events))


def _is_live(session: Session) -> bool:
    """True if each event is written as it comes."""
    return session.targets.form.live and session.rules.constraint.extract is None


def _event_use(session: Session) -> EventUse:
    if not _is_live(session):
        return EventUse.WHOLE
    # A program that joins the events must not get a text twice.
    return EventUse.BY_BLOCK if session.targets.form.format == "jsonl" else EventUse.LIVE


def _constrained(events: list[Event], reply: Reply, rules: AnswerRules, question: Question) -> list[Event]:
    """The events to write for a whole reply: their text is what was asked for. Raises InvalidAnswer."""
    if rules.constraint.extract is None:
        return events
    _check_whole(reply, rules)
    rules.constraint.apply(reply, offers_tools=question.request.offers_tools)
    events = _with_text(events, "".join(reply.texts))
    unwritten = question.unwritten
    # Answers that were not written are paid too.
    return [event + unwritten if unwritten and isinstance(event, Usage) else event for event in events]


def _check_whole(reply: Reply, rules: AnswerRules) -> None:
    """Raise the error of a reply that came to its end and is still no whole answer."""
    error = reply_error(reply, allow_truncated=rules.allow_truncated)
    if error is not None:
        raise error


def _with_text(events: list[Event], text: str) -> list[Event]:
    """`events` with `text` as the whole of their text, at its end."""
    others = [event for event in events if not isinstance(event, Text)]
    place = next(number for number, event in enumerate(others) if isinstance(event, Stop))
    # A text event is never empty, though a code block may be.
    return [*others[:place], *([Text(text)] if text else []), *others[place:]]
