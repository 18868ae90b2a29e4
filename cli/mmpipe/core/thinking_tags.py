"""Separates thinking from answer: tags inside the text become Thinking events, wherever the text is split.

Two parsers, because the two forms of the API fail in different ways (FACTS.md, "Thinking in the content"):

* native: `content` has `<think>...</think>` blocks, in a different layout for each model. Either tag may be that of M3
  (`<mm:think>`). The first opener may be missing. Later blocks may follow, each at the start of a line.
* split: thinking has a field of its own, and the answer may mention tags. Only leftovers are dropped: a closer that
  ends the thinking or begins the answer. An answer that begins with an opener, without a thinking field, is parsed as
  native: its server does not support the split. One that begins with a block of the same thinking as the field has it
  twice: the block is dropped. One whose opener is missing is parsed too, by stricter rules (core/lone_closers.py).

A block that a complete answer never closes is text, with its opener. If the request disabled thinking, there are no blocks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import groupby
from typing import Final, assert_never

from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.core.field_thinking import FieldThinking
from mmpipe.core.finish_reasons import FinishMeaning, finish_meaning
from mmpipe.core.lone_closers import CLOSERS, OPENERS, find_lone_closer
from mmpipe.core.tag_search import count_held, find_first, find_prefix, is_incomplete
from mmpipe.errors import MmpipeError

_BLOCK_ENDS: Final = (*CLOSERS, *(f"\n{closer}" for closer in CLOSERS))
_LEFTOVERS: Final = tuple(f"{end}\n" for end in _BLOCK_ENDS)
_LINE_OPENERS: Final = tuple(f"\n{opener}" for opener in OPENERS)
_EVIDENCE: Final = 24  # characters of a block that repeat the thinking field, unless the block is shorter


class EventUse(Enum):
    """The use of the events: it decides what may be held back, and what becomes of a block that is never closed."""

    WHOLE = "nothing is written before the answer has ended"
    LIVE = "each event is written at once; a block that is never closed comes once more, as text"
    BY_BLOCK = "each event is written at once, a block once it is closed, so that no text comes twice"
    SHOWN = "each event is written at once, thinking as text"


def separate_tags(
    events: Iterable[Event], *, native: bool, thinks: bool = True, use: EventUse = EventUse.WHOLE
) -> Iterator[Event]:
    """Yield `events` with the text between tags as Thinking; `native` and `thinks` as in Request.

    Text that begins without a tag may be thinking whose opener is missing. Where nothing is written before the end, such
    text is held back until then, as is each block until its closer. Otherwise each piece is yielded as soon as its kind is
    certain, or with BY_BLOCK as soon as its block is closed.

    An error of `events` comes after what was held back, where output has begun: with BY_BLOCK, and after text.
    """
    separator = _TagSeparator(native=native, thinks=thinks, use=use)
    is_live, has_begun = use is not EventUse.WHOLE, use is EventUse.BY_BLOCK
    try:
        for are_texts, group in groupby(events, Text.__instancecheck__):
            for event in group:
                if are_texts and separator.is_plain:
                    has_begun = has_begun or is_live
                    yield event
                    yield from group  # noqa: B031  its rest, without a step of Python for each event
                    continue
                for found in separator.take(event):
                    has_begun = has_begun or (is_live and isinstance(found, Text))
                    yield found
        yield from separator.end_turn()
    except MmpipeError:
        # Nothing may be written where a retry is still possible.
        if has_begun:
            yield from separator.close(is_complete=False)
        raise


class _TagSeparator:
    """Parser of one turn: a state machine that holds back text which may be the beginning of a tag.

    A state (`_opening`, `_block` ...) reads the held text, returns at most one event, and may set the next state.
    """

    def __init__(self, *, native: bool, thinks: bool, use: EventUse) -> None:
        self._native, self._thinks, self._delivery = native and thinks, thinks, use
        self._holds_blocks = use in (EventUse.WHOLE, EventUse.BY_BLOCK)
        self._untagged: list[str] = []  # text that is thinking if a closer follows
        self._before: list[str] = []  # spaces before the held text, perhaps an opener: searched once
        self._held = ""
        self._held_thinking = ""
        self._field = FieldThinking()
        self.is_plain = False  # no tag in the text that is still to come counts, and nothing is held back
        self._had_block = False
        self._block_text: list[str] = []  # of a block without its closer: as it came, with the opener
        self._ready: list[Event] = []
        self._usages: list[Usage] = []  # before the Stop, which decides about a block that is not closed
        self._state = self._opening
        self._may_guess, self._has_guessed = True, False  # that the opener is missing

    def take(self, event: Event) -> Iterable[Event]:
        """Take the next event of the turn; return those that are certain now."""
        match event:
            case Text(text):
                return self._cut_text(text)
            case Thinking(text):
                return self._take_thinking(text)
            case Usage():
                self._usages.append(event)
                return ()
            case ToolCall() | ToolResult() | Stop():
                return self._end_part(event)
            case Start():
                # Hosts of MiniMax never leave the opener out.
                self._may_guess = self._native or not event.of_minimax
                return (event,)
            case _:
                assert_never(event)

    def end_turn(self) -> Iterator[Event]:
        """The rest of a turn that had no Stop."""
        yield from self.close(is_complete=False)
        yield from self._usages

    def _end_part(self, event: ToolCall | ToolResult | Stop) -> Iterator[Event]:
        is_complete = isinstance(event, Stop) and finish_meaning(event.reason) is FinishMeaning.COMPLETE
        yield from self.close(is_complete=is_complete)
        yield from self._usages
        self._usages.clear()
        if isinstance(event, Stop) and self._has_guessed:
            event = replace(event, has_guessed_thinking=True)
        yield event

    def _take_thinking(self, text: str) -> Iterable[Event]:
        """Take thinking from a field of its own; a closer at its end is a leftover and is dropped."""
        if self._held_thinking or self._untagged or count_held(text, _LEFTOVERS):
            return self._cut_thinking(text)
        return self._emit_field_thinking(text)

    def _cut_thinking(self, text: str) -> Iterator[Event]:
        text = self._held_thinking + text
        cut = len(text) - count_held(text, _LEFTOVERS)
        self._held_thinking = text[cut:]
        if self._untagged and cut:
            # No opener is missing where the thinking has a field.
            self._end_untagged()
            yield from self._run_states(final=False)
        self.is_plain = self.is_plain and not self._held_thinking
        yield from self._emit_field_thinking(text[:cut])

    def _cut_text(self, text: str) -> Iterator[Event]:
        yield from self._flush_thinking()
        self._held += text
        if self._block_text:
            self._block_text.append(text)
        yield from self._run_states(final=False)

    def close(self, *, is_complete: bool) -> Iterator[Event]:
        """End the turn: yield the text that is still held back. In a complete answer, a block without a closer is text."""
        yield from self._flush_thinking()
        yield from self._run_states(final=True)
        if is_complete and self._block_text and self._delivery is not EventUse.SHOWN:
            self._ready = [Text("".join(self._block_text))]
        yield from self._ready
        self._block_text, self._ready = [], []

    def _flush_thinking(self) -> Iterator[Event]:
        held, self._held_thinking = self._held_thinking, ""
        if held.strip("\n") not in CLOSERS:
            yield from self._emit_field_thinking(held)

    def _emit_field_thinking(self, text: str) -> Sequence[Event]:
        if text:
            self._field.add(text)
        return (Thinking(text),) if text else ()

    def _run_states(self, *, final: bool) -> Iterator[Event]:
        while True:
            state, was_in_block = self._state, bool(self._block_text)
            event = state(final)
            if event is not None:
                self._ready.append(event)
            if not (was_in_block and self._block_text and self._holds_blocks):
                yield from self._ready
                self._ready.clear()
            if self._state == state:
                return

    def _opening(self, final: bool) -> Event | None:
        """Decide at the beginning of a turn: a block, a leftover closer, thinking without an opener, or the answer."""
        start = self._set_spaces_apart()
        if not final and (not start or is_incomplete(start, (*OPENERS, *CLOSERS))):
            return None
        self._held, self._before = "".join((*self._before, start)), []
        opener, closer = find_prefix(start, OPENERS), find_prefix(start, CLOSERS)
        if opener is not None and self._thinks and (self._native or not self._field.has_begun):
            self._native = True
            self._enter_block(start.removeprefix(opener))
        elif opener is not None and self._thinks:
            at = len(self._held) - len(start) + len(opener)
            self._before, self._held = [self._held[:at]], self._held[at:]
            self._state = self._repeated_block
        elif closer is not None:
            self._held, self._state = start.removeprefix(closer), self._answer_start
        elif (
            self._thinks
            and self._may_guess
            and not self._field.has_begun
            and self._delivery is EventUse.WHOLE
        ):
            self._state = self._without_opener
        else:
            self._state = self._answer
        return None

    def _enter_block(self, rest: str) -> None:
        """Begin a block: the held text is its opener, and the `rest` behind that."""
        self._block_text = [self._held]
        self._held, self._state = rest, self._block_start

    def _repeated_block(self, final: bool) -> None:
        """Decide for a block beside a thinking field: the same thinking again, or an answer about tags."""
        begun = self._set_spaces_apart()[:_EVIDENCE]
        closing = find_first(begun, CLOSERS)
        if closing is None and len(begun) < _EVIDENCE and not final:
            return
        begun = begun[: closing[0] if closing else len(begun) - count_held(begun, _BLOCK_ENDS)].rstrip()
        block = "".join((*self._before[1:], self._held))
        self._held, self._before = self._before[0] + block, []
        if begun and self._field.begins_with(begun):
            self._enter_block(block)
        else:
            self._state = self._answer

    def _set_spaces_apart(self) -> str:
        """Take the spaces off the beginning of the held text; return the rest."""
        start = self._held.lstrip()
        self._before.append(self._held[: len(self._held) - len(start)])
        self._held = start
        return start

    def _without_opener(self, final: bool) -> Event | None:
        """Collect text without a tag at its beginning, and decide at the end: thinking up to a lone closer, or the answer."""
        self._untagged.append(self._held)
        self._held = ""
        if not final:
            return None
        text = self._end_untagged()
        found = find_lone_closer(text, anywhere=self._native)
        if found is None:
            return None
        thinking, self._held = text[: found[0]].strip("\n"), text[found[1] :]
        self._state, self._has_guessed = self._answer_start, not self._native and thinking != ""
        return Thinking(thinking) if thinking else None

    def _end_untagged(self) -> str:
        """Take all text so far for the answer, and return it."""
        self._held, self._untagged = "".join((*self._untagged, self._held)), []
        self._state = self._answer
        return self._held

    def _block_start(self, final: bool) -> None:
        """Drop the newline after an opener, which is layout."""
        if self._held or final:
            # A newline separates the thinking of two blocks.
            between = "\n" if self._had_block else ""
            self._held = between + self._held.removeprefix("\n")
            self._had_block = True
            self._state = self._block

    def _block(self, final: bool) -> Event | None:
        """Return the thinking inside a block; the newline before its closer is layout."""
        closing = find_first(self._held, CLOSERS)
        if closing is not None:
            thinking, self._held = self._held[: closing[0]].removesuffix("\n"), self._held[closing[1] :]
            self._state, self._block_text = self._answer_start, []
        else:
            cut = len(self._held) - (0 if final else count_held(self._held, _BLOCK_ENDS))
            thinking, self._held = self._held[:cut], self._held[cut:]
        return Thinking(thinking) if thinking and not self._field.repeats(thinking) else None

    def _answer_start(self, final: bool) -> None:
        """Drop the newlines after a closer, which are layout (one or two, depending on the model)."""
        self._held = self._held.lstrip("\n")
        opener = find_prefix(self._held, OPENERS)
        if self._native and opener is not None:
            self._enter_block(self._held.removeprefix(opener))
        elif self._held and (final or not (self._native and is_incomplete(self._held, OPENERS))):
            self._state = self._answer

    def _answer(self, final: bool) -> Event | None:
        """Return the answer; in native text a further block opens only at the start of a line."""
        opening = find_first(self._held, _LINE_OPENERS) if self._native else None
        if opening is not None:
            text, opened = self._held[: opening[0] + 1], self._held[opening[1] :]
            self._held = self._held[opening[0] + 1 :]
            self._enter_block(opened)
        else:
            self.is_plain = not self._native
            cut = len(self._held) - (
                count_held(self._held, _LINE_OPENERS) if self._native and not final else 0
            )
            text, self._held = self._held[:cut], self._held[cut:]
        return Text(text) if text else None
