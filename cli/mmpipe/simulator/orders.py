"""Find the order (``sim:...``) in a user message: at its beginning, or where a framework put the prompt.

An order at the beginning goes to the end of the message. Agent frameworks send the prompt after words of their own, as
a part of a list, or as a string inside JSON. There an order begins a later line or such a string; it ends with the
string, or before a blank line that no order follows, a fence of Markdown or a closing tag. Words of the framework after
the JSON arguments of a call are left out.
"""

import ast
import json
import re

from mmpipe.simulator.json_text import Json

_NAMES = r"sim:(?:echo|think|length|chunks|empty|turns|tool|say)\b"
_WRAPPED = re.compile(
    rf"^(?P<indent>[ \t]*)(?={_NAMES})"
    rf"""|(?:^|\[|["'][ \t]*:)[ \t]*(?:(?P<json>"{_NAMES}(?:[^"\\\n]|\\.)*+")|"""
    rf"(?P<python>'{_NAMES}(?:[^'\\\n]|\\.)*+'))[ \t]*(?=[,\]}}\r]|$)",
    re.MULTILINE,
)
_END = re.compile(r"\r?\n(?=[ \t]*(?:```|~~~|</))|(?:\r?\n[ \t]*){2,}+(?!sim:)")
_CALL = re.compile(r"^sim:tool[ \t]+\S+[ \t]+(?=[{\[])", re.MULTILINE)
_ORDER_LINE = re.compile(r"^sim:", re.MULTILINE)
_DECODER = json.JSONDecoder()


def text_of(message: Json) -> str:
    """Return the text of a message; images say nothing, and M2.x ignores them (FACTS.md, "Parameters")."""
    return "".join(_texts(message))


def find_order(message: Json) -> str | None:
    """Return the order in a message, from ``sim:`` on; None if it has none."""
    whole = text_of(message)
    if whole.startswith("sim:"):
        return whole
    found = (_find(text) for text in _texts(message) if "sim:" in text)
    return next((order for order in found if order), None)


def _texts(message: Json) -> list[str]:
    content = message.get("content")
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return [text for text in texts if isinstance(text, str)]
    return [content] if isinstance(content, str) else []


def _find(text: str) -> str | None:
    if text.startswith("sim:"):
        return text
    match = _WRAPPED.search(text)
    if not match:
        return None
    quoted = match["json"] or match["python"]
    if quoted:
        return _unquote(quoted)
    order = re.sub(f"^{match['indent']}", "", text[match.start() :], flags=re.MULTILINE)
    end = _END.search(order)
    return _without_words_after_calls(order[: end.start()] if end else order.rstrip("\r\n"))


def _unquote(quoted: str) -> str | None:
    try:
        return str(json.loads(quoted) if quoted.startswith('"') else ast.literal_eval(quoted))
    except (ValueError, SyntaxError):
        return None


def _without_words_after_calls(order: str) -> str:
    kept: list[str] = []
    end = 0
    for call in _CALL.finditer(order):
        try:
            _, stop = _DECODER.raw_decode(order, call.end())
        except (ValueError, RecursionError):
            continue
        following = _ORDER_LINE.search(order, stop)
        kept.append(order[end:stop] + ("\n" if following else ""))
        end = following.start() if following else len(order)
    return "".join(kept) + order[end:]
