"""The path of `chat` and `stream`: prompt -> request -> events -> thinking -> writer; the two differ in one flag."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmpipe.api.attempt import AskOnce, Observer
from mmpipe.api.client import ask
from mmpipe.api.options import RecordingOptions
from mmpipe.api.retry import RetryPolicy
from mmpipe.chat.conversation import ConversationOptions, appended, begun, kept, read_said
from mmpipe.chat.dialogue import hold_dialogue
from mmpipe.chat.outputs import THINKING, Form, open_targets
from mmpipe.chat.prompt import check_sources
from mmpipe.chat.stats import AnswerStats
from mmpipe.chat.turns import AnswerRules, Session, Upstream
from mmpipe.config.settings import Settings
from mmpipe.core import parameters
from mmpipe.core.catalogue import find_model
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import UsageError
from mmpipe.structured.constraint import SHOWS_THINKING, ConstraintOptions, OutputConstraint, read_constraint
from mmpipe.tools.options import ToolOptions
from mmpipe.unix.files import check_apart, check_unread
from mmpipe.unix.inputs import decode_argument
from mmpipe.unix.signals import raise_interrupts
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console, Verbosity
from mmpipe.writers.meta import open_meta

if TYPE_CHECKING:
    from mmpipe.tools.setup import ToolSetup

# Fields that every model takes: the catalogue need not be read for them.
UNDISPUTED = {"reasoning_split", "temperature", "top_p", "tools"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed for one answer; `settings` are the options that a configuration file may hold too."""

    conversation: ConversationOptions = ConversationOptions()
    tools: ToolOptions = ToolOptions()
    fitting: ConstraintOptions = ConstraintOptions()
    recordings: RecordingOptions | None = None
    parameters: tuple[str, ...] = ()
    native_thinking: bool = False
    streamed: bool = True
    form: Form = Form()
    meta: str | None = None
    allow_truncated: bool = False
    profile: str | None = None
    manners: Verbosity = Verbosity()
    settings: Mapping[str, object] = field(default_factory=dict)


# What asks the service once: api.client's `ask`, or a test's.
Ask = Callable[[Request, Endpoint, Limits, Observer], Iterator[Event]]


def answer(options: Options, streams: Streams, environment: Mapping[str, str], ask: Ask = ask) -> None:
    """Ask, and write the answer; returns only if all of it came and every byte was written."""
    console = Console(streams, options.manners, environment)
    talk = options.conversation
    beside = (options.form.thinking_file, options.meta)
    check_apart(streams, options.form.output or "-", *beside, talk.file)
    # The answer may take the place of what was asked, which is read by then.
    check_unread(streams, beside, (*talk.inputs, options.tools.file, options.fitting.schema))
    stats = AnswerStats()
    with open_meta(options.meta, stats.meta) as report, raise_interrupts(), console:
        settings = Settings(options.settings, environment, options.profile)
        patience = settings.patience()
        fitting = read_constraint(options.fitting, console.warn)
        tooling = _tooling(options.tools, environment, settings)
        form = _form(options.form, settings, tooling, fitting)
        frame = _frame(options, settings, tooling, console)
        check_sources(talk.sources, streams.stdin)
        ask_once = _ask_once(options, settings, ask, console)
        said = read_said(talk, streams.stdin, console)
        with (
            kept(talk, patience.total, console) as transcript,
            open_targets(form, streams, console) as outlets,
        ):
            upstream = Upstream(ask_once, patience.limits(), RetryPolicy(patience.retries))
            rounds = None if tooling is None else tooling.start_rounds(upstream.limits, outlets.watch, report)
            runs_tools = rounds is not None
            conversation = begun(
                said, transcript, runs_tools=runs_tools, at_terminal=streams.stdin.is_terminal
            )
            rules = AnswerRules(options.allow_truncated, runs_tools, fitting)
            session = Session(upstream, outlets, rules, stats)
            with appended(transcript, conversation, console):
                hold_dialogue(session, frame, conversation, rounds)


def _tooling(options: ToolOptions, environment: Mapping[str, str], settings: Settings) -> "ToolSetup | None":
    if options == ToolOptions():
        return None
    from mmpipe.tools.setup import set_up_tools

    return set_up_tools(options, environment, settings.secret_files)


def _frame(options: Options, settings: Settings, tooling: "ToolSetup | None", console: Console) -> Request:
    """The request but for its messages; what the model ignores of it is said."""
    sampled = parameters.build_sampling(
        *(settings.get(name) for name in ("temperature", "top_p", "max_tokens"))
    )
    split = {} if options.native_thinking else {"reasoning_split": True}
    further = parameters.parse_parameters(options.parameters)
    tools = {} if tooling is None else tooling.body
    if twice := sorted(further.keys() & tools.keys()):
        raise UsageError(f"-p {twice[0]} and --{twice[0].replace('_', '-')}: one of them")
    body = {**sampled, **split, **tools, **further}
    model = decode_argument(str(settings.get("model")), "the name of the model")
    if not model.strip():
        raise UsageError("the name of the model is empty")
    for warning in parameters.check_for_model(body, find_model(model) if body.keys() - UNDISPUTED else None):
        console.warn(warning)
    return Request(model, (), body, streamed=options.streamed)


def _ask_once(options: Options, settings: Settings, ask: Ask, console: Console) -> AskOnce:
    """How it is asked: a replay needs neither key nor host."""
    chosen = options.recordings
    endpoint = None if chosen is not None and chosen.mode == "replay" else settings.endpoint()
    if endpoint is not None:
        console.announce(endpoint, settings.explain())

    def once(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
        assert endpoint is not None  # noqa: S101  a replay asks nobody
        return ask(request, endpoint, limits, observer)

    if chosen is None:
        return once
    from mmpipe.api.recordings import open_recordings

    key = None if endpoint is None else endpoint.key
    return open_recordings(Path(chosen.folder), chosen.mode, key).wrap(once)


def _form(form: Form, settings: Settings, tooling: "ToolSetup | None", fitting: OutputConstraint) -> Form:
    thinking = settings.get("thinking")
    if thinking is not None and thinking not in THINKING:
        raise UsageError(f"thinking is {thinking!r}: it must be one of {', '.join(THINKING)}")
    if form.thinking_file is not None and not settings.is_typed("thinking"):
        # What was typed wins over the file.
        thinking = "split"
    if fitting.fit is not None and form.format == "raw":
        raise UsageError("-F raw is what the service sends, and cannot be made to fit --schema or --extract")
    if fitting.fit is not None and thinking == "show":
        if settings.is_typed("thinking"):
            raise UsageError(SHOWS_THINKING)
        thinking = None
    runs_tools = tooling is not None and tooling.runs_tools
    return replace(form, thinking=None if thinking is None else str(thinking), with_calls=not runs_tools)
