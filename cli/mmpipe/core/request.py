"""Chat completion request, as a value."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from mmpipe.core.catalogue import find_model
from mmpipe.core.events import Message
from mmpipe.core.stream_pieces import Pieces
from mmpipe.dataclass import dataclass
from mmpipe.text.json_encoding import format_sorted_json

# Fields that change how the answer is sent, and not the question.
_WIRE: Final = ("stream", "stream_options")


@dataclass(frozen=True, slots=True)
class Request:
    """Request: the model, the messages, and the other body fields.

    `streamed` asks for the answer as a stream, `pieces` says how this server streams text; neither changes the question.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    streamed: bool = True
    pieces: Pieces = "auto"

    @property
    def native_thinking(self) -> bool:
        """True if thinking arrives as tags inside `content` (FACTS.md, "Whole answers")."""
        return self.parameters.get("reasoning_split") is not True

    @property
    def thinks(self) -> bool:
        """True unless the request disables thinking, and the model takes that (FACTS.md, "Parameters")."""
        thinking = self.parameters.get("thinking")
        if not isinstance(thinking, dict) or thinking.get("type") != "disabled":
            return True
        model = find_model(self.model)
        return model is not None and "thinking" in model.ignored

    @property
    def offers_tools(self) -> bool:
        """True if the model may call a tool."""
        return bool(self.parameters.get("tools")) and self.parameters.get("tool_choice") != "none"

    def body(self) -> dict[str, object]:
        """Return the JSON body of POST /chat/completions."""
        streaming: dict[str, object] = (
            # Usage is sent only on request (FACTS.md, "The end of a stream").
            {"stream": True, "stream_options": {"include_usage": True}} if self.streamed else {}
        )
        return {"model": self.model, "messages": list(self.messages), **self.parameters, **streaming}

    @property
    def sha256(self) -> str:
        """SHA-256 of the question in hexadecimal: of the body as canonical JSON, streamed or not."""
        # Loads OpenSSL, which is slow, and few runs need it.
        from hashlib import sha256

        # Lone surrogates are escaped as in encode_json.
        return sha256(format_question(self.body()).encode(errors="backslashreplace")).hexdigest()


def format_question(body: Mapping[str, object]) -> str:
    """Return the question in a body as canonical JSON: without the fields that change how the answer is sent."""
    return format_sorted_json({name: value for name, value in body.items() if name not in _WIRE})
