"""Runs `chat` and `stream`: prompt -> request -> events -> thinking -> writer. `stream` writes live."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mmpipe.api.attempt import AskOnce, Observer
from mmpipe.api.client import ask
from mmpipe.api.options import RecordingOptions
from mmpipe.api.retry import RetryPolicy
from mmpipe.chat.conversation import append_at_end, open_conversation
from mmpipe.chat.dialogue import hold_dialogue
from mmpipe.chat.options import ChatOptions
from mmpipe.chat.outputs import AnswerForm, open_targets, report_unrecorded
from mmpipe.chat.prompt import PromptSources, check_sources
from mmpipe.chat.stats import AnswerStats
from mmpipe.chat.turns import AnswerRules, Session, Upstream
from mmpipe.config.base_request import build_base_request
from mmpipe.config.options import SystemMessageOptions
from mmpipe.config.settings import Settings
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.host_identity import identify_endpoint
from mmpipe.core.request import Request
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.timeouts import Limits
from mmpipe.errors import Interrupted, UsageError
from mmpipe.structured.constraint import SHOWS_THINKING, OutputConstraint, read_constraint
from mmpipe.tools.options import ToolOptions
from mmpipe.unix.collector import wake_collector
from mmpipe.unix.files import reject_input_as_output, reject_shared_outputs
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.signals import raise_interrupts
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console
from mmpipe.writers.meta import open_meta
from mmpipe.writers.text_sink import MarkdownChoice

if TYPE_CHECKING:
    from mmpipe.tools.setup import ToolSetup

# Asks the service once: the `ask` of api.client, or that of a test.
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
    _check_paths(options, streams)
    console, stats = Console(streams, options.verbosity, environment), AnswerStats()
    with open_meta(options.output.meta, stats.meta) as report, raise_interrupts(), _noted(console, stats):
        settings, options = _read_settings(options, environment)
        timeouts = settings.timeouts()
        named = (settings.key_file, *options.inputs)
        inputs = Inputs(streams.stdin, named, options.stdin.rules, console.hint)
        check_sources(PromptSources.of(options), inputs)
        constraint = read_constraint(options.constraint, inputs, console.warn)
        tools = _set_up_tools(options.tools, inputs, environment, settings)
        fields, runs_tools = ({}, False) if tools is None else (tools.body, tools.runs_tools)
        form = _choose_form(options, settings, constraint, environment)
        form = replace(form, live=live, with_calls=not runs_tools)
        base = build_base_request(options.request, settings, console.warn, fields=fields)
        endpoint = _find_endpoint(options.recordings, settings, inputs, console)
        stats.host = None if endpoint is None else identify_endpoint(endpoint)
        if tools is not None and endpoint is not None:
            tools.check_key(endpoint.key)
        ask_once = _bind_endpoint(ask, endpoint, options.recordings, settings, console)
        with (
            report_unrecorded(console) as unrecorded,
            open_conversation(
                options, inputs, console, patience=timeouts.total, runs_tools=runs_tools
            ) as conversation,
            open_targets(form, options, streams, console, unrecorded) as targets,
            append_at_end(conversation, console),
        ):
            upstream = Upstream(ask_once, timeouts.limits(), RetryPolicy(timeouts.retries), unrecorded.add)
            rounds = None if tools is None else tools.start_rounds(upstream.limits, targets.watch, report)
            rules = AnswerRules(options.output.allow_truncated, runs_tools, constraint)
            hold_dialogue(Session(upstream, targets, rules, stats), base, conversation, rounds)


def _read_settings(options: ChatOptions, environment: Mapping[str, str]) -> tuple[Settings, ChatOptions]:
    """Return the settings, and the options with the configured system message, unless one is typed."""
    settings = Settings.read(environment, options.service, *options.configurable)
    system = settings.get("system")
    is_typed = options.system != SystemMessageOptions()
    return settings, options if system is None or is_typed else replace(options, default_system=str(system))


@contextmanager
def _noted(console: Console, stats: AnswerStats) -> Iterator[None]:
    """Open the console; at the end, also by an error, report tokens, cost and time for `-v`, unless a signal ends the run."""
    with console:
        try:
            yield
        finally:
            if stats.turns and not isinstance(sys.exception(), Interrupted):
                console.note(stats.describe())


def _check_paths(options: ChatOptions, streams: Streams) -> None:
    """Raise UsageError if two outputs are one file, or if an input is also an output."""
    output, beside = options.output, (options.thinking.thinking_file, options.output.meta)
    reject_shared_outputs(streams, output.output or "-", *beside, options.conversation.conversation)
    # The answer itself may replace an input, which is read by then.
    read = [named.path for named in options.inputs if named is not None]
    reject_input_as_output(streams, beside, read if options.stdin.no_stdin else [*read, "-"])
    reject_input_as_output(streams, (output.output or "-", *beside), (options.service.api_key_file,))


def _set_up_tools(
    options: ToolOptions, inputs: Inputs, environment: Mapping[str, str], settings: Settings
) -> "ToolSetup | None":
    # Importing the tools takes time, and most runs have none.
    if replace(options, tool_result=()) == ToolOptions():
        return None
    from mmpipe.tools.setup import set_up_tools

    wake_collector()
    return set_up_tools(options, inputs, environment, settings.secret_files)


def _find_endpoint(
    options: RecordingOptions, settings: Settings, inputs: Inputs, console: Console
) -> Endpoint | None:
    """Return the endpoint, named if the user wants details; None for a replay, which needs neither key nor host."""
    if options.is_replay:
        return None
    endpoint = settings.endpoint(inputs)
    console.announce(endpoint, settings.explain())
    return endpoint


def _bind_endpoint(
    ask: Ask, endpoint: Endpoint | None, options: RecordingOptions, settings: Settings, console: Console
) -> AskOnce:
    """Return the function that asks the endpoint, or the recordings."""

    def once(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
        assert endpoint is not None  # noqa: S101  a replay asks nobody
        return ask(request, endpoint, limits, observer)

    if options.chosen is None:
        return once
    from mmpipe.api.recordings import open_recordings, recorded_host

    mode, folder = options.chosen
    host = recorded_host(endpoint, settings.identify_host)
    return open_recordings(Path(folder), mode, host, console.warn).wrap(once)


def _choose_form(
    options: ChatOptions, settings: Settings, constraint: OutputConstraint, environment: Mapping[str, str]
) -> AnswerForm:
    """Return the form of an answer that is written when it is whole; raises UsageError for a contradiction."""
    thinking = _choose_thinking(options, settings, constraint)
    markdown = MarkdownChoice(environment) if settings.get("markdown") else None
    return AnswerForm(options.output.chosen_format, thinking, markdown)


def _choose_thinking(
    options: ChatOptions, settings: Settings, constraint: OutputConstraint
) -> ThinkingMode | None:
    """Return the thinking mode, None for the default of the format; raises UsageError for a contradiction."""
    mode: ThinkingMode | None = settings.choice("thinking", get_args(ThinkingMode))
    is_typed = settings.is_typed("thinking")
    if options.thinking.thinking_file is not None and not is_typed:
        # A typed file wins over a mode of the configuration.
        mode = "split"
    if constraint.extract is None:
        return mode
    if options.output.chosen_format == "raw":
        raise UsageError("-F raw writes the bytes of the server: --schema and --extract cannot change them")
    if mode == "show" and is_typed:
        raise UsageError(SHOWS_THINKING)
    return None if mode == "show" else mode
