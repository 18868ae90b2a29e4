"""The parts of tool calls as servers send them, and a call as far as its parts have come; pure."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from mmpipe.api.answer.assembly import FieldAssembler
from mmpipe.api.answer.call_arguments import DEEPEST, EndFinder, is_empty, is_part, read_arguments
from mmpipe.api.answer.surrogates import join_surrogates
from mmpipe.core.calls import format_arguments, quote_arguments
from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse
from mmpipe.text import strict_json
from mmpipe.text.visible import one_line

# Of one answer, and pieces of calls in one event: hostile ones cost little. Real answers have some hundreds at most.
MAX_CALLS: Final = 10_000
# Texts that stand for no id; Mistral sends "null".
_NO_IDS: Final = ("", "null", "None")
_LONGEST_INDEX: Final = 10  # digits
_LONGEST_NAME: Final = 1000  # characters; names have up to 64
# Fields that tell a call from an object that holds calls.
_OF_A_CALL: Final = frozenset({"id", "function", "name", "arguments"})


@dataclass(frozen=True, slots=True)
class CallPart:
    """A piece of a call, or a whole call, with all `fields` as they came; what the server left out is empty."""

    index: int | None
    id: str
    name: str
    arguments: str
    fields: Mapping[str, object]
    function: Mapping[str, object]

    @property
    def is_blank(self) -> bool:
        """True if the part names no call, and has no arguments."""
        return not (self.id or self.name or self.arguments.strip())


def parse_parts(value: object) -> list[CallPart]:
    """The parts in `tool_calls`: a list, or one call alone, or an object of calls. Raises BadResponse."""
    if isinstance(value, dict):
        is_call = not value or not _OF_A_CALL.isdisjoint(value)
        value = [value] if is_call else list(value.values())
    # Null keeps the position of a call.
    parts = [{} if part is None else part for part in value] if isinstance(value, list) else value
    if parts in (None, ""):
        return []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise BadResponse(f"tool_calls is not a list of calls: {one_line(repr(value), 60)}")
    if len(parts) > MAX_CALLS:
        raise too_many_calls()
    return list(map(_parse_part, parts))


def too_many_calls() -> BadResponse:
    """The error of an answer with more calls, or an event with more pieces of them, than anybody means to send."""
    return BadResponse(f"the answer holds more than {MAX_CALLS} tool calls")


def parse_function_call(value: object) -> list[CallPart]:
    """The part in `function_call`, the only call of an answer in the old form of the API; none if it is no object."""
    return [_parse_part({"function": value})] if isinstance(value, dict) else []


def _parse_part(fields: Mapping[str, object]) -> CallPart:
    function = fields.get("function")
    if not isinstance(function, dict):
        # Some servers leave out this level.
        function = {name: fields[name] for name in ("name", "arguments") if name in fields}
        fields = {name: value for name, value in fields.items() if name not in function}
    name = function.get("name")
    if isinstance(name, str) and len(name) > _LONGEST_NAME:
        raise BadResponse(f"the name of a tool is longer than {_LONGEST_NAME} characters")
    return CallPart(
        parse_index(fields.get("index")),
        _parse_id(fields.get("id")),
        name if isinstance(name, str) and name.strip() else "",
        format_arguments(function.get("arguments")),
        fields,
        function,
    )


def parse_index(value: object) -> int | None:
    """The index of a call or a choice; some servers send it as text. None for what is no index."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) < _LONGEST_INDEX:
        return int(value)
    return None


def _parse_id(value: object) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    return "" if text.strip() in _NO_IDS else text


@dataclass(slots=True, eq=False)
class PartialCall:
    """A call as far as its parts have come."""

    index: int | None
    id: str = ""
    name: str = ""
    has_arguments: bool = False
    _fields: FieldAssembler = field(default_factory=FieldAssembler)
    _function: FieldAssembler = field(default_factory=FieldAssembler)
    _pieces: list[str] = field(default_factory=list)  # of the arguments
    _end: EndFinder = field(default_factory=EndFinder)
    _followed: int = 0  # pieces that `_end` has taken
    _is_mixed: bool = False  # other arguments follow the first ones

    @property
    def is_closed(self) -> bool:
        """True if the arguments end with a whole JSON value."""
        for piece in self._pieces[self._followed :]:
            self._end.feed(piece)
        self._followed = len(self._pieces)
        return self._end.is_closed

    @property
    def arguments(self) -> str:
        """The arguments so far, as one text; `{}` for none."""
        return read_arguments(self._pieces)

    def begins(self, arguments: str) -> bool:
        """Return True if the arguments so far are a beginning of `arguments`; takes time linear in these."""
        size = len(arguments)
        return (
            len(self._pieces) <= size
            and sum(map(len, self._pieces)) <= size
            and arguments.startswith(join_surrogates("".join(self._pieces)))
        )

    def fits(self, part: CallPart) -> bool:
        """Return True if the part can repeat this call as a whole: its name is the same, and so are its id or its arguments."""
        if self.name and part.name and self.name.strip() != part.name.strip():
            return False
        return not (self.id and part.id) or self.id == part.id or self.begins(part.arguments)

    def complete(self, part: CallPart) -> None:
        """Add all that a part, which repeats this call as a whole, has beyond it."""
        self.id = self.id or part.id
        self._fields.complete({**part.fields, "function": None})
        self._function.complete({**part.function, "name": None, "arguments": None})
        self.name = self.name or part.name
        if not self.is_closed or (len(self._pieces) == 1 and is_empty(self._pieces[0])):
            if self.begins(part.arguments):
                self._restart_arguments()
            self._add_arguments(part)

    def add(self, part: CallPart) -> bool:
        """Add a part of this call; returns True if it brings the call forward, and does not only repeat it."""
        before = self.id, self.name
        self.id = self.id or part.id
        # Null keeps the place of what is assembled apart.
        self._fields.merge({**part.fields, "function": None})
        self._function.merge({**part.function, "name": None, "arguments": None})
        self._add_name(part.name)
        return self._add_arguments(part) or before != (self.id, self.name)

    def compare(self, part: CallPart) -> Literal["same", "more", "other"]:
        """Compare the arguments so far, which are whole, with those of `part`.

        After a placeholder, all arguments are more. With the id of this call they are, if they hold all that came before.
        """
        before = self.arguments
        if is_empty(before):
            return "same" if is_empty(part.arguments) else "more"
        try:
            values = strict_json.loads(before), strict_json.loads(part.arguments)
        except ValueError:
            return "other"
        if strict_json.is_deeper(values, DEEPEST) or not is_part(*values):
            return "other"
        if is_part(*reversed(values)):
            return "same"
        return "more" if part.id else "other"

    def record(self, identity: str, index: int | None) -> Mapping[str, object]:
        """The call for a message, with all unknown fields, and with `index` in place of its own unless that is None."""
        fields, function = (each.assembled(cumulative=False) for each in (self._fields, self._function))
        kind = fields.get("type")
        function |= {"name": self.name.strip(), "arguments": quote_arguments(self.arguments)}
        return {
            **fields,
            "id": identity,
            "type": kind if isinstance(kind, str) and kind else "function",
            "function": function,
            **({} if index is None else {"index": index}),
        }

    def _add_arguments(self, part: CallPart) -> bool:
        is_news = bool(part.arguments.strip())
        if is_news and not self._is_mixed and self.is_closed:
            comparison = self.compare(part)
            is_news = comparison != "same" and not is_empty(part.arguments)
            if comparison == "other":
                # What follows a whole value is not JSON, unless `read_arguments` finds the end of a repetition.
                self._is_mixed = True
            else:
                self._restart_arguments()
        if part.arguments:
            self._pieces.append(part.arguments)
            self.has_arguments = self.has_arguments or is_news
        return is_news

    def _restart_arguments(self) -> None:
        self._pieces, self._end, self._followed = [], EndFinder(), 0

    def _add_name(self, name: str) -> None:
        if name.strip().startswith(self.name.strip()):
            self.name = name or self.name
        elif len(self.name) < _LONGEST_NAME:
            self.name += name
