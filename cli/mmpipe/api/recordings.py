"""Records answers in a folder and replays them, so that commands can be tried without the service."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Final

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
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Event, Start
from mmpipe.core.host_identity import identify_endpoint
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError, MmpipeError, NotRecorded, OutputError, UsageError
from mmpipe.unix.replacement import create_beside
from mmpipe.unix.trusted_file import UntrustedFile, read_trusted, replace_trusted

_OWN: Final = 0o600  # the mode of a recording: for its owner alone
# Bytes: an answer and a request of the largest size, each byte of them as an escape, and the times of the pieces.
_LIMIT: Final = 1 << 30
_MANY_PIECES: Final = 10_000  # of one answer


@dataclass(frozen=True, slots=True)
class RecordedHost:
    """The host whose answers are recorded and taken, and its key, which is masked in all files.

    A replay without host and key takes the answers of any host: `identity` is None.
    """

    identity: str | None
    key: Key | None = None


def recorded_host(endpoint: Endpoint | None, find_identity: Callable[[], str | None]) -> RecordedHost:
    """The host of an endpoint; a replay has none, and gets its identity from `find_identity`."""
    if endpoint is None:
        return RecordedHost(find_identity())
    return RecordedHost(identify_endpoint(endpoint), endpoint.key)


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """A recording and its file."""

    path: Path
    recording: Recording


@dataclass(frozen=True, slots=True)
class Recordings:
    """A folder with one file for each request, named by the request's digest, and for further hosts also by the host.

    An error is recorded only if it came from the service, and an answer only if it is whole. An error never replaces
    an answer, which was paid for; nor does an answer replace that of another host. `warn` gets each sentence once.
    """

    folder: Path
    mode: RecordingMode
    host: RecordedHost
    warn: Callable[[str], None]

    def wrap(self, ask: AskOnce | None = None) -> AskOnce:
        """Record or replay around `ask`, which a replay does not need."""

        def ask_once(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
            found = self.find(request)
            if found is not None:
                yield from replay(found, request, limits, observer)
            else:
                assert ask is not None  # noqa: S101  `find` has replayed it, or raised
                with self.record(request, observer) as recorder:
                    yield from ask(request, limits, recorder)

        return ask_once

    def find(self, request: Request) -> FoundRecording | None:
        """The recording to replay; None if the service is to be asked. Raises NotRecorded and InputError."""
        if self.mode == "record":
            return None
        if self.mode == "replay":
            return self._find(request)
        # In place of an error or a damaged file, a new attempt may bring an answer.
        with suppress(InputError, NotRecorded):
            found = self._find(request)
            return None if found.recording.answer is None or found.recording.error is not None else found
        return None

    def _find(self, request: Request) -> FoundRecording:
        """The recording of this request by this host. Raises NotRecorded with the reason, and InputError."""
        paths = self._paths(request)
        reason, unknown = f"there is no {paths[0]}", None
        for path in paths:
            try:
                recording = _read(path)
            except UntrustedFile as error:
                reason = f"{path} is not read: {error.strerror}"
                continue
            if recording is None:
                continue
            found = FoundRecording(path, recording)
            if not recording.answers(request):
                reason = f"{path} holds another request"
            elif recording.host == self.host.identity or None is self.host.identity:
                return found
            elif recording.host is not None:
                reason = f"{path} is of {recording.host}, and not of {self.host.identity}; choose that host to take it"
            else:
                unknown = found
        if unknown is not None and self.mode == "replay":
            self.warn(
                f"recordings without a host, of an older mmpipe, are taken for those of {self.host.identity}"
            )
            return unknown
        if unknown is not None:
            self.warn(
                "recordings without a host, of an older mmpipe, are not taken by --cache: their requests are sent"
            )
        raise NotRecorded(f"this request was not recorded: {reason}")

    def _paths(self, request: Request) -> tuple[Path, ...]:
        """The file of the request; then its file if the first one has an answer of another host."""
        first = self.folder / f"{request.sha256}.json"
        if self.host.identity is None:
            return (first,)
        from hashlib import sha256

        name = sha256(self.host.identity.encode(errors="surrogatepass")).hexdigest()[:16]
        return first, self.folder / f"{request.sha256}-{name}.json"

    @contextmanager
    def record(self, request: Request, observer: Observer) -> Iterator[Observer]:
        """Yield an observer for one attempt; its response is written when the context ends.

        If that fails, `unrecorded` of the observer gets the OutputError: the answer is paid, and still an answer.
        """
        recorder = _ResponseRecorder(observer)
        try:
            yield recorder.observer
        except MmpipeError as error:
            if is_from_service(error) and not self._is_answered(request):
                self._write(request, recorder, error)
            raise
        self._write(request, recorder)

    def _is_answered(self, request: Request) -> bool:
        """True if this host has answered the request."""
        kept = map(_read_if_valid, self._paths(request))
        return any(
            recording is not None and recording.error is None and recording.host == self.host.identity
            for recording in kept
        )

    def _path_to_write(self, request: Request) -> Path:
        """The path of the request's recording, which has no answer of another host."""
        first, second = self._paths(request)
        kept = _read_if_valid(first)
        is_free = kept is None or kept.error is not None or kept.host == self.host.identity
        return first if is_free else second

    def _write(
        self, request: Request, recorder: "_ResponseRecorder", error: MmpipeError | None = None
    ) -> None:
        path = self._path_to_write(request)
        key = None if self.host.key is None else self.host.key.value
        content = format_recording(request.body(), error, recorder.answer, key, self.host.identity)
        try:
            # A name that is lost with the power is only a miss; an empty file would be a bad recording.
            replace_trusted(str(path), content, _OWN)
        except OSError as failure:
            recorder.observer.unrecorded(OutputError.from_os(path, failure))
        else:
            recorder.observer.note(f"recorded to {path}")


def replay(found: FoundRecording, request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
    """The events of the recording, decoded as a response is, but without its pauses."""
    path, recording = found.path, found.recording
    observer.note(f"replayed from {path}")
    try:
        if recording.answer is not None:
            clock = Clock(limits, begins_soon=True)
            read = partial(read_answer, pieces=request.pieces)
            for event in follow(recording.answer.arrivals, read, clock, observer):
                if isinstance(event, Start):
                    yield replace(event, replayed=True, host=recording.host)
                else:
                    yield event
    except FAILURES as error:
        if recording.error is None and not is_from_service(error):
            raise InputError(f"{path} holds no whole answer: {error.sentence}", hint=error.hint) from error
        if recording.error is None:
            # A user wrote an error of the service into the answer. A retry of the replay would bring the same.
            raise error.derived(retryable=False, retry_after=None) from None
    if recording.error is not None:
        raise recording.error.error()


def _read(path: Path) -> Recording | None:
    """The recording in the file, or None without one. Raises UntrustedFile for a file that is not read, InputError."""
    try:
        return parse_recording(read_trusted(str(path), _LIMIT))
    except UntrustedFile:
        raise
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError.from_os(path, error) from error
    except ValueError as error:
        raise InputError(f"{path} is not a recording: {error}") from error


def _read_if_valid(path: Path) -> Recording | None:
    """The recording in the file; None for anything else."""
    with suppress(InputError, UntrustedFile):
        return _read(path)
    return None


class _ResponseRecorder:
    """The head and the pieces of one response with their times; `observer` gets them on their way to another one."""

    def __init__(self, observer: Observer) -> None:
        self._head: ResponseHead | None = None
        self._pieces: list[tuple[int, bytearray]] = []
        self.observer = replace(observer, began=self._begin, received=self._receive)
        self._next, self._since = observer, time.monotonic()

    def _begin(self, head: ResponseHead) -> None:
        self._head, self._pieces = head, []
        self._next.began(head)

    @property
    def answer(self) -> tuple[ResponseHead, list[Timed]] | None:
        """The head and the pieces; after very many, those of one millisecond are one: then time bounds their number."""
        return (
            None if self._head is None else (self._head, [(ms, bytes(piece)) for ms, piece in self._pieces])
        )

    def _receive(self, piece: bytes) -> None:
        ms = round((time.monotonic() - self._since) * 1000)
        if len(self._pieces) < _MANY_PIECES or self._pieces[-1][0] != ms:
            self._pieces.append((ms, bytearray()))
        self._pieces[-1][1].extend(piece)
        self._next.received(piece)


def open_recordings(
    folder: Path, mode: RecordingMode, host: RecordedHost, warn: Callable[[str], None]
) -> Recordings:
    """The recordings of a host in a folder, which is made and tested if the mode writes to it.

    Raises UsageError for a replay without a folder, and OutputError.
    """
    if mode != "replay":
        _check_writable(folder)
    elif not _is_folder(folder):
        raise UsageError(f"there are no recordings to replay: {folder} is not a folder")
    return Recordings(folder, mode, host, cache(warn))


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
