"""Conversations as files: messages of the API, one a line, kept as they are; read, asked about and extended as one step."""

import codecs
import errno
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmpipe.core.events import Message
from mmpipe.errors import InputError, OutputError
from mmpipe.text.json_bytes import compact_json, reject_lone_surrogates
from mmpipe.text.strict_json import is_deeper, loads
from mmpipe.unix.folders import sync_folder_of
from mmpipe.unix.locks import is_same_file, lock, pause_until_timeout
from mmpipe.unix.streams import Output

_LARGEST: Final = 64 << 20  # bytes; the service takes no larger request (FACTS.md, "Limits and prices")
_REOPENINGS: Final = 1000
# Far from what Python bears, so that nobody who writes or walks the value has to think of it.
_DEEPEST: Final = 500
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
    line = f"{compact_json(message)}\n"
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
    _file: "_LockedFile"

    def append(self, messages: Sequence[Message]) -> None:
        """Write the messages, all in one write; they are on the disk when it returns.

        If it raises, which is OutputError or what a signal raised, none of them is in the file.
        """
        if messages:
            self._file.append(b"".join(map(message_line, messages)))


@contextmanager
def kept_transcript(
    path: str, *, patience: float, look: Callable[[], None], waiting: Callable[[], None]
) -> Iterator[Transcript]:
    """The conversation in a file, which is made if need be, and belongs to nobody else until the context ends.

    Another process that has it is waited for, up to `patience` seconds: `waiting` is called when that begins, and
    `look` some times a second. Raises Busy, InputError for what is no transcript (and leaves it as it is), OutputError.
    """
    descriptor, is_new = _locked(path, pause_until_timeout(patience, look, waiting))
    try:
        yield _transcript(descriptor, path, is_new=is_new)
    finally:
        if is_new:
            with suppress(OSError):
                _remove_if_empty(descriptor, path)
        os.close(descriptor)


@dataclass(slots=True, eq=False)
class _LockedFile:
    """A file of `size` bytes when last looked at; those behind `end` are to go, and a newline may be missing there."""

    descriptor: int
    path: str
    size: int
    end: int
    lacks_newline: bool
    is_new: bool

    def append(self, lines: bytes) -> None:
        self._check_untouched()
        try:
            self._write(b"\n" + lines if self.lacks_newline else lines)
        except BaseException as error:
            # A part of what was said is worse than nothing of it. Where this fails as well, the next run will do it.
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.end)
            self.size = self.end
            if isinstance(error, OSError):
                raise OutputError.from_os(self.path, error) from error
            raise
        self.size = self.end = self.end + self.lacks_newline + len(lines)
        self.lacks_newline = self.is_new = False

    def _write(self, data: bytes) -> None:
        if self.size > self.end:
            os.ftruncate(self.descriptor, self.end)
        Output(self.descriptor, self.path).write(data)
        os.fdatasync(self.descriptor)
        if self.is_new:
            sync_folder_of(self.path)

    def _check_untouched(self) -> None:
        """Editors ask for no lock: what they wrote must not be cut off, nor may we write to what they put aside."""
        if not is_same_file(self.descriptor, self.path):
            raise OutputError(f"{self.path} was removed or replaced meanwhile; nothing was added to it")
        if os.fstat(self.descriptor).st_size != self.size:
            raise OutputError(
                f"{self.path} was written to by somebody else meanwhile; nothing was added to it"
            )


def _locked(path: str, pauses: Iterator[None]) -> tuple[int, bool]:
    """A locked descriptor of the file that has this name now, and whether it was made for this."""
    for _ in range(_REOPENINGS):
        descriptor, is_new = _open(path)
        try:
            if lock(descriptor, path, pauses):
                return descriptor, is_new
        except BaseException:
            os.close(descriptor)
            raise
        # Renamed, or removed again by who had made it and got no answer.
        os.close(descriptor)
    raise OutputError(f"{path} is replaced by another file again and again")


def _open(path: str) -> tuple[int, bool]:
    # A serial line may not hold up the refusal, nor a terminal become ours.
    how = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        try:
            return os.open(path, how), False
        except FileNotFoundError:
            # A conversation is nobody else's business.
            return os.open(path, how | os.O_CREAT, 0o600), True
    except OSError as error:
        # What a folder and a socket say.
        if error.errno in (errno.EISDIR, errno.ENXIO):
            raise _not_regular(path) from error
        raise OutputError.from_os(path, error) from error


def _not_regular(path: str) -> InputError:
    return InputError(f"{path} is no regular file, in which a conversation could be kept")


def _transcript(descriptor: int, path: str, *, is_new: bool) -> Transcript:
    content = _read(descriptor, path)
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
    file = _LockedFile(descriptor, path, len(content), end, bool(last), is_new or not content)
    return Transcript(path, messages, repaired, file)


def _read(descriptor: int, path: str) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _not_regular(path)
    if status.st_size > _LARGEST:
        raise InputError(f"{path} is larger than {_LARGEST} bytes")
    try:
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(status.st_size)
    except OSError as error:
        raise InputError.from_os(path, error) from error


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
    start += len(codecs.BOM_UTF8) if start == 0 and content.startswith(codecs.BOM_UTF8) else 0
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content[start:end], is_whole)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8: byte {start + error.start} is 0x{error.object[error.start]:02x}"
        ) from error


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
    if is_deeper(value, _DEEPEST):
        raise InputError(f"{place} is nested too deep")
    try:
        reject_lone_surrogates(value)
    except UnicodeEncodeError as error:
        raise InputError(f"{place} holds half a character (a lone surrogate)") from error
    return value
