"""All errors, as one tree; each branch is one exit status, as README and the man page list them.

`api/refusals/codes.py` maps the codes of the API to these classes.

MmpipeError
├── Internal       1   a bug in mmpipe
│   └── BrokenPool     nothing can be asked any more, which ends the run
├── UsageError     2   bad option, configuration or base URL
├── AuthError      3   no key, or a key that the host refuses
│   └── Forbidden      one request is refused, not the key
├── QuotaError     4   rate, balance or plan
├── TimedOut       5   connect, first byte, idle, total
├── NetworkError   6   DNS, refused, reset, TLS, proxy
│   ├── NotRecorded    a replay has no answer for the request
│   └── NoWorkers      the cluster has no worker left, which ends the run
├── ServerError    7   the service failed
├── BadResponse    8   truncated, not JSON, no answer in it
│   └── InvalidAnswer  no text that --schema or --extract accepts (structured/repair.py)
├── Rejected       9   the service refuses the request
├── Filtered      10   content moderation
├── CutShort      11   finish_reason length
├── InputError    12   unreadable, empty or undecodable input
├── OutputError   13   disk full, I/O error, closed stdout
├── Partial       14   some records of a batch failed
│   └── ListedPartial  the report on the terminal has listed them already
├── Busy          15   another run holds the journal or the conversation
└── ToolError     16   a tool call that was not allowed, or failed
PipeClosed             the reader of standard output has gone: die by SIGPIPE
Interrupted            a signal asked the process to end: die by it
"""

from enum import IntEnum
from errno import EISDIR
from typing import ClassVar, Final, Self, TypedDict, Unpack


class ExitStatus(IntEnum):
    """The exit statuses; new ones may be added, and none ever changes."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    AUTH = 3
    QUOTA = 4
    TIMEOUT = 5
    NETWORK = 6
    SERVER = 7
    BAD_RESPONSE = 8
    REJECTED = 9
    FILTERED = 10
    CUT_SHORT = 11
    INPUT = 12
    OUTPUT = 13
    PARTIAL = 14
    BUSY = 15
    TOOL = 16

    @property
    def label(self) -> str:
        """The name in JSON, such as `bad response`."""
        return self.name.lower().replace("_", " ")


class ErrorFields(TypedDict, total=False):
    """The fields that `MmpipeError.derived` may change."""

    sentence: str
    hint: str
    request_id: str | None
    retryable: bool
    retry_after: float | None


class MmpipeError(Exception):
    """An error with a sentence for the user, a hint at what to do next, and one exit status; `message` is both as one line.

    `http` and `api_code` are the service's own (FACTS.md, "Error bodies"), `request_id` is its trace id. The same
    request may succeed later if `retryable`, and after `retry_after` seconds if that is known.
    """

    status: ClassVar[ExitStatus] = ExitStatus.INTERNAL

    def __init__(
        self,
        sentence: str,
        *,
        hint: str = "",
        http: int | None = None,
        api_code: int | None = None,
        request_id: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence: Final = sentence
        self.hint: Final = hint
        self.http: Final = http
        self.api_code: Final = api_code
        self.request_id: Final = request_id
        self.retryable: Final = retryable
        self.retry_after: Final = retry_after

    @property
    def message(self) -> str:
        """The sentence and the hint, as in logs and in JSON."""
        return f"{self.sentence}; {self.hint}" if self.hint else self.sentence

    def __str__(self) -> str:
        return self.message

    def derived(self, **changes: Unpack[ErrorFields]) -> Self:
        """A new error of the same class with other values in some fields; an error that was raised stays as it is."""
        found = type(self).__new__(type(self), changes.get("sentence", self.sentence))
        vars(found).update(vars(self) | changes)
        return found

    def as_json(self) -> dict[str, object]:
        """The object of `--error-json`, of JSONL error events and of batch records."""
        return {
            "code": int(self.status),
            "name": self.status.label,
            "http": self.http,
            "api_code": self.api_code,
            "message": self.message,
            "retryable": self.retryable,
            "retry_after": self.retry_after,
            "request_id": self.request_id,
        }


class Internal(MmpipeError):
    """A bug in mmpipe."""

    @classmethod
    def of_bug(cls, error: Exception) -> Self:
        """The error that reports an exception that nobody expected, and its place."""
        import traceback

        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.name}, line {frame.lineno}"
        return cls(f"a bug in mmpipe: {type(error).__name__}: {error} ({place})")


class BrokenPool(Internal):
    """A bug in the pool of a run, or no memory for it, and not in one request; the run ends."""


class UsageError(MmpipeError):
    """A bad option, setting or base URL."""

    status = ExitStatus.USAGE


class AuthError(MmpipeError):
    """No key, or a key that the host refuses."""

    status = ExitStatus.AUTH


class Forbidden(AuthError):
    """A host or firewall refuses one request, and does not say that it is for the key; the next one may pass."""


class QuotaError(MmpipeError):
    """A rate limit, an empty balance or a used-up plan."""

    status = ExitStatus.QUOTA


class TimedOut(MmpipeError):
    """A time limit was reached: one of the user's, or the service's own."""

    status = ExitStatus.TIMEOUT


class NetworkError(MmpipeError):
    """No connection to the service, or one that broke before the answer."""

    status = ExitStatus.NETWORK


class NotRecorded(NetworkError):
    """A replay has no answer for the request; it may have one for the next request."""


class NoWorkers(NetworkError):
    """A cluster has had no worker for too long; the run ends."""


class ServerError(MmpipeError):
    """The service failed on its side."""

    status = ExitStatus.SERVER


class BadResponse(MmpipeError):
    """A response that is not a whole, valid answer."""

    status = ExitStatus.BAD_RESPONSE


class Rejected(MmpipeError):
    """The service refuses the request as it is."""

    status = ExitStatus.REJECTED


class Filtered(MmpipeError):
    """Content moderation stopped the prompt or the answer."""

    status = ExitStatus.FILTERED


class CutShort(MmpipeError):
    """The answer ended at its length limit."""

    status = ExitStatus.CUT_SHORT


class InputError(MmpipeError):
    """Input that cannot be read, decoded or used."""

    status = ExitStatus.INPUT

    @classmethod
    def from_os(cls, name: object, error: OSError) -> Self:
        """Return the error for a failed read of the file or descriptor of that name."""
        hint = "name the files in it, as DIR/* does" if error.errno == EISDIR else ""
        return cls(f"cannot read {name}: {error.strerror}", hint=hint)


class OutputError(MmpipeError):
    """Output that cannot be written."""

    status = ExitStatus.OUTPUT

    @classmethod
    def from_os(cls, name: object, error: OSError) -> Self:
        """The error for a failed write to the file or descriptor of that name."""
        return cls(f"cannot write to {name}: {error.strerror}")


class Partial(MmpipeError):
    """A batch ended, and some of its records failed."""

    status = ExitStatus.PARTIAL


class ListedPartial(Partial):
    """Partial, where the report on the terminal has listed the failures and the exit status already."""


class Busy(MmpipeError):
    """A file that another run has locked."""

    status = ExitStatus.BUSY


class ToolError(MmpipeError):
    """A tool call that was not allowed, failed, or exceeded its limits."""

    status = ExitStatus.TOOL


class PipeClosed(Exception):
    """The reader of standard output has gone; the process dies by SIGPIPE without a message."""


class Interrupted(BaseException):
    """A signal asked the process to end; the process dies by that signal after cleaning up."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def is_of_process(error: Exception) -> bool:
    """Return true for an exception that ends the run, since it concerns the process and no single record."""
    return isinstance(error, OSError | MemoryError | ImportError) or is_without_thread(error)


def is_without_thread(error: Exception) -> bool:
    """Return true if the system started no thread, for which Python has no class of its own."""
    return isinstance(error, RuntimeError) and str(error) == "can't start new thread"
