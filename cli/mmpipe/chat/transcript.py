"""Transcripts of conversations as files: one message a line; locked while the next answer is asked, then extended."""

import codecs
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mmpipe.chat.message_lines import format_line, is_array, parse_lines
from mmpipe.core.events import Message
from mmpipe.errors import InputError, OutputError
from mmpipe.text.sizes import MAX_REQUEST, describe_too_large
from mmpipe.text.strict_json import loads
from mmpipe.text.utf8 import describe_utf8_error, measure_bom
from mmpipe.unix.locked_append import LockedFile, open_locked
from mmpipe.unix.locks import pause_until_timeout
from mmpipe.unix.streams import close_at_end

_FIRST_LINE: Final = b'{"role":"'  # the beginning of a transcript that mmpipe wrote
_NOTHING_ADDED: Final = "nothing was added to it"


@dataclass(slots=True, eq=False)
class Transcript:
    """The messages that the file held on opening, and the file to append to.

    `repaired` is a sentence for the user if the last write was torn; its rest is cut off before the next write.
    """

    messages: tuple[Message, ...]
    repaired: str | None
    _file: LockedFile
    _end: int  # of the messages; the bytes behind it are cut off before the next write
    _lacks_newline: bool

    @property
    def path(self) -> str:
        """The name that the file was opened by."""
        return self._file.path

    def append(self, messages: Sequence[Message]) -> None:
        """Append the messages in one write; they are on the disk on return.

        Raises OutputError, or the exception of a signal; then the file holds none of them.
        """
        if not messages:
            return
        lines = b"".join(map(format_line, messages))
        # The text of an editor must not be cut off, and a file that was put aside must not be written to.
        self._file.check_untouched(if_gone=_NOTHING_ADDED, if_changed=_NOTHING_ADDED)
        if self._file.size > self._end:
            self._file.truncate(self._end)
        self._file.append_durably(b"\n" + lines if self._lacks_newline else lines)
        self._end, self._lacks_newline = self._file.size, False


@contextmanager
def open_transcript(
    path: str, *, patience: float, look: Callable[[], None], waiting: Callable[[], None]
) -> Iterator[Transcript]:
    """Open the transcript, or make it, and hold its lock until the context ends; one that stays empty is removed.

    A lock of another process is awaited for up to `patience` seconds: `waiting` is called once, `look` several times a
    second. Raises Busy, OutputError, and InputError for a file that is no transcript, which is left as it is.
    """
    file = _open_locked(path, pause_until_timeout(patience, look, waiting))
    with close_at_end(file.output):
        is_new = file.is_new
        try:
            yield _read_transcript(file)
        finally:
            if is_new:
                file.remove_if_empty()


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


def _read_transcript(file: LockedFile) -> Transcript:
    path, content = file.path, _read_content(file)
    start = content.rfind(b"\n") + 1
    # Some file systems leave NULs in place of a write that was under way at a power cut.
    last = content[start:].rstrip(b"\0")
    end = start + len(last)
    text, beginning = _decode(content, 0, start, path), _decode(content, start, end, path)
    if is_array(text + beginning):
        raise InputError(
            f"{path} is one JSON array", hint="-c needs one message a line: `jq -c '.[]'` makes it so"
        )
    messages = tuple(parse_lines(text, path))
    repaired = f"the end of {path} is NULs; they are cut off" if end < len(content) else None
    if repaired is not None and not (messages or last):
        raise InputError(f"{path} is nothing but NULs")
    # Only a transcript is repaired: no other file may lose anything.
    if _is_torn(last) and (messages or last.startswith(_FIRST_LINE)):
        repaired = f"the last line of {path} is torn; it is cut off"
        last, end = b"", start
    else:
        whole = _decode(content, start, end, path, is_whole=True)
        messages += tuple(parse_lines(whole, path, text.count("\n") + 1))
    # The folder may not have been synced since an empty file was made: its process may have been killed.
    file.is_new |= not content
    return Transcript(messages, repaired, file, end, bool(last))


def _read_content(file: LockedFile) -> bytes:
    if file.size > MAX_REQUEST:
        raise InputError(describe_too_large(file.path))
    try:
        with open(file.descriptor, "rb", closefd=False) as content:
            return content.read(file.size)
    except OSError as error:
        raise InputError.from_os(file.path, error) from error


def _is_torn(last: bytes) -> bool:
    """True if the line may be the rest of a torn write: the beginning of an object, which is never JSON by itself."""
    if not last.startswith((b"{", b"\0")):
        return False
    try:
        loads(last.decode())
    except ValueError:
        return True
    return False


def _decode(content: bytes, start: int, end: int, name: str, *, is_whole: bool = False) -> str:
    """Decode a part of the file; a character that `end` cuts is dropped, or an error if the part `is_whole`."""
    start = start or measure_bom(content)
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content[start:end], is_whole)
    except UnicodeDecodeError as error:
        raise InputError(describe_utf8_error(name, error, start)) from error
