"""Assembles the tool calls of an answer, streamed or whole, into the `tool_calls` of its message.

Servers number, name and repeat calls in many ways (FACTS.md, "Tool calls of other servers"). The rules for the pieces of a stream:

* A piece belongs to the call of its id, otherwise to that of its index. Without these it belongs to the call at its
  position in the last delta with several pieces, otherwise to the call of the piece before.
* A new id with a name begins a call, even under a used index. So does another name after arguments, and the same name with
  other arguments after complete ones (`{}` too, if the call has no id). A new id alone begins a call only after complete
  arguments, since some servers make an id for each piece. Two equal calls in a row, without ids and
  under one index or none, count as one: the second may be a repetition.
* A name that begins with the name so far repeats it. Any other name before the first arguments continues it. The decoder
  does not know the tools, so a name of two equal pieces ("ha", "ha") is taken for one that is repeated.

Each call of a whole message is a call of its own. In the last frame of a stream it is the call of its id, or else the call at
its position. The latter needs the same name, and the same arguments if both have ids. A call without an id, or with the id of a
call before, gets a new id.
"""

from collections.abc import Container, Mapping, Sequence
from itertools import zip_longest

from mmpipe.api.answer.call_parts import (
    MAX_CALLS,
    CallPart,
    PartialCall,
    parse_function_call,
    parse_parts,
    too_many_calls,
)
from mmpipe.core.calls import create_call_id
from mmpipe.core.events import Message


class CallAssembler:
    """Takes the deltas of a stream, or a whole message; returns the message with its calls."""

    def __init__(self) -> None:
        self._calls: list[PartialCall] = []
        self._by_index: dict[int, PartialCall] = {}  # the last call of each index
        self._by_id: dict[str, PartialCall] = {}
        self._last: PartialCall | None = None  # the call of the piece before
        self._slots: list[PartialCall] = []  # the calls of the last delta with several pieces, by position
        self._first_open = 0  # the slots before it are complete
        self._function_call: PartialCall | None = None

    def merge(self, delta: Mapping[str, object]) -> bool:
        """Take the pieces in a delta; returns True if one of them is news. Raises BadResponse."""
        parts = parse_parts(delta.get("tool_calls"))
        met: list[PartialCall] = []
        is_news = False
        while self._first_open < len(self._slots) and self._slots[self._first_open].is_closed:
            self._first_open += 1
        for position, part in enumerate(parts):
            call = self._find(part, position, len(parts))
            if call is None or _begins(call, part):
                if part.is_blank:
                    continue
                call = self._begin(part)
            is_news |= self._add(call, part)
            met.append(call)
        if len(met) > 1:
            self._slots, self._first_open = met, 0
        return self._merge_function_call(delta) or is_news

    def merge_message(self, message: Mapping[str, object]) -> bool:
        """Take the calls of a whole message; returns True if one of them is new.

        The last frame of a stream repeats the calls of the deltas, and may have more of them, or more of their arguments.
        """
        parts = _parse_whole(message)
        known, ids = len(self._calls), {part.id for part in parts if part.id}
        met = set[PartialCall]()
        for part, beside in zip_longest(parts, self._calls[: len(parts)]):
            call = self._find_repeated(part, beside, ids)
            if call is None or call in met:
                call = self._begin(part)
                self._add(call, part)
            else:
                call.complete(part)
                if part.id:
                    self._by_id.setdefault(part.id, call)
            met.add(call)
        if known or parts:
            return len(self._calls) > known
        if self._function_call is None:
            return self._merge_function_call(message)
        for part in parse_function_call(message.get("function_call")):
            self._function_call.complete(part)
        return False

    def repeats(self, message: Mapping[str, object]) -> bool:
        """Return True if each call in `message` is one that came before, with the same arguments or more."""
        # A space may be a piece of the arguments.
        parts = [
            part for part in parse_parts(message.get("tool_calls")) if part.arguments or not part.is_blank
        ]
        for part, beside in zip_longest(parts, self._calls[: len(parts)]):
            call = self._find_repeated(part, beside, ())
            if call is None or not call.begins(part.arguments):
                return False
            # Two equal calls are told apart by what marks them.
            if "" not in (part.id, call.id) and part.id != call.id:
                return False
            if None not in (part.index, call.index) and part.index != call.index:
                return False
        return True

    def fill_in(self, message: Message, answer_id: str) -> Message:
        """The message with the calls in `tool_calls`, if there are any, and nowhere else."""
        calls = [call for call in self._calls if call.name or call.has_arguments]
        if not calls and self._function_call is not None:
            calls = [self._function_call]
        records = {"tool_calls": _records(calls, answer_id)} if calls else {}
        old_form = {"function_call"} if isinstance(message.get("function_call"), dict) else set()
        dropped = {"tool_calls", *old_form} - records.keys()
        return {**{name: value for name, value in message.items() if name not in dropped}, **records}

    def _merge_function_call(self, fields: Mapping[str, object]) -> bool:
        is_news = False
        for part in parse_function_call(fields.get("function_call")):
            self._function_call = self._function_call or PartialCall(None)
            is_news |= self._function_call.add(part)
        return is_news

    def _find(self, part: CallPart, position: int, count: int) -> PartialCall | None:
        """The call that the part belongs to, if it begins none of its own."""
        known = self._by_id.get(part.id)
        if part.index is not None:
            return self._find_by_index(part.index, part, known)
        if known is not None:
            return known
        if part.id:
            return self._last
        slot = self._slots[position] if count == len(self._slots) else None
        if part.name:
            if slot is not None and not _begins(slot, part):
                return slot
            # Two names in one delta are two calls.
            return None if position else self._last
        waiting = self._first_open + position
        return slot or (self._slots[waiting] if waiting < len(self._slots) else self._last)

    def _find_by_index(self, index: int, part: CallPart, known: PartialCall | None) -> PartialCall | None:
        call = self._by_index.get(index)
        if known is not None and known.index == index:
            return known
        if call is None and not part.name:
            # Some servers count the pieces instead of the calls.
            call = known if part.id else self._last
            return None if call is None or call.is_closed else call
        return call

    def _find_repeated(
        self, part: CallPart, beside: PartialCall | None, ids: Container[str]
    ) -> PartialCall | None:
        """The call that a part of a whole message repeats, by its id, or else the one at its position, if it fits."""
        known = self._by_id.get(part.id)
        if known is not None:
            return beside if beside is not None and beside.id == part.id else known
        if beside is None or beside.id in ids or not beside.fits(part):
            return None
        return beside

    def _begin(self, part: CallPart) -> PartialCall:
        if len(self._calls) == MAX_CALLS:
            raise too_many_calls()
        call = PartialCall(part.index)
        self._calls.append(call)
        self._slots = []
        if part.index is not None:
            self._by_index[part.index] = call
        return call

    def _add(self, call: PartialCall, part: CallPart) -> bool:
        is_news = call.add(part)
        self._last = call
        if call.id:
            self._by_id[call.id] = call
        return is_news


def _parse_whole(message: Mapping[str, object]) -> list[CallPart]:
    return [part for part in parse_parts(message.get("tool_calls")) if not part.is_blank]


def _begins(call: PartialCall, part: CallPart) -> bool:
    """True if the part begins a call, although its index or its position is that of `call`."""
    is_same_name = part.name.strip() == call.name.strip()
    has_arguments = bool(part.arguments.strip())
    if part.id and call.id and part.id != call.id:
        if not part.name:
            return call.is_closed
        in_the_middle = call.has_arguments and not call.is_closed
        return not (
            is_same_name and in_the_middle and has_arguments and part.arguments.lstrip()[0] not in "{["
        )
    if not (part.name and call.name and call.has_arguments):
        return False
    if not is_same_name:
        return True
    comparison = call.compare(part) if call.is_closed and has_arguments else "same"
    # `{}` is a placeholder only if the name does not come again, or with the id of the call.
    return comparison == "other" or (comparison == "more" and not call.id)


def _records(calls: Sequence[PartialCall], answer_id: str) -> list[Mapping[str, object]]:
    """The calls for a message, each with an id of its own; a second call of the same index gets its position as index."""
    used = {call.id for call in calls}
    ids, indexes = set[str](), set[int]()
    records = []
    for position, call in enumerate(calls):
        identity = call.id
        if not identity or identity in ids:
            identity = create_call_id([answer_id, position, call.name, call.arguments], used)
            used.add(identity)
        ids.add(identity)
        records.append(call.record(identity, position if call.index in indexes else None))
        if call.index is not None:
            indexes.add(call.index)
    return records
