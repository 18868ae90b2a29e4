"""Reads an HTML or XML page as a person does: its title and its first words; pure, and linear in the page's length.

The standard library's parser takes seconds for some pages of 16 kB, since its time grows with their square.
"""

import re
from html import unescape

_BEGINNING = re.compile(r"\s*<(?:!doctype\b|!--|\?xml\b|[a-z][a-z0-9]{0,15}(?:[\s>/]|$))", re.IGNORECASE)
_TAG = re.compile(r"(<[^<>]*>)")
_NAME = re.compile(r"</?([a-z][a-z0-9]*)", re.IGNORECASE)
_UNSEEN = frozenset({"script", "style", "noscript", "template", "svg"})  # elements whose text nobody sees


def is_page(text: str) -> bool:
    """Return True if `text` begins as HTML or XML."""
    return _BEGINNING.match(text) is not None


def describe_page(page: str, limit: int = 300) -> str:
    """Return the title and the first words of a page, without tags, in at most about `limit` characters."""
    title: list[str] = []
    words: list[str] = []
    length = 0
    inside = ""
    for piece in _TAG.split(page):
        name = _NAME.match(piece) if piece.startswith("<") else None
        if name is not None:
            inside = _enter(inside, name[1].lower(), closing=piece.startswith("</"))
        elif not piece.startswith(("<!", "<?")) and inside not in _UNSEEN:
            (title if inside == "title" else words).append(piece)
            length += len(piece.strip())
            if length > 2 * limit:
                break
    heading, text = _plain(title), _plain(words)
    # Pages repeat their title above the text; a longer word that only begins with it stays whole.
    text = f"{text} ".removeprefix(f"{heading} ").strip()
    return f"{heading}: {text}"[:limit] if heading and text else (heading or text)[:limit]


def _enter(inside: str, name: str, *, closing: bool) -> str:
    """The element that is not plain text after a tag; `""` for plain text."""
    if inside:
        return "" if closing and name == inside else inside
    return name if not closing and (name == "title" or name in _UNSEEN) else ""


def _plain(pieces: list[str]) -> str:
    return " ".join(unescape(" ".join(pieces)).split())
