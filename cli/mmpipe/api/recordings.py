"""Keeps answers in a folder and gives them again, so that what asks the service can be tried without it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mmpipe.api.attempt import AskOnce, Observer, follow
from mmpipe.api.exchange import Clock
from mmpipe.api.options import RecordingMode
from mmpipe.api.reception import Head, receive_answer
from mmpipe.api.recorded import FAILURES, Recording, Timed, document, is_told, parse
from mmpipe.core.endpoint import Key
from mmpipe.core.events import Event, Start
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import InputError, MmpipeError, NotRecorded, OutputError, UsageError
from mmpipe.unix.replacement import create_beside, replacement

_OWN = 0o600  # the mode of a recording: for its owner alone


@dataclass(frozen=True, slots=True)
class Recordings:
    """A folder with one file for each request, named by its digest; `key` is what must get into none of them.

    A failure is kept only if the service told it, and an answer only if it came whole. A failure never takes the
    place of an answer, which was paid for.
    """

    folder: Path
    mode: RecordingMode
    key: Key | None

    def path(self, request: Request) -> Path:
        """Where the recording of a request is, or would be."""
        return self.folder / f"{request.sha256}.json"

    def asking(self, ask: AskOnce | None = None) -> AskOnce:
        """What asks like `ask`, which a replay does not need."""

        def once(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
            recording = self.found(request)
            if recording is not None:
                yield from self.replayed(recording, request, limits, observer)
            else:
                assert ask is not None  # noqa: S101  a replay has found it, or raised
                with self.kept(request, observer) as told:
                    yield from ask(request, limits, told)

        return once

    def found(self, request: Request) -> Recording | None:
        """What is to be replayed; None if it is to be asked for. Raises NetworkError if that must not be."""
        if self.mode == "record":
            return None
        if self.mode == "cache":
            # Where it is a failure or damaged, asking again may end better.
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
            return parse(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError.from_os(path, error) from error
        except ValueError as error:
            raise InputError(f"{path} is no recording: {error}") from error

    def replayed(
        self, recording: Recording, request: Request, limits: Limits, observer: Observer
    ) -> Iterator[Event]:
        """The events of the recording, judged as if it came now, but without waiting for what took its time then."""
        observer.note(f"replayed from {self.path(request)}")
        try:
            if recording.answer is not None:
                clock = Clock(limits, begins_soon=True)
                for event in follow(recording.answer.arrivals, receive_answer, clock, observer):
                    yield replace(event, replayed=True) if isinstance(event, Start) else event
        except FAILURES as error:
            if recording.error is None and not is_told(error):
                raise InputError(f"{self.path(request)} holds no whole answer: {error.message}") from error
            if recording.error is None:
                # Somebody wrote an error of the service into the answer. A retry of the replay would bring the same.
                raise error.derived(retryable=False, retry_after=None) from None
        if recording.error is not None:
            raise recording.error.error()

    @contextmanager
    def kept(self, request: Request, observer: Observer) -> Iterator[Observer]:
        """Yield who is to observe the asking; what comes of it is kept when the context ends."""
        tape = _Tape(observer)
        try:
            yield tape.observer
        except MmpipeError as error:
            if is_told(error) and not self._is_answered(request):
                self._keep(request, tape, error)
            raise
        self._keep(request, tape)

    def _is_answered(self, request: Request) -> bool:
        with suppress(InputError):
            recording = self._read(request)
            return recording is not None and recording.error is None
        return False

    def _keep(self, request: Request, tape: "_Tape", error: MmpipeError | None = None) -> None:
        path = self.path(request)
        key = None if self.key is None else self.key.value
        _put(path, document(request.body(), error, tape.head, tape.pieces, key))
        tape.observer.note(f"recorded to {path}")


class _Tape:
    """What comes of one request, and when; `observer` hears of it too."""

    def __init__(self, observer: Observer) -> None:
        self.head: Head | None = None
        self.pieces: list[Timed] = []
        self.observer = replace(observer, began=self._begin, received=self._receive)
        self._told, self._since = observer, time.monotonic()

    def _begin(self, head: Head) -> None:
        self.head = head
        self._told.began(head)

    def _receive(self, piece: bytes) -> None:
        self.pieces.append((round((time.monotonic() - self._since) * 1000), piece))
        self._told.received(piece)


def open_recordings(folder: Path, mode: RecordingMode, key: Key | None) -> Recordings:
    """The recordings in a folder; where something is to be kept it is made if need be, and tried.

    Raises UsageError for a replay of what is not there, and OutputError.
    """
    if mode != "replay":
        _try_out(folder)
    elif not _is_folder(folder):
        raise UsageError(f"there are no recordings to replay: {folder} is no folder")
    return Recordings(folder, mode, key)


def _is_folder(path: Path) -> bool:
    # Where one may not even look, `is_dir` raises.
    with suppress(OSError):
        return path.is_dir()
    return False


def _try_out(folder: Path) -> None:
    """Make the folder if need be, and a file in it, so that nothing is asked whose answer could not be kept."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, descriptor = create_beside(str(folder / "trial"), _OWN)
        os.close(descriptor)
        Path(path).unlink()
    except OSError as error:
        raise OutputError.from_os(folder, error) from error


def _put(path: Path, content: bytes) -> None:
    """Put a file in its place, where others see it whole or not at all. Raises OutputError."""
    try:
        # A name that is lost with the power is only a miss; an empty file would be a bad recording.
        with (
            replacement(str(path), _OWN, syncs_name=False) as descriptor,
            os.fdopen(descriptor, "wb", closefd=False) as file,
        ):
            file.write(content)
    except OSError as error:
        raise OutputError.from_os(path, error) from error
