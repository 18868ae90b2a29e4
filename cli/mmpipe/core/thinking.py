"""Arranges thinking for output: shown, split from the answer, or hidden."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, filterfalse
from typing import assert_never

from mmpipe.core.events import Event, Stop, Text, Thinking, ToolCall
from mmpipe.core.lone_closers import TAG_END
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.thinking_tags import EventUse, separate_tags


def hide(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events without thinking."""
    # As `isinstance` in a generator, without a step of Python for each event.
    return filterfalse(Thinking.__instancecheck__, events)


def show(events: Iterable[Event]) -> Iterator[Event]:
    """Yield thinking between tags, then the answer, all as Text, in the layout of the native API."""
    inside = False
    for event in events:
        if isinstance(event, Thinking):
            yield Text(event.text if inside else f"<think>\n{event.text}")
            inside = True
            continue
        if inside and isinstance(event, Text | ToolCall | Stop):
            yield Text("\n</think>\n\n")
            inside = False
        # Nothing is taken out of the text here.
        yield replace(event, has_guessed_thinking=False) if isinstance(event, Stop) else event


def arrange_thinking(
    events: Iterable[Event],
    mode: ThinkingMode,
    *,
    native: bool,
    thinks: bool = True,
    use: EventUse = EventUse.WHOLE,
) -> Iterator[Event]:
    """Return `events` with the thinking shown, split or hidden; `native` and `thinks` as in Request.

    With a `use` other than WHOLE, thinking that is shown is written at once, as text.
    """
    if mode == "show" and use is not EventUse.WHOLE:
        use = EventUse.SHOWN
    if mode == "show" and native:
        return _show_as_sent(events, use)
    is_plain = use is EventUse.WHOLE and isinstance(events, list) and not _has_tag(events)
    separated = iter(events) if is_plain else separate_tags(events, native=native, thinks=thinks, use=use)
    match mode:
        case "show":
            return show(separated)
        case "split":
            return separated
        case "hide":
            return hide(separated)
        case _:
            assert_never(mode)


def _has_tag(events: Iterable[Event]) -> bool:
    """Return True if a tag, or parts of one in several events, may stand in the texts."""
    return TAG_END in "".join([event.text for event in events if isinstance(event, Text | Thinking)])


def _show_as_sent(events: Iterable[Event], use: EventUse) -> Iterator[Event]:
    """Yield native text unchanged, since it contains its tags. If thinking comes first in a field, add tags to that."""
    rest = iter(events)
    for event in rest:
        if isinstance(event, Thinking):
            yield from show(separate_tags(chain((event,), rest), native=True, use=use))
        else:
            yield event
            if isinstance(event, Text):
                yield from rest
