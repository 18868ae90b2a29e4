"""Reads the images and videos of `-a` into parts of the user's message."""

from collections.abc import Sequence

from mmpipe.core.attachments import LARGE_VIDEO, Part, build_file_part, build_url_part, is_url
from mmpipe.unix.inputs import Inputs, NamedInput, decode_argument


def read_attachments(words: Sequence[str], inputs: Inputs) -> list[Part]:
    """Return the parts for paths and URLs, in their order; the service opens URLs itself.

    Raises InputError for a file that cannot be read or attached, and for a URL that the service cannot open.
    """
    return [
        build_url_part(decode_argument(word, "-a")) if is_url(word) else _read_file(word, inputs)
        for word in words
    ]


def _read_file(path: str, inputs: Inputs) -> Part:
    content = inputs.read_bytes(NamedInput("-a", path), expected=True, if_larger=LARGE_VIDEO)
    return build_file_part(content, inputs.name(path), "-f adds it to the prompt")
