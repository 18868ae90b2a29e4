"""What is asked: one chat completion request, as a value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mmpipe.core.events import Message

# How it is asked on the wire; the question is the same.
_WIRE: Final = ("stream", "stream_options")
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Request:
    """A model, the messages and the other body fields; `streamed` is how the wire is used."""

    model: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    streamed: bool = True

    @property
    def native_thinking(self) -> bool:
        """Whether thinking is expected as tags inside `content` (FACTS.md, "Whole answers")."""
        return self.parameters.get("reasoning_split") is not True

    @property
    def thinks(self) -> bool:
        """Whether the model was not told to leave thinking out (FACTS.md, "Parameters")."""
        thinking = self.parameters.get("thinking")
        return not (isinstance(thinking, dict) and thinking.get("type") == "disabled")

    def body(self) -> dict[str, object]:
        """The JSON body of POST /chat/completions."""
        streaming: dict[str, object] = (
            # Usage comes only when asked for (FACTS.md, "The end of a stream").
            {"stream": True, "stream_options": {"include_usage": True}} if self.streamed else {}
        )
        return {"model": self.model, "messages": list(self.messages), **self.parameters, **streaming}

    @property
    def sha256(self) -> str:
        """The SHA-256 of what is asked, in hexadecimal: of its body as canonical JSON, streamed or not."""
        # Loads OpenSSL, which takes longer than all of this; few need it.
        from hashlib import sha256

        asked = {name: value for name, value in self.body().items() if name not in _WIRE}
        # As json_bytes writes what UTF-8 cannot hold.
        return sha256(_CANONICAL.encode(asked).encode(errors="backslashreplace")).hexdigest()
