"""The path of `chat` and `stream`: prompt -> request -> events -> thinking -> writer; the two differ in one flag."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mmpipe.api.attempt import AskOnce, Observer
from mmpipe.api.client import ask
from mmpipe.api.options import RecordingOptions
from mmpipe.api.retry import RetryPolicy
from mmpipe.chat.conversation import appended, begun, kept, read_said
from mmpipe.chat.dialogue import hold_dialogue
from mmpipe.chat.options import ChatOptions
from mmpipe.chat.outputs import AnswerForm, open_targets
from mmpipe.chat.prompt import PromptSources, check_sources
from mmpipe.chat.stats import AnswerStats
from mmpipe.chat.turns import AnswerRules, Session, Upstream
from mmpipe.config.base_request import build_base_request
from mmpipe.config.settings import Settings
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.timeouts import Limits
from mmpipe.errors import UsageError
from mmpipe.structured.constraint import SHOWS_THINKING, OutputConstraint, read_constraint
from mmpipe.tools.options import ToolOptions
from mmpipe.unix.files import check_apart, check_unread
from mmpipe.unix.signals import raise_interrupts
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console
from mmpipe.writers.meta import open_meta

if TYPE_CHECKING:
    from mmpipe.tools.setup import ToolSetup

# What asks the service once: api.client's `ask`, or a test's.
Ask = Callable[[Request, Endpoint, Limits, Observer], Iterator[Event]]


def answer(
    options: ChatOptions,
    streams: Streams,
    environment: Mapping[str, str],
    *,
    live: bool = False,
    ask: Ask = ask,
) -> None:
    """Ask, and write the answer, `live` as it arrives; returns only if all of it came and every byte was written."""
    console = Console(streams, options.verbosity, environment)
    output, conversed = options.output, options.conversation
    beside = (options.thinking.thinking_file, output.meta)
    check_apart(streams, output.output or "-", *beside, conversed.conversation)
    # The answer may take the place of what was asked, which is read by then.
    check_unread(streams, beside, tuple(options.inputs))
    stats = AnswerStats()
    with open_meta(output.meta, stats.meta) as report, raise_interrupts(), console:
        settings = Settings.read(environment, options.service, options.request, options.thinking)
        patience = settings.timeouts()
        fitting = read_constraint(options.constraint, console.warn)
        tooling = _tooling(options.tools, environment, settings)
        runs_tools = tooling is not None and tooling.runs_tools
        form = AnswerForm(
            output.chosen_format,
            _thinking(options, settings, fitting),
            live=live,
            with_calls=not runs_tools,
        )
        fields = {} if tooling is None else tooling.body
        frame = build_base_request(options.request, settings, console.warn, streamed=True, fields=fields)
        check_sources(PromptSources.of(options), streams.stdin)
        ask_once = _ask_once(options.recordings, settings, ask, console)
        said = read_said(options, streams.stdin, console)
        with (
            kept(conversed, patience.total, console) as transcript,
            open_targets(form, options, streams, console) as outlets,
        ):
            upstream = Upstream(ask_once, patience.limits(), RetryPolicy(patience.retries))
            rounds = None if tooling is None else tooling.start_rounds(upstream.limits, outlets.watch, report)
            conversation = begun(
                said, transcript, runs_tools=runs_tools, at_terminal=streams.stdin.is_terminal
            )
            rules = AnswerRules(output.allow_truncated, runs_tools, fitting)
            session = Session(upstream, outlets, rules, stats)
            with appended(transcript, conversation, console):
                hold_dialogue(session, frame, conversation, rounds)


def _tooling(options: ToolOptions, environment: Mapping[str, str], settings: Settings) -> "ToolSetup | None":
    if replace(options, tool_result=()) == ToolOptions():
        return None
    from mmpipe.tools.setup import set_up_tools

    return set_up_tools(options, environment, settings.secret_files)


def _ask_once(options: RecordingOptions, settings: Settings, ask: Ask, console: Console) -> AskOnce:
    """How it is asked: a replay needs neither key nor host."""
    endpoint = None if options.is_replay else settings.endpoint()
    if endpoint is not None:
        console.announce(endpoint, settings.explain())

    def once(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
        assert endpoint is not None  # noqa: S101  a replay asks nobody
        return ask(request, endpoint, limits, observer)

    if options.chosen is None:
        return once
    from mmpipe.api.recordings import open_recordings

    mode, folder = options.chosen
    key = None if endpoint is None else endpoint.key
    return open_recordings(Path(folder), mode, key).wrap(once)


def _thinking(options: ChatOptions, settings: Settings, fitting: OutputConstraint) -> ThinkingMode | None:
    """The mode of thinking, None for the default of the format; raises UsageError for a mode that cannot be."""
    mode, is_typed = _thinking_setting(settings), settings.is_typed("thinking")
    if options.thinking.thinking_file is not None and not is_typed:
        # What was typed wins over the file.
        mode = "split"
    if fitting.fit is not None and options.output.chosen_format == "raw":
        raise UsageError("-F raw is what the service sends, and cannot be made to fit --schema or --extract")
    if fitting.fit is not None and mode == "show":
        if is_typed:
            raise UsageError(SHOWS_THINKING)
        mode = None
    return mode


def _thinking_setting(settings: Settings) -> ThinkingMode | None:
    """The setting, which may come from a configuration file; raises UsageError if it is none of the modes."""
    found = settings.get("thinking")
    modes: tuple[ThinkingMode, ...] = get_args(ThinkingMode)
    if found is None or found in modes:
        return next((mode for mode in modes if mode == found), None)
    raise UsageError(f"thinking is {found!r}: it must be one of {', '.join(modes)}")
