"""Records answers in a folder and replays them, so that commands can be tried without the service."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mmpipe.api.answer.response import read_answer
from mmpipe.api.attempt import AskOnce, Observer, follow
from mmpipe.api.http.exchange import Clock
from mmpipe.api.options import RecordingMode
from mmpipe.api.recording_file import (
    FAILURES,
    Recording,
    Timed,
    format_recording,
    is_from_service,
    parse_recording,
)
from mmpipe.api.response_head import ResponseHead
from mmpipe.core.endpoint import Key
from mmpipe.core.events import Event, Start
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import InputError, MmpipeError, NotRecorded, OutputError, UsageError
from mmpipe.unix.replacement import create_beside, open_replacement

_OWN = 0o600  # the mode of a recording: for its owner alone


@dataclass(frozen=True, slots=True)
class Recordings:
    """A folder with one file for each request, named by the request's digest; `key` is masked in all of them.

    An error is recorded only if it came from the service, and an answer only if it is whole. An error never replaces
    an answer, which was paid for.
    """

    folder: Path
    mode: RecordingMode
    key: Key | None

    def path(self, request: Request) -> Path:
        """The path of the recording of a request, whether it exists or not."""
        return self.folder / f"{request.sha256}.json"

    def wrap(self, ask: AskOnce | None = None) -> AskOnce:
        """Record or replay around `ask`, which a replay does not need."""

        def ask_once(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
            recording = self.find(request)
            if recording is not None:
                yield from self.replay(recording, request, limits, observer)
            else:
                assert ask is not None  # noqa: S101  `find` has replayed it, or raised
                with self.record(request, observer) as recorder:
                    yield from ask(request, limits, recorder)

        return ask_once

    def find(self, request: Request) -> Recording | None:
        """The recording to replay; None if the service is to be asked. Raises NotRecorded and InputError."""
        if self.mode == "record":
            return None
        if self.mode == "cache":
            # In place of an error or a damaged file, a new attempt may bring an answer.
            with suppress(InputError):
                recording = self._read(request)
                return None if recording is None or recording.error is not None else recording
            return None
        recording = self._read(request)
        if recording is None:
            raise NotRecorded(f"this request was not recorded: there is no {self.path(request)}")
        return recording

    def _read(self, request: Request) -> Recording | None:
        path = self.path(request)
        try:
            return parse_recording(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError.from_os(path, error) from error
        except ValueError as error:
            raise InputError(f"{path} is not a recording: {error}") from error

    def replay(
        self, recording: Recording, request: Request, limits: Limits, observer: Observer
    ) -> Iterator[Event]:
        """The events of the recording, decoded as a response is, but without its pauses."""
        observer.note(f"replayed from {self.path(request)}")
        try:
            if recording.answer is not None:
                clock = Clock(limits, begins_soon=True)
                for event in follow(recording.answer.arrivals, read_answer, clock, observer):
                    yield replace(event, replayed=True) if isinstance(event, Start) else event
        except FAILURES as error:
            if recording.error is None and not is_from_service(error):
                raise InputError(f"{self.path(request)} holds no whole answer: {error.message}") from error
            if recording.error is None:
                # A user wrote an error of the service into the answer. A retry of the replay would bring the same.
                raise error.derived(retryable=False, retry_after=None) from None
        if recording.error is not None:
            raise recording.error.error()

    @contextmanager
    def record(self, request: Request, observer: Observer) -> Iterator[Observer]:
        """Yield an observer for one attempt; its response is written when the context ends. Raises OutputError."""
        recorder = _ResponseRecorder(observer)
        try:
            yield recorder.observer
        except MmpipeError as error:
            if is_from_service(error) and not self._is_answered(request):
                self._write(request, recorder, error)
            raise
        self._write(request, recorder)

    def _is_answered(self, request: Request) -> bool:
        with suppress(InputError):
            recording = self._read(request)
            return recording is not None and recording.error is None
        return False

    def _write(
        self, request: Request, recorder: "_ResponseRecorder", error: MmpipeError | None = None
    ) -> None:
        path = self.path(request)
        key = None if self.key is None else self.key.value
        content = format_recording(request.body(), error, recorder.head, recorder.pieces, key)
        try:
            # A name that is lost with the power is only a miss; an empty file would be a bad recording.
            with (
                open_replacement(str(path), _OWN, syncs_name=False) as descriptor,
                os.fdopen(descriptor, "wb", closefd=False) as file,
            ):
                file.write(content)
        except OSError as failure:
            raise OutputError.from_os(path, failure) from failure
        recorder.observer.note(f"recorded to {path}")


class _ResponseRecorder:
    """The head and the pieces of one response with their times; `observer` gets them on their way to another one."""

    def __init__(self, observer: Observer) -> None:
        self.head: ResponseHead | None = None
        self.pieces: list[Timed] = []
        self.observer = replace(observer, began=self._begin, received=self._receive)
        self._next, self._since = observer, time.monotonic()

    def _begin(self, head: ResponseHead) -> None:
        self.head = head
        self._next.began(head)

    def _receive(self, piece: bytes) -> None:
        self.pieces.append((round((time.monotonic() - self._since) * 1000), piece))
        self._next.received(piece)


def open_recordings(folder: Path, mode: RecordingMode, key: Key | None) -> Recordings:
    """The recordings in a folder, which is made and tested if the mode writes to it.

    Raises UsageError for a replay without a folder, and OutputError.
    """
    if mode != "replay":
        _check_writable(folder)
    elif not _is_folder(folder):
        raise UsageError(f"there are no recordings to replay: {folder} is not a folder")
    return Recordings(folder, mode, key)


def _is_folder(path: Path) -> bool:
    # `is_dir` raises where permissions forbid the lookup.
    with suppress(OSError):
        return path.is_dir()
    return False


def _check_writable(folder: Path) -> None:
    """Make the folder and a file in it, so that no answer is paid for that could not be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, descriptor = create_beside(str(folder / "trial"), _OWN)
        os.close(descriptor)
        Path(path).unlink()
    except OSError as error:
        raise OutputError.from_os(folder, error) from error
