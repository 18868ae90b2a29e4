"""`models --live` against a service: what it lists is shown, and each way to fail is told as for a chat."""

import time

import pytest

from mmpipe.config.options import ServiceOptions
from mmpipe.core.catalogue import load_models
from mmpipe.errors import MmpipeError
from mmpipe.models.listing import show_models
from mmpipe.models.options import ListOptions, ModelsOptions
from mmpipe.simulator.headers import RequestTrace
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from mmpipe.unix.streams import Streams
from mmpipe.writers.options import Verbosity
from support.harness import AT_ONCE, KEY, environment, service

TRACE = RequestTrace(seed=0, number=1, now=0).id
LISTED = len(load_models())

FAILURES = {
    "401": 3, "base_resp-1004": 3, "402": 4, "1002": 4, "500": 7, "529": 7, "json-error": 7, "404": 9, "redirect": 9,
    "html": 8, "empty": 8, "cut": 8, "cut-at-frame": 8, "bad-utf8": 8, "bad-json": 8, "choices-null": 8,
    "event-1000": 7, "comments": 5, "hang-mid": 5,
}  # fmt: skip
UNTRACED = {"refuse-late": 6, "hang": 5}


def listed(
    far: RunningSimulator, *, verbose: bool = False, **service: object
) -> tuple[str, str, MmpipeError | None]:
    """Return stdout, stderr and the error."""
    streams = Streams.fake()
    options = ModelsOptions(
        listing=ListOptions(live=True),
        verbosity=Verbosity(verbose=verbose),
        service=ServiceOptions(**service),  # type: ignore[arg-type]
    )
    error: MmpipeError | None = None
    try:
        show_models(options, streams, environment(far))
    except MmpipeError as raised:
        error = raised
    stdout, stderr = streams.captured()
    return stdout.decode(), stderr.decode(), error


def lives(stdout: str) -> list[str]:
    return [line.split("\t")[11] for line in stdout.splitlines()]


@pytest.mark.parametrize("fault", [(), ("bom",), ("slow",)])
def test_what_the_service_lists_is_served(fault: tuple[str, ...]) -> None:
    with service(*fault) as far:
        stdout, stderr, error = listed(far)
        assert (["served"] * LISTED, "", None) == (lives(stdout), stderr, error)
        (request,) = far.requests
        assert ("GET", "/v1/models", None) == (request["method"], request["path"], request["body"] or None)


@pytest.mark.parametrize(("fault", "status"), [*FAILURES.items(), *UNTRACED.items()])
def test_a_failure_has_its_status_its_trace_and_nothing_on_stdout(fault: str, status: int) -> None:
    with service(fault) as far:
        stdout, stderr, error = listed(far, retries=0, idle_timeout=1.0)
        assert error is not None
        assert (status, "", "") == (error.status, stdout, stderr)
        assert (None if fault in UNTRACED else TRACE) == error.request_id
        assert KEY not in error.message


def test_a_wrong_key_is_an_auth_error_and_is_not_shown() -> None:
    with RunningSimulator(SimulatorProfile(key="another")) as far:
        stdout, stderr, error = listed(far, verbose=True)
        assert error is not None
        assert (3, 2049, "") == (error.status, error.api_code, stdout)
        assert KEY not in stderr + error.message


def test_nothing_that_listens_is_a_network_error() -> None:
    with service() as far:
        pass
    _, _, error = listed(far, retries=0)
    assert error is not None
    assert (6, "the connection was refused: no server listens there") == (error.status, error.message)


@pytest.mark.parametrize("fault", ["500:#1", "1002:#1", "refuse-late:#1", "cut:#1"])
def test_what_may_pass_is_asked_again(fault: str) -> None:
    with service(fault) as far:
        stdout, stderr, error = listed(far, verbose=True)
        assert (["served"] * LISTED, None, 2) == (lives(stdout), error, len(far.requests))
        assert "attempt 1 failed" in stderr
        assert f"asking {far.base_url} with the key of: environment" in stderr
        assert KEY not in stderr


def test_a_short_wait_that_the_service_asks_for_is_kept() -> None:
    with service("retry-after=1:#1") as far:
        stdout, _, error = listed(far)
        first, second = (float(str(request["time"])) for request in far.requests)
        assert (["served"] * LISTED, None) == (lives(stdout), error)
        assert second - first >= 0.9


def test_a_service_that_wants_to_be_left_alone_for_a_day_is_given_up_at_once() -> None:
    began = time.monotonic()
    with service("retry-after=99999") as far:
        _, _, error = listed(far)
        assert error is not None
        assert (4, 99999, 1) == (error.status, error.retry_after, len(far.requests))
    assert time.monotonic() - began < AT_ONCE


def test_all_tries_together_have_one_limit() -> None:
    began = time.monotonic()
    with service("hang") as far:
        _, _, error = listed(far, max_time=1, retries=50)
        assert error is not None
        assert 5 == error.status
        assert "--max-time" in error.message
    assert time.monotonic() - began < 1 + AT_ONCE
