"""Conversations as files: messages of the API, one a line, kept as they are; read, asked about and extended as one step."""

import codecs
import errno
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmpipe.core.events import Message
from mmpipe.errors import InputError, OutputError
from mmpipe.text.json_encoding import format_json, reject_lone_surrogates
from mmpipe.text.strict_json import MAX_DEPTH, is_deeper, loads
from mmpipe.text.utf8 import describe_utf8_error, measure_bom
from mmpipe.unix.inputs import MAX_PROMPT
from mmpipe.unix.locked_append import LockedFile, open_locked
from mmpipe.unix.locks import is_same_file, pause_until_timeout

_FIRST_LINE: Final = b'{"role":"'  # of a conversation that begins here
_SPACE: Final = " \t\r\n"


def parse_messages(text: str, name: str) -> tuple[Message, ...]:
    """The messages of JSONL, or of one JSON array; raises InputError, saying where in `name` what is wrong."""
    if not _is_array(text):
        return tuple(_messages_of_lines(text, name))
    try:
        values = loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}: line {error.lineno} is not JSON: {_reason(error)}") from error
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {_reason(error)}") from error
    numbered = enumerate(values if isinstance(values, list) else [], 1)
    return tuple(_message(value, f"{name}: message {number}") for number, value in numbered)


def message_line(message: Message) -> bytes:
    """The line of a transcript that holds `message`.

    A half of a character is replaced if it has no other half: nothing that holds one can be sent, and one answer of
    that kind would end the conversation.
    """
    line = f"{format_json(message)}\n"
    try:
        return line.encode()
    except UnicodeEncodeError:
        return line.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


@dataclass(slots=True, eq=False)
class Transcript:
    """The messages of the file as of its opening, and its end to append to.

    `repaired` is a sentence for the user if the last write was torn; what it left goes with the next one.
    """

    path: str
    messages: tuple[Message, ...]
    repaired: str | None
    _file: LockedFile
    _end: int  # of what is kept; the bytes behind it are cut off at the next write
    _lacks_newline: bool

    def append(self, messages: Sequence[Message]) -> None:
        """Write the messages, all in one write; they are on the disk when it returns.

        If it raises, which is OutputError or what a signal raised, none of them is in the file.
        """
        if not messages:
            return
        lines = b"".join(map(message_line, messages))
        # What an editor wrote must not be cut off, and a file that was put aside not be written to.
        self._file.check_untouched("nothing was added to it")
        if self._file.size > self._end:
            self._file.truncate(self._end)
        self._file.append_durably(b"\n" + lines if self._lacks_newline else lines)
        self._end, self._lacks_newline = self._file.size, False


@contextmanager
def kept_transcript(
    path: str, *, patience: float, look: Callable[[], None], waiting: Callable[[], None]
) -> Iterator[Transcript]:
    """The conversation in a file, which is made if need be, and belongs to nobody else until the context ends.

    Another process that has it is waited for, up to `patience` seconds: `waiting` is called when that begins, and
    `look` some times a second. Raises Busy, InputError for what is no transcript (and leaves it as it is), OutputError.
    """
    with closing(_open_locked(path, pause_until_timeout(patience, look, waiting))) as file:
        is_new = file.is_new
        try:
            yield _transcript(file)
        finally:
            if is_new:
                with suppress(OSError):
                    _remove_if_empty(file.descriptor, path)


def _open_locked(path: str, pauses: Iterator[None]) -> LockedFile:
    def check(descriptor: int) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_regular(path)

    try:
        # A conversation is private.
        return open_locked(path, 0o600, check, pauses)
    except OSError as error:
        # The errors of a folder and of a socket.
        if error.errno in (errno.EISDIR, errno.ENXIO):
            raise _not_regular(path) from error
        raise OutputError.from_os(path, error) from error


def _not_regular(path: str) -> InputError:
    return InputError(f"{path} is no regular file, in which a conversation could be kept")


def _transcript(file: LockedFile) -> Transcript:
    path, content = file.path, _read(file)
    start = content.rfind(b"\n") + 1
    # Some file systems leave NULs where a write was under way at power loss.
    last = content[start:].rstrip(b"\0")
    end = start + len(last)
    text, beginning = _decoded(content, 0, start, path), _decoded(content, start, end, path)
    if _is_array(text + beginning):
        raise InputError(f"{path} is one JSON array; -c needs one message a line: `jq -c '.[]'` makes it so")
    messages = tuple(_messages_of_lines(text, path))
    repaired = f"the end of {path} is NULs; they are cut off" if end < len(content) else None
    if repaired is not None and not (messages or last):
        raise InputError(f"{path} is nothing but NULs")
    # What never held a conversation is something else, and nothing of it is to be lost.
    if _is_torn(last) and (messages or last.startswith(_FIRST_LINE)):
        repaired = f"the last line of {path} is torn; it is cut off"
        last, end = b"", start
    else:
        whole = _decoded(content, start, end, path, is_whole=True)
        messages += tuple(_messages_of_lines(whole, path, text.count("\n") + 1))
    # An empty one may be new to the folder, too: whoever made it may not have come to its end.
    file.is_new |= not content
    return Transcript(path, messages, repaired, file, end, bool(last))


def _read(file: LockedFile) -> bytes:
    if file.size > MAX_PROMPT:
        raise InputError(f"{file.path} is larger than {MAX_PROMPT} bytes")
    try:
        with open(file.descriptor, "rb", closefd=False) as content:
            return content.read(file.size)
    except OSError as error:
        raise InputError.from_os(file.path, error) from error


def _remove_if_empty(descriptor: int, path: str) -> None:
    """Nobody should find an empty file after a first question that failed."""
    status = os.fstat(descriptor)
    # A device has no size either, and root could remove it.
    if stat.S_ISREG(status.st_mode) and status.st_size == 0 and is_same_file(descriptor, path):
        Path(path).resolve().unlink()


def _is_torn(last: bytes) -> bool:
    """Whether a torn write of ours can have left it: the beginning of an object is never JSON by itself."""
    if not last.startswith((b"{", b"\0")):
        return False
    try:
        loads(last.decode())
    except ValueError:
        return True
    return False


def _decoded(content: bytes, start: int, end: int, name: str, *, is_whole: bool = False) -> str:
    """A part of the file as text; a character that `end` cuts is left out, unless the part is to be whole."""
    start = start or measure_bom(content)
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content[start:end], is_whole)
    except UnicodeDecodeError as error:
        raise InputError(describe_utf8_error(name, error, start)) from error


def _is_array(text: str) -> bool:
    return text.lstrip(_SPACE).startswith("[")


def _messages_of_lines(text: str, name: str, first: int = 1) -> Iterator[Message]:
    # Not splitlines: it also cuts at characters that may stand inside of a string.
    for number, line in enumerate(text.split("\n"), first):
        if not line.strip(_SPACE):
            continue
        place = f"{name}: line {number}"
        try:
            value = loads(line)
        except ValueError as error:
            raise InputError(f"{place} is not JSON: {_reason(error)}") from error
        yield _message(value, place)


def _reason(error: ValueError) -> str:
    return (
        f"{error.msg.removesuffix(' at')} at character {error.colno}"
        if isinstance(error, json.JSONDecodeError)
        else str(error)
    )


def _message(value: object, place: str) -> Message:
    if not isinstance(value, dict):
        raise InputError(f"{place} is not a JSON object")
    role = value.get("role")
    if not isinstance(role, str) or not role:
        if "role" not in value and "message" in value:
            raise InputError(f"{place} is a record of -F json and no message; -F messages writes those")
        raise InputError(f"{place} has no role, as every message has")
    if is_deeper(value, MAX_DEPTH):
        raise InputError(f"{place} is nested too deep")
    try:
        reject_lone_surrogates(value)
    except UnicodeEncodeError as error:
        raise InputError(f"{place} holds a lone surrogate, which is not valid Unicode") from error
    return value
