"""Writes the result of a record as a line of the OpenAI Batch API's output file.

One of `response` and `error` is null. An answer that was cut short or filtered was paid for: as in that file, it is a
response with its `finish_reason`. Our own field `incomplete` then holds the error, so that a later run can tell it from
a good answer.
"""

import time

from mmpipe.api.answer.fields import DETAIL_FIELDS, THINKING_FIELDS
from mmpipe.core.events import Usage
from mmpipe.core.reply import Reply
from mmpipe.errors import MmpipeError
from mmpipe.structured.repair import InvalidAnswer


def openai_names(name: str, index: int) -> dict[str, object]:
    """The fields that name the record."""
    return {"id": f"batch_req_{name}", "custom_id": name, "index": index}


def openai_outcome(reply: Reply, error: MmpipeError | None, *, with_thinking: bool) -> dict[str, object]:
    """The fields of an answer, or of its error; the message has no fields of thinking unless asked for."""
    described = None if error is None else {**error.as_json(), "code": error.status.label.replace(" ", "_")}
    # An answer that the schema refuses is none.
    if reply.finish_reason is None or isinstance(error, InvalidAnswer):
        return {"response": None, "error": described}
    incomplete = {} if described is None else {"incomplete": described}
    return {"response": _response(reply, with_thinking=with_thinking), "error": None, **incomplete}


def _response(reply: Reply, *, with_thinking: bool) -> dict[str, object]:
    message = _message(reply, with_thinking=with_thinking)
    body = {
        "id": reply.id,
        "object": "chat.completion",
        # The time of the answer, to the second, is that of the service too.
        "created": int(time.time()),
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason}],
        "usage": _usage(reply.usage),
    }
    return {"status_code": 200, "request_id": reply.request_id, "body": body}


def _message(reply: Reply, *, with_thinking: bool) -> dict[str, object]:
    """The assistant message; its content is the text that --thinking, --schema and --extract leave of it."""
    message, text = dict(reply.message), "".join(reply.texts)
    fields = (*THINKING_FIELDS, *DETAIL_FIELDS)
    if not with_thinking:
        message = {name: value for name, value in message.items() if name not in fields}
    elif reply.thoughts and not any(message.get(name) for name in fields):
        # It stood between tags in the content, or in a part of it.
        message["reasoning_content"] = "".join(reply.thoughts)
    # Beside calls or a refusal the content may be null.
    if text != (message.get("refusal") or ""):
        message["content"] = text
    elif message.get("content"):
        message["content"] = ""
    return message


def _usage(usage: Usage | None) -> dict[str, object] | None:
    """The usage; null for a count that the service did not report."""
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
