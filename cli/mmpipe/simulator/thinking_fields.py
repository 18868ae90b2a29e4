"""Put text and thinking into the fields of a message or delta (FACTS.md, "Chunks", "Other servers")."""

from collections.abc import Collection

from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.json_text import Json

_SEALED: Json = {"type": "reasoning.encrypted", "data": "c2ltdWxhdGVk", "format": "unknown", "index": 0}


def build_content(content: str | None, reasoning: str | None, dialects: Collection[Dialect]) -> Json:
    """Return the field ``content``, which in the dialect ``parts`` holds the thinking too."""
    if Dialect.PARTS in dialects and (content or reasoning):
        return {"content": [*_thinking_parts(reasoning), *_text_parts(content)]}
    return {} if content is None else {"content": content}


def build_reasoning(text: str, dialects: Collection[Dialect], *, split: bool, sealed: bool) -> Json:
    """Return the fields of thinking; ``sealed`` marks the last piece of it."""
    if Dialect.PARTS in dialects:
        return {}
    if Dialect.REASONING_TYPES in dialects:
        plain: Json = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
        return {"reasoning": text, "reasoning_details": [plain, dict(_SEALED)] if sealed else [plain]}
    if Dialect.REASONING in dialects:
        return {"reasoning": text}
    fields: Json = {"reasoning_content": text}
    if split and Dialect.REASONING_CONTENT not in dialects:
        fields["reasoning_details"] = [_detail_of_minimax(text)]
    return fields


def _text_parts(text: str | None) -> list[Json]:
    return [{"type": "text", "text": text}] if text else []


def _thinking_parts(text: str | None) -> list[Json]:
    return [{"type": "thinking", "thinking": _text_parts(text)}] if text else []


def _detail_of_minimax(text: str) -> Json:
    return {
        "type": "reasoning.text",
        "id": "reasoning-text-1",
        "format": "MiniMax-response-v1",
        "index": 0,
        "text": text,
    }
