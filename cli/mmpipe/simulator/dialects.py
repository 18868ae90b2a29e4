"""Name the ways in which streams of this API have been seen to differ."""

from enum import StrEnum


class Dialect(StrEnum):
    """One way to differ; several can be spoken at once (the facts: api_facts 1.3, 2.5 and 5)."""

    INCREMENTAL = "incremental"
    """The default: every chunk holds only what is new."""
    CUMULATIVE = "cumulative"
    """Every chunk repeats the whole text so far, as the official sample assumes."""
    LAST_FRAME_MESSAGE = "last-frame-message"
    """Generation G0: zero usage in each chunk, and a last frame with ``message`` for ``delta``."""
    DONE = "done"
    """The stream ends with ``data: [DONE]``."""
    MIRRORED = "mirrored"
    """Without ``reasoning_split`` the thinking is in ``<think>`` and in ``reasoning_content`` too."""
    LEFTOVER_CLOSER = "leftover-closer"
    """Split thinking ends with a literal closer, cut in two; if disabled, the answer begins with one."""
    NO_OPENING_TAG = "no-opening-tag"
    """Native content lacks ``<think>`` and only closes it."""
    MM_CLOSER = "mm-closer"
    """Native thinking is closed by ``</mm:think>``."""
    SEVERAL_BLOCKS = "several-blocks"
    """Native content thinks twice in one turn."""
    TAG_CUT = "tag-cut"
    """Native content comes a character at a time in and around the tags."""
    CRLF = "crlf"
    """Lines end with CRLF, and comments stand between the events."""
    NO_USAGE = "no-usage"
    """Usage is never told."""
