"""The path of `chat` and `stream`: prompt -> request -> events -> thinking -> writer; the two differ in one flag."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from mmpipe import parameters
from mmpipe.account import Account, accounted
from mmpipe.api.client import ask
from mmpipe.api.course import Observer
from mmpipe.asking import Persistence, told_endpoint
from mmpipe.catalogue import find
from mmpipe.errors import CutShort, MmpipeError, ToolError, UsageError
from mmpipe.events import Event, Message, Start
from mmpipe.files import check_apart
from mmpipe.outlets import THINKING, Form, Outlets, open_outlets
from mmpipe.prompt import PromptSources, check_sources, read_prompt, read_text, typed_text
from mmpipe.reply import Reply, trouble
from mmpipe.request import Request
from mmpipe.settings import Settings
from mmpipe.signals import interruptible
from mmpipe.streams import Streams
from mmpipe.terms import Endpoint, Limits
from mmpipe.thinking import arranged
from mmpipe.writers.console import Console, Manners
from mmpipe.writers.writer import Writer

# Fields that every model takes: the catalogue need not be read for them.
UNDISPUTED = {"reasoning_split", "temperature", "top_p"}
_KNOWN_REASONS = ("stop", "length", "tool_calls", "function_call", "content_filter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed for one answer; `settings` are the options that a configuration file may hold too."""

    prompt: PromptSources = PromptSources()
    system: str | None = None
    system_file: str | None = None
    parameters: tuple[str, ...] = ()
    native_thinking: bool = False
    streamed: bool = True
    form: Form = Form()
    meta: str | None = None
    allow_truncated: bool = False
    profile: str | None = None
    manners: Manners = Manners()
    settings: Mapping[str, object] = field(default_factory=dict)


# What asks the service once: api.client's `ask`, or a test's.
Ask = Callable[[Request, Endpoint, Limits, Observer], Iterator[Event]]


def answer(options: Options, streams: Streams, environment: Mapping[str, str], ask: Ask = ask) -> None:
    """Ask, and write the answer; returns only if all of it came and every byte was written."""
    console = Console(streams, options.manners, environment)
    check_apart(options.form.output, options.form.thinking_file, options.meta)
    with accounted(options.meta) as account, interruptible(), console:
        settings = Settings(options.settings, environment, options.profile)
        body = _body(options, settings)
        model = find(str(settings.get("model"))) if body.keys() - UNDISPUTED else None
        for warning in parameters.check_for_model(body, model):
            console.warn(warning)
        patience = settings.patience()
        form = _form(options.form, settings)
        check_sources(options.prompt, streams.stdin)
        endpoint = told_endpoint(settings, console)
        with open_outlets(form, streams, console) as outlets:
            request = _request(options, settings, body, streams, console)
            persistence = Persistence(patience, outlets.data, console)
            asking = _Asking(partial(ask, request, endpoint), request, persistence, outlets, account, console)
            asking.until_answered(allow_truncated=options.allow_truncated)


class _Asking:
    """Everything that asking needs, so that one attempt after the other can be made."""

    def __init__(
        self,
        ask: Callable[[Limits, Observer], Iterator[Event]],
        request: Request,
        persistence: Persistence,
        outlets: Outlets,
        account: Account,
        console: Console,
    ) -> None:
        self._ask, self._request, self._persistence = ask, request, persistence
        self._outlets, self._account, self._console = outlets, account, console

    def until_answered(self, *, allow_truncated: bool) -> None:
        """Ask until an answer is written, or until asking again is no use or no longer honest."""
        while True:
            attempt = self._account.begin_attempt()
            writer = self._outlets.writer(self._account, self._request.messages)
            try:
                self._attempt(writer)
                _judge(self._account.reply, self._outlets, self._console, allow_truncated=allow_truncated)
            except MmpipeError as error:
                delay = None if self._outlets.touched else self._persistence.delay(error, attempt)
                if delay is None:
                    self._console.make_way()
                    writer.fail(error)
                    raise
                writer.give_up()
                self._persistence.wait(delay, error, attempt)
            else:
                return

    def _attempt(self, writer: Writer) -> None:
        observer = Observer(writer.receive, self._persistence.look, self._console.note)
        events = self._ask(self._persistence.limits, observer)
        events = arranged(
            events, self._outlets.mode, native=self._request.native_thinking, thinks=self._request.thinks
        )
        kept = self._account.kept(events)
        # A whole answer is written when it is whole: until then it can be asked for again.
        for event in kept if self._outlets.form.live else list(kept):
            if not isinstance(event, Start):
                self._console.make_way()
            writer.write(event)
        self._console.make_way()
        writer.end()


def _judge(reply: Reply, outlets: Outlets, console: Console, *, allow_truncated: bool) -> None:
    """An answer that came whole may still be none: cut at its limit, filtered, or a call that nobody ran."""
    found = trouble(reply)
    if found is not None and not (allow_truncated and isinstance(found, CutShort)):
        raise found
    if reply.finish_reason not in _KNOWN_REASONS:
        console.warn(f"the service ended the answer with {reply.finish_reason!r}, which mmpipe does not know")
    if reply.tool_calls and outlets.form.format == "text":
        raise ToolError("the model calls a tool, and nobody runs it", request_id=reply.request_id)


def _body(options: Options, settings: Settings) -> dict[str, object]:
    sampled = parameters.sampling(*(settings.get(name) for name in ("temperature", "top_p", "max_tokens")))
    split = {} if options.native_thinking else {"reasoning_split": True}
    return {**sampled, **split, **parameters.parse_parameters(options.parameters)}


def _request(
    options: Options, settings: Settings, body: Mapping[str, object], streams: Streams, console: Console
) -> Request:
    model = typed_text(str(settings.get("model")), "the name of the model")
    if not model.strip():
        raise UsageError("the name of the model is empty")
    system = None if options.system is None else typed_text(options.system, "the system message")
    if options.system_file is not None:
        system = read_text(options.system_file)
    prompt = read_prompt(options.prompt, streams.stdin, console.hint)
    messages: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    messages.append({"role": "user", "content": prompt})
    return Request(model, tuple(messages), body, streamed=options.streamed)


def _form(form: Form, settings: Settings) -> Form:
    thinking = settings.get("thinking")
    if thinking is not None and thinking not in THINKING:
        raise UsageError(f"thinking is {thinking!r}: it must be one of {', '.join(THINKING)}")
    if form.thinking_file is not None and not settings.is_typed("thinking"):
        # What was typed wins over the file.
        thinking = "split"
    return replace(form, thinking=None if thinking is None else str(thinking))
