"""`models --live` against a service: its list is shown, and each failure is reported as for a chat."""

import time

import pytest

from mmpipe.config.options import ServiceOptions
from mmpipe.core.catalogue import load_models
from mmpipe.errors import ExitStatus, MmpipeError
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
    server: RunningSimulator, *, verbose: bool = False, **service: object
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
        show_models(options, streams, environment(server))
    except MmpipeError as raised:
        error = raised
    stdout, stderr = streams.captured()
    return stdout.decode(), stderr.decode(), error


def lives(stdout: str) -> list[str]:
    return [line.split("\t")[11] for line in stdout.splitlines()]


@pytest.mark.parametrize("fault", [(), ("bom",), ("slow",)])
def test_a_model_in_the_list_of_the_service_is_shown_as_served(fault: tuple[str, ...]) -> None:
    with service(*fault) as server:
        stdout, stderr, error = listed(server)
        assert (["served"] * LISTED, "", None) == (lives(stdout), stderr, error)
        (request,) = server.requests
        assert ("GET", "/v1/models", None) == (request["method"], request["path"], request["body"] or None)


@pytest.mark.parametrize(("fault", "status"), [*FAILURES.items(), *UNTRACED.items()])
def test_a_failure_has_its_status_its_trace_and_nothing_on_stdout(fault: str, status: int) -> None:
    with service(fault) as server:
        stdout, stderr, error = listed(server, retries=0, first_byte_timeout=1.0, idle_timeout=1.0)
        assert error is not None
        assert (status, "", "") == (error.status, stdout, stderr)
        assert (None if fault in UNTRACED else TRACE) == error.request_id
        assert KEY not in error.message


def test_a_wrong_key_is_an_auth_error_and_is_not_shown() -> None:
    with RunningSimulator(SimulatorProfile(key="another")) as server:
        stdout, stderr, error = listed(server, verbose=True)
        assert error is not None
        assert (3, 2049, "") == (error.status, error.api_code, stdout)
        assert KEY not in stderr + error.message


def test_nothing_that_listens_is_a_network_error() -> None:
    with service() as server:
        pass
    _, _, error = listed(server, retries=0)
    assert error is not None
    assert ExitStatus.NETWORK == error.status
    host = server.base_url.removeprefix("http://").removesuffix("/v1")
    assert f"{host}: the connection was refused: no server listens there" == error.message


@pytest.mark.parametrize("fault", ["500:#1", "1002:#1", "refuse-late:#1", "cut:#1"])
def test_a_passing_error_is_retried(fault: str) -> None:
    with service(fault) as server:
        stdout, stderr, error = listed(server, verbose=True)
        assert (["served"] * LISTED, None, 2) == (lives(stdout), error, len(server.requests))
        assert "attempt 1 failed" in stderr
        assert f"asking {server.base_url} with the key of: environment" in stderr
        assert KEY not in stderr


def test_a_short_wait_that_the_service_asks_for_is_kept() -> None:
    with service("retry-after=1:#1") as server:
        stdout, _, error = listed(server)
        first, second = (float(str(request["time"])) for request in server.requests)
        assert (["served"] * LISTED, None) == (lives(stdout), error)
        assert second - first >= 0.9


def test_a_service_that_wants_to_be_left_alone_for_a_day_is_given_up_at_once() -> None:
    began = time.monotonic()
    with service("retry-after=99999") as server:
        _, _, error = listed(server)
        assert error is not None
        assert (4, 99999, 1) == (error.status, error.retry_after, len(server.requests))
    assert time.monotonic() - began < AT_ONCE


def test_all_tries_together_have_one_limit() -> None:
    began = time.monotonic()
    with service("hang") as server:
        _, _, error = listed(server, max_time=1, retries=50)
        assert error is not None
        assert 5 == error.status
        assert "--max-time" in error.message
    assert time.monotonic() - began < 1 + AT_ONCE
