"""Tells thinking from answer: tags inside the text become Thinking events, wherever the text is cut.

Two parsers, because the two forms of the API fail in different ways (FACTS.md, "Thinking in the content"):

* native: `content` holds `<think>...</think>` blocks, laid out differently by each model; the closer may be
  `</mm:think>`, the first opener may be missing, and later blocks may follow, each at the start of a line.
* split: thinking has a field of its own, and the answer may freely talk about tags. Only leftovers are taken off:
  a closer that ends the thinking or begins the answer. A server that knows no split is told by an answer that
  begins with `<think>` although no thinking came; its text is then parsed as native.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import assert_never

from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage

OPENER = "<think>"
CLOSERS = ("</think>", "</mm:think>")

_BLOCK_ENDS = (*CLOSERS, *(f"\n{closer}" for closer in CLOSERS))
_LEFTOVERS = tuple(f"{end}\n" for end in _BLOCK_ENDS)
_LINE_OPENER = f"\n{OPENER}"
_LONGEST = max(map(len, _LEFTOVERS))

Step = Callable[[Iterable[Event]], Iterator[Event]]


def separate_tags(events: Iterable[Event], *, native: bool, thinks: bool = True) -> Iterator[Event]:
    """`events` with tags inside Text turned into Thinking; the pieces come out as soon as they are certain.

    Native text that begins without a tag has to be kept until its end, unless the model was told not to think:
    it may be thinking whose opener is missing.
    """
    separator = _Separator(native=native, may_lack_opener=native and thinks)
    for event in events:
        match event:
            case Text(text):
                yield from separator.text(text)
            case Thinking(text):
                yield from separator.thinking(text)
            case ToolCall() | ToolResult() | Usage() | Stop():
                yield from separator.end()
                yield event
            case Start():
                yield event
            case _:
                assert_never(event)
    yield from separator.end()


def hide(events: Iterable[Event]) -> Iterator[Event]:
    """The answer alone."""
    return (event for event in events if not isinstance(event, Thinking))


def show(events: Iterable[Event]) -> Iterator[Event]:
    """Thinking between tags, then the answer, all of it as Text, in the layout of the native API."""
    inside = False
    for event in events:
        if isinstance(event, Thinking):
            yield Text(event.text if inside else f"{OPENER}\n{event.text}")
            inside = True
            continue
        if inside and isinstance(event, Text | ToolCall | Stop):
            yield Text("\n</think>\n\n")
            inside = False
        yield event


def split(events: Iterable[Event]) -> Iterator[Event]:
    """Both, each as its own events."""
    return iter(events)


_MODES: Mapping[str, Step] = {"show": show, "split": split, "hide": hide}


def arrange_thinking(
    events: Iterable[Event], mode: str, *, native: bool, thinks: bool = True
) -> Iterator[Event]:
    """`events` with the thinking shown, split out or hidden, as `mode` says."""
    if mode == "show" and native:
        return _shown_as_sent(events)
    return _MODES[mode](separate_tags(events, native=native, thinks=thinks))


def _shown_as_sent(events: Iterable[Event]) -> Iterator[Event]:
    """Native text holds its tags already and is shown to the byte, unless thinking comes in a field as well."""
    rest = iter(events)
    for event in rest:
        if isinstance(event, Thinking):
            yield from show(separate_tags(chain((event,), rest), native=True))
        else:
            yield event
            if isinstance(event, Text):
                yield from rest


class _Separator:
    """The parser's memory: what is held back because it may be the beginning of a tag, and the place in the turn.

    A place (`_opening`, `_block` ...) looks at what is held, says at most one event, and may name the next place.
    """

    def __init__(self, *, native: bool, may_lack_opener: bool) -> None:
        self._native = native
        self._may_lack_opener = may_lack_opener
        self._untagged: list[str] = []  # text that is thinking if a closer ever comes
        self._held = ""
        self._held_thinking = ""
        self._by_field: list[str] = []  # thinking that came in a field of its own
        self._had_block = False
        self._mirrored = 0  # how much of it came again between tags
        self._place = self._opening

    def thinking(self, text: str) -> Iterator[Event]:
        """Thinking from a field of its own; a closer at its very end is a leftover."""
        text = self._held_thinking + text
        cut = len(text) - _tail(text, _LEFTOVERS)
        self._held_thinking = text[cut:]
        yield from self._field_thinking(text[:cut])

    def text(self, text: str) -> Iterator[Event]:
        """Text from `content`."""
        yield from self._end_thinking()
        self._held += text
        yield from self._walk(final=False)

    def end(self) -> Iterator[Event]:
        """Nothing follows: what was held back is what it is."""
        yield from self._end_thinking()
        yield from self._walk(final=True)

    def _end_thinking(self) -> Iterator[Event]:
        held, self._held_thinking = self._held_thinking, ""
        if held.strip("\n") not in CLOSERS:
            yield from self._field_thinking(held)

    def _field_thinking(self, text: str) -> Iterator[Event]:
        if text:
            self._by_field.append(text)
            yield Thinking(text)

    def _walk(self, *, final: bool) -> Iterator[Event]:
        while True:
            here = self._place
            event = here(final)
            if event is not None:
                yield event
            if self._place == here:
                return

    def _opening(self, final: bool) -> Event | None:
        """At the beginning of a turn: a block, a leftover closer, thinking without its opener, or the answer."""
        start = self._held.lstrip()
        if not final and (not start or _is_cut(start, (OPENER, *CLOSERS))):
            return None
        closer = next((closer for closer in CLOSERS if start.startswith(closer)), None)
        if start.startswith(OPENER) and (self._native or not self._by_field):
            self._native = True
            self._held, self._place = start.removeprefix(OPENER), self._block_start
        elif closer is not None:
            self._held, self._place = start.removeprefix(closer), self._answer_start
        elif self._may_lack_opener and not self._by_field:
            self._place = self._without_opener
        else:
            self._place = self._answer
        return None

    def _without_opener(self, final: bool) -> Event | None:
        """Native text that begins with no tag is thinking if a closer ever comes before an opener, else the answer."""
        tag = _first(self._held, (OPENER, *CLOSERS))
        if tag is not None and not self._held.startswith(OPENER, tag[0]):
            self._untagged.append(self._held[: tag[0]])
            thinking, self._held = "".join(self._untagged).strip("\n"), self._held[tag[1] :]
            self._place = self._answer_start
            return Thinking(thinking) if thinking else None
        if tag is not None or final:
            self._held = "".join((*self._untagged, self._held))
            self._place = self._answer
        else:
            # Only the end may belong to a tag; the rest need not be searched again.
            cut = max(0, len(self._held) - _LONGEST)
            self._untagged.append(self._held[:cut])
            self._held = self._held[cut:]
        return None

    def _block_start(self, final: bool) -> None:
        """After an opener: the newline of the layout is not thinking."""
        if self._held or final:
            # The thinking of a further block must not run into that of the block before.
            between = "\n" if self._had_block else ""
            self._held = between + self._held.removeprefix("\n")
            self._had_block = True
            self._place = self._block

    def _block(self, final: bool) -> Event | None:
        """Inside a block, up to its closer; the newline before the closer is layout too."""
        closing = _first(self._held, CLOSERS)
        if closing is not None:
            thinking, self._held = self._held[: closing[0]].removesuffix("\n"), self._held[closing[1] :]
            self._place = self._answer_start
        else:
            cut = len(self._held) - (0 if final else _tail(self._held, _BLOCK_ENDS))
            thinking, self._held = self._held[:cut], self._held[cut:]
        # Some answers carry the same thinking in a field and between tags (FACTS.md, "Chunks").
        if thinking and "".join(self._by_field).lstrip("\n").startswith(thinking, self._mirrored):
            self._mirrored += len(thinking)
            return None
        return Thinking(thinking) if thinking else None

    def _answer_start(self, final: bool) -> None:
        """After a closer: the newlines before the answer are layout (one or two, by model)."""
        self._held = self._held.lstrip("\n")
        if self._native and self._held.startswith(OPENER):
            self._held, self._place = self._held.removeprefix(OPENER), self._block_start
        elif self._held and (final or not (self._native and _is_cut(self._held, (OPENER,)))):
            self._place = self._answer

    def _answer(self, final: bool) -> Event | None:
        """The answer; in native text a further block opens at the start of a line and nowhere else."""
        opening = _first(self._held, (_LINE_OPENER,)) if self._native else None
        if opening is not None:
            text, self._held = self._held[: opening[0] + 1], self._held[opening[1] :]
            self._place = self._block_start
        else:
            cut = len(self._held) - (_tail(self._held, (_LINE_OPENER,)) if self._native and not final else 0)
            text, self._held = self._held[:cut], self._held[cut:]
        return Text(text) if text else None


def _is_cut(text: str, tags: Iterable[str]) -> bool:
    """Whether `text` is the beginning of one of `tags` and no more."""
    return any(len(text) < len(tag) and tag.startswith(text) for tag in tags)


def _first(text: str, tags: Iterable[str]) -> tuple[int, int] | None:
    """Where the first of `tags` begins and ends in `text`."""
    found = [(position, position + len(tag)) for tag in tags if (position := text.find(tag)) >= 0]
    return min(found, default=None)


def _tail(text: str, tags: Iterable[str]) -> int:
    """How many characters at the end of `text` may belong to one of `tags`: the longest beginning, or all, of one."""
    if "<" not in text[-_LONGEST:] and not text.endswith("\n"):
        return 0
    return max(
        (length for tag in tags for length in range(1, len(tag) + 1) if text.endswith(tag[:length])),
        default=0,
    )
