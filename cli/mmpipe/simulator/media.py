"""Describe the images and videos of a user message, as the simulated M3 family sees them."""

import base64

from mmpipe.core.attachments import find_url, measure_data
from mmpipe.simulator.json_text import Json
from mmpipe.text.file_kinds import LOOKED_AT, kind_of

_SHOWN = 5
_LOOKED_AT = LOOKED_AT * 4 // 3 // 4 * 4  # characters of Base64


def describe_media(message: Json) -> str:
    """Return what is attached, such as ``a PNG image of 70 bytes, a video at a URL``; nothing for text alone."""
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    seen = [described for described in map(_describe, parts) if described]
    more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
    return ", ".join(seen[:_SHOWN]) + more


def _describe(part: Json) -> str:
    url, medium = find_url(part)
    if medium is None:
        return ""
    data = measure_data(part)
    if data is None:
        return f"{'an' if medium == 'image' else 'a'} {medium} at a URL"
    start = url.find(",") + 1
    try:
        kind = kind_of(base64.b64decode(url[start : start + _LOOKED_AT]))
    except ValueError:
        kind = None
    name = "data of an unknown kind" if kind is None else kind.name
    return f"{name} of {data.size} {'byte' if data.size == 1 else 'bytes'}"
