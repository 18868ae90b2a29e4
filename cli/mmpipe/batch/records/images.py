"""Reads the images that a record names: files, by paths that are relative to the current folder, and URLs.

A record may come from elsewhere. So only regular files are read, and only images and videos are sent: never a file of text,
such as that of a key.
"""

from collections.abc import Sequence

from mmpipe.batch.records.json_value import parse_json
from mmpipe.core.attachments import (
    LARGE_VIDEO,
    Part,
    build_file_part,
    build_url_part,
    find_url,
    is_url,
)
from mmpipe.errors import InputError
from mmpipe.text.sizes import MAX_REQUEST, TooLong, describe_too_large
from mmpipe.text.visible import one_line
from mmpipe.unix.regular_file import read_regular


def list_images(value: object) -> Sequence[str]:
    """Return the paths and URLs in a field: a list, one of them, or a list as JSON (in a cell of CSV). Raises InputError."""
    if value is None:
        return ()
    words = _split_cell(value) if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise InputError("its images are not a list of paths and URLs")
    return words


def names_file(value: object) -> bool:
    """Return True if the field, which was read, names a file: its content may change without the record."""
    return not all(map(is_url, list_images(value)))


def read_images(value: object) -> list[Part]:
    """Return the parts for the images of a field. Raises InputError, before more is read than a request may hold."""
    parts: list[Part] = []
    left = MAX_REQUEST
    for word in list_images(value):
        part = build_url_part(word) if is_url(word) else _read_file(word, left)
        left -= len(find_url(part)[0])
        if left < 0:
            raise _too_large(word)
        parts.append(part)
    return parts


def _too_large(last: str) -> InputError:
    """Return the error for images that are too large from this one on."""
    too_large = describe_too_large(f"the record with {one_line(last, 200)}")
    return InputError(
        f"{too_large}, in which a file is a third larger: name fewer or smaller files, or their URLs",
        hint=LARGE_VIDEO,
    )


def _split_cell(cell: str) -> object:
    if cell.lstrip().startswith("["):
        try:
            return parse_json(cell)
        except InputError:
            return [cell]
    return [cell] if cell.strip() else []


def _read_file(path: str, limit: int) -> Part:
    try:
        content = read_regular(path, limit)
    except TooLong as error:
        raise _too_large(path) from error
    except OSError as error:
        raise InputError.from_os(one_line(path, 200), error) from error
    except ValueError as error:
        raise InputError(f"cannot read {one_line(repr(path), 200)}: {error}") from error
    return build_file_part(content, path)
