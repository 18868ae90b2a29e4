"""Messages that make a model give a valid answer: the instruction before, and the complaint for a repair; pure."""

from mmpipe.core.events import Message
from mmpipe.core.reply import Reply
from mmpipe.errors import BadResponse
from mmpipe.structured.schema import Schema
from mmpipe.text.visible import one_line


class InvalidAnswer(BadResponse):
    """An answer without what was asked for; `complaint` says so in words for the model."""

    def __init__(self, complaint: str, *, request_id: str | None) -> None:
        super().__init__(f"the answer is invalid: {one_line(complaint, 400)}", request_id=request_id)
        self.complaint = complaint


def schema_instruction(schema: Schema) -> str:
    """The text of the system message that asks for JSON of this schema."""
    return (
        "Your answer is read by a program. Answer with exactly one JSON value and nothing else: no words "
        "before or after it, no code fence, no comments. It must be valid against this JSON Schema (give a "
        f"value that fits it, not the schema itself):\n{schema.text}"
    )


def repair_messages(reply: Reply, error: InvalidAnswer) -> tuple[Message, ...]:
    """The messages to add to the request that got the invalid `reply`: the answer, and the complaint of the user.

    Each tool call of the answer gets a result, since a server refuses a call without one.
    """
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "This tool does not exist."}
        for call in reply.tool_calls
    ]
    complaint = (
        f"Your answer cannot be used:\n{error.complaint}\nAnswer again with the whole corrected JSON value and "
        "nothing else: no apology, no explanation, no code fence."
    )
    return reply.message, *results, {"role": "user", "content": complaint}
