"""A failed connection is named by its innermost cause."""

import socket
import ssl

import pytest

from mmpipe.api.http.routes import Route
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.errors import BadResponse, ExitStatus

pytestmark = pytest.mark.faults

ROUTE = Route("https", "api.example", 443)


def wrapped(inner: BaseException) -> Exception:
    """As the SDK hands errors on: two or three deep."""
    try:
        try:
            raise inner  # noqa: TRY301  the chain is what is made here
        except BaseException as error:
            raise RuntimeError("Connection error.") from error
    except RuntimeError as error:
        return error


def named(name: str, words: str = "") -> Exception:
    """An exception of httpx2 or httpcore2, which are known here by their names."""
    kind: type[Exception] = type(name, (Exception,), {})
    return kind(words)


@pytest.mark.parametrize(
    ("error", "status", "retryable"),
    [
        (ConnectionRefusedError(), ExitStatus.NETWORK, True),
        (ConnectionResetError(), ExitStatus.NETWORK, True),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), ExitStatus.NETWORK, True),
        (socket.gaierror(socket.EAI_NONAME, "not known"), ExitStatus.NETWORK, False),
        (ssl.SSLCertVerificationError("self-signed"), ExitStatus.NETWORK, False),
        (ssl.SSLError("wrong version"), ExitStatus.NETWORK, False),
        (UnicodeError("label too long"), ExitStatus.USAGE, False),
        (named("ConnectTimeout"), ExitStatus.TIMEOUT, True),
        (named("ReadTimeout"), ExitStatus.TIMEOUT, True),
        (named("InvalidURL", "bad"), ExitStatus.USAGE, False),
        (named("ReadError", "odd"), ExitStatus.NETWORK, True),
    ],
)
def test_each_cause_has_its_status(error: Exception, status: ExitStatus, retryable: bool) -> None:
    for candidate in (error, wrapped(error), wrapped(wrapped(error))):
        found = explain_error(candidate, ROUTE)
        assert found is not None
        assert (status, retryable) == (found.status, found.retryable)


def test_an_error_of_ours_is_handed_on_as_it_is() -> None:
    ours = BadResponse("compressed")
    assert ours is explain_error(wrapped(ours), ROUTE)


def test_a_bug_is_not_explained_away() -> None:
    assert None is explain_error(ValueError("a bug"), ROUTE)
