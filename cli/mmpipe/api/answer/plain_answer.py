"""Reads at once a whole answer of the plain form, as most answers of a batch are; `wire` decodes all others."""

from collections.abc import Mapping
from typing import Final

import msgspec

from mmpipe.api.answer.fields import read_texts
from mmpipe.api.answer.mirrors import MirrorFilter
from mmpipe.api.answer.text_decoder import make_events
from mmpipe.api.answer.usage import find_choice_usage, find_usage, with_tier
from mmpipe.api.refusals.service_errors import find_error
from mmpipe.api.response_head import ResponseInfo
from mmpipe.core.events import Event, Message, Start, Stop
from mmpipe.core.finish_reasons import FinishMeaning, find_finish_reason, finish_meaning
from mmpipe.errors import BadResponse

_LONGEST: Final = 2**17  # bytes; a longer answer is decoded in steps
_MOST_BRACKETS: Final = 400  # fewer than the levels that an answer may have
_NO_CALLS: Final[tuple[object, ...]] = (None, "", [])
_DECODE: Final = msgspec.json.Decoder().decode


def read_plain_answer(body: bytes, info: ResponseInfo) -> list[Event] | None:
    """The events of an answer with one choice: a message with text and no call, and the reason of a complete answer.

    They are those of `StreamDecoder`, which takes several times as long. None for any other body, be it an answer or not.
    """
    answer = _parse(body) if info.is_success else None
    choice = None if answer is None or find_error(answer, info) is not None else _find_choice(answer)
    if answer is None or choice is None:
        return None
    message, reason = _find_message(choice), find_finish_reason(choice.get("finish_reason"))
    if message is None or reason is None or finish_meaning(reason) is not FinishMeaning.COMPLETE:
        return None
    texts = _decode_texts(message)
    if not texts:
        return None
    answer_id, model = str(answer.get("id") or ""), str(answer.get("model") or "")
    start = Start(answer_id, model, info.request_id, of_minimax=info.request.is_minimax)
    usage = with_tier(find_choice_usage(choice) or find_usage(answer), answer.get("service_tier"))
    return [start, *texts, *usage, Stop(reason, message)]


def _parse(body: bytes) -> Mapping[str, object] | None:
    """The object in the body; None for anything else, and for JSON that only `strict_json` accepts."""
    if len(body) > _LONGEST or body.count(b"{") + body.count(b"[") > _MOST_BRACKETS:
        return None
    try:
        value = _DECODE(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _find_choice(answer: Mapping[str, object]) -> Mapping[str, object] | None:
    """The only choice; None if there are more, or if it may hold more than a message."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != 1:
        return None
    choice = choices[0]
    return choice if isinstance(choice, dict) and "delta" not in choice and "error" not in choice else None


def _find_message(choice: Mapping[str, object]) -> Message | None:
    """The message as a request can hold it; None if it has a call, or is to be completed."""
    message = choice.get("message")
    if not isinstance(message, dict) or not isinstance(message.get("role"), str) or not message["role"]:
        return None
    if message.get("tool_calls") not in _NO_CALLS or isinstance(message.get("function_call"), dict):
        return None
    if "tool_calls" not in message:
        return message
    return {name: value for name, value in message.items() if name != "tool_calls"}


def _decode_texts(message: Message) -> list[Event]:
    """The events of the texts, thinking first; none for content that cannot be read."""
    try:
        return make_events(read_texts(message), MirrorFilter())
    except BadResponse:
        return []
