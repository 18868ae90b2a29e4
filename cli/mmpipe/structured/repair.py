"""Asks the model to repair an invalid answer; pure."""

from mmpipe.core.events import Message
from mmpipe.core.reply import Reply
from mmpipe.errors import BadResponse
from mmpipe.text.visible import one_line


class InvalidAnswer(BadResponse):
    """An answer without what was asked for; `complaint` says so in words for the model."""

    def __init__(self, complaint: str, *, request_id: str | None) -> None:
        super().__init__(f"the answer does not fit: {one_line(complaint, 400)}", request_id=request_id)
        self.complaint = complaint


def repair_messages(reply: Reply, error: InvalidAnswer) -> tuple[Message, Message]:
    """The messages to add to the request that got the invalid `reply`: the answer, and the complaint of the user."""
    complaint = (
        f"Your answer cannot be used:\n{error.complaint}\nAnswer again with the whole corrected JSON value and "
        "nothing else: no apology, no explanation, no code fence."
    )
    return reply.message, {"role": "user", "content": complaint}
