"""Turns images and videos into parts of a user message, and checks the sizes of such parts; pure.

The kind of a file is read from its first bytes, so that a file of text, such as that of a key, is never attached.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from mmpipe.core.events import Message
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.text.file_advice import ATTACHED, refuse_as_attachment
from mmpipe.text.file_kinds import LOOKED_AT, FileKind, is_text, kind_of
from mmpipe.text.sizes import MAX_REQUEST, MEBIBYTE, format_size
from mmpipe.text.visible import one_line

Part = dict[str, object]
Medium = Literal["image", "video"]

# FACTS.md, "Images and videos". Of two limits on images that MiniMax names, the larger one.
_LIMITS: Final[Mapping[Medium, int]] = {"image": 30 * MEBIBYTE, "video": 50 * MEBIBYTE}

# Media types of files, and those in data URLs: MiniMax has names of its own for MOV and AVI.
_MEDIA_TYPES: Final = {
    "image/png": "image/png",
    "image/jpeg": "image/jpeg",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
    "video/mp4": "video/mp4",
    "video/quicktime": "video/mov",
    "video/x-msvideo": "video/avi",
    "video/x-matroska": "video/x-matroska",
}
LARGE_VIDEO: Final = "a larger video is uploaded first, and attached as mm_file://ID"
_REMEDIES: Final[Mapping[Medium, str]] = {
    "image": "",
    "video": LARGE_VIDEO,
}
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+._-]*)://|(data):", re.IGNORECASE)
_VIDEO_URL: Final = re.compile(r"[^?#]*\.(?:mp4|m4v|mov|avi|mkv)(?:[?#]|$)", re.IGNORECASE)
_DATA_URL: Final = re.compile(r"data:(image|video)/[^,]*;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AttachedData:
    """Image or video inside a message, of so many bytes."""

    medium: Medium
    size: int


def is_url(word: str) -> bool:
    """Return True for a URL of any scheme, False for a path."""
    return _SCHEME.match(word) is not None


def build_url_part(url: str) -> Part:
    """Return the part for a URL, which the service opens itself. Raises InputError for one that it cannot open.

    The ending tells an image from a video; `mm_file://ID` names a video that was uploaded before.
    """
    found = _SCHEME.match(url)
    scheme = "" if found is None else (found[1] or found[2]).lower()
    match scheme:
        case "http" | "https":
            return _build_part("video" if _VIDEO_URL.match(url) else "image", url)
        case "mm_file":
            return _build_part("video", url)
        case "data" if data := _DATA_URL.match(url):
            return _build_part("video" if data[1].lower() == "video" else "image", url)
        case "data":
            raise InputError(
                f"{one_line(url, 40)}: a data: URL must be data:image/TYPE;base64,... or data:video/TYPE;base64,..."
            )
        case "file":
            raise InputError(f"{one_line(url, 60)}: give the path of a file, and no URL")
        case _:
            raise InputError(
                f"{one_line(url, 60)}: the service opens http://, https:// and mm_file:// URLs only"
            )


def build_file_part(content: bytes, name: str, if_text: str = "text belongs in the prompt") -> Part:
    """Return the part with the content of the file `name`, as a data URL.

    Raises InputError for any other kind of file, which names the kind and what to do, and `if_text` says it for text.
    """
    kind = kind_of(content)
    media_type = None if kind is None else _MEDIA_TYPES.get(kind.media_type or "")
    if media_type is None:
        sentence, hint = _refuse(kind, content, name, if_text)
        raise InputError(sentence, hint=hint)
    medium: Medium = "video" if media_type.startswith("video") else "image"
    return _build_part(medium, f"data:{media_type};base64,{base64.b64encode(content).decode()}")


def build_content(text: str, parts: Sequence[Part]) -> str | list[Part]:
    """Return the content of a user message: the text, and then the parts, as in the samples of the service."""
    if not parts:
        return text
    texts: list[Part] = [{"type": "text", "text": text}] if text else []
    return [*texts, *parts]


def measure_data(part: object) -> AttachedData | None:
    """Return the kind and size of the image or video inside a part; None for any other part. Decodes nothing."""
    url, medium = find_url(part)
    if medium is None or url[:5].lower() != "data:":
        return None
    length = len(url) - url.find(",") - 1
    padding = 2 if url.endswith("==") else 1 if url.endswith("=") else 0
    return AttachedData(medium, length * 3 // 4 - padding)


def find_url(part: object) -> tuple[str, Medium | None]:
    """Return the URL of a part, and the medium that its type names; `("", None)` for any other part."""
    if isinstance(part, dict):
        media: tuple[Medium, ...] = ("image", "video")
        for medium in media:
            field = f"{medium}_url"
            if part.get("type") == field:
                value = part.get(field)
                url = value.get("url") if isinstance(value, dict) else value
                return (url if isinstance(url, str) else ""), medium
    return "", None


def check_sizes(messages: Iterable[Message], model: str) -> None:
    """Raise InputError for images and videos that are larger than the service takes, alone or together with all text."""
    whole = 0
    for message in messages:
        content = message.get("content")
        whole += len(content) if isinstance(content, str) else 0
        counts = {"image": 0, "video": 0}
        for part in content if isinstance(content, list) else ():
            data = measure_data(part)
            if data is None:
                whole += len(str(part.get("text", ""))) if isinstance(part, dict) else 0
                continue
            counts[data.medium] += 1
            whole += data.size * 4 // 3
            if data.size > _LIMITS[data.medium]:
                raise InputError(
                    f"{data.medium} {counts[data.medium]} has {format_size(data.size)}: {model} takes "
                    f"{data.medium}s of up to {format_size(_LIMITS[data.medium])}",
                    hint=_REMEDIES[data.medium],
                )
    if whole > MAX_REQUEST:
        raise InputError(
            f"the request has {format_size(whole)}, in which a file is a third larger: the service takes "
            f"{format_size(MAX_REQUEST)}",
            hint="attach fewer or smaller files, or their URLs",
        )


def _build_part(medium: Medium, url: str) -> Part:
    field = f"{medium}_url"
    return {"type": field, field: {"url": url}}


def _refuse(kind: FileKind | None, content: bytes, name: str, if_text: str) -> tuple[str, str]:
    """Return the sentence and the hint about a file that cannot be attached."""
    if kind is not None and kind.family != "text":
        return refuse_as_attachment(kind, name)
    shown = one_line(name, 200)
    if not content:
        return f"{shown} is empty: {ATTACHED}", ""
    if kind is not None or is_text(content[:LOOKED_AT], is_whole=len(content) <= LOOKED_AT):
        return f"{shown} is text, and no image: {if_text}", ""
    return f"{shown} is of an unknown kind: {ATTACHED}", ""
