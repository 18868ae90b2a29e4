"""Every request has one record, in the log and in memory, without the key."""

import json
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from support.harness import eventually
from support.simulator_client import KEY, STREAM, Json, ask, begun, chat, simulator


def lines(log: Path) -> list[Json]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def settled(running: RunningSimulator, number: int) -> list[Json]:
    eventually(lambda: len(running.requests) >= number, "the requests")
    return running.requests


def test_a_record_has_all_of_a_request(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with simulator("529:#1", log=log) as running:
        ask(running, chat())
        record = running.requests[0]
    assert lines(log) == [record]
    assert list(record) == [
        "time",
        "method",
        "path",
        "headers",
        "body",
        "status",
        "fault",
        "answered",
        "duration",
    ]
    assert (record["method"], record["path"], record["body"]) == ("POST", "/v1/chat/completions", chat())
    assert (record["status"], record["fault"], record["answered"]) == (529, "529", True)
    assert isinstance(record["time"], float)
    assert abs(record["time"] - time.time()) < 60
    assert isinstance(record["duration"], float)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "authorization",
        "X-Api-Key",
        "api-key",
        "Cookie",
        "Proxy-Authorization",
        "X-Auth-Token",
    ],
)
@pytest.mark.parametrize("value", [f"Bearer {KEY}", KEY, "Bearer short", "short", "Basic dTpw", "a b c"])
def test_a_secret_is_masked_as_a_whole(name: str, value: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with simulator(log=log) as running:
        connection = HTTPConnection(urlsplit(running.base_url).netloc, timeout=60)
        connection.request("GET", "/v1/models", headers={name: value, "X-Other": "seen"})
        connection.getresponse().read()
        connection.close()
        (record,) = running.requests
    headers = record["headers"]
    assert isinstance(headers, dict)
    assert ("****", "seen") == (headers[name.lower()], headers["x-other"])
    assert [record] == lines(log)
    assert value[-4:] not in log.read_text("utf-8")


def test_only_the_owner_can_read_the_log(tmp_path: Path) -> None:
    with simulator(log=tmp_path / "log.jsonl"):
        assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_log_is_extended_never_replaced(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for _ in range(2):
        with simulator(log=log) as running:
            ask(running, chat())
            ask(running, method="GET", path="/v1/models")
    assert [record["method"] for record in lines(log)] == ["POST", "GET"] * 2


def test_a_body_that_is_not_json_is_kept_as_text() -> None:
    with simulator() as running:
        ask(running, b"{broken \xff")
        assert running.requests[0]["body"] == "{broken \ufffd"


@pytest.mark.parametrize(
    ("fault", "status"), [("cut", 200), ("reset", 200), ("refuse-late", None), ("cut-at-frame", 200)]
)
def test_the_record_of_a_cut_answer_says_so(fault: str, status: int | None) -> None:
    with simulator(fault) as running:
        try:
            ask(running, chat(**STREAM))
        except ConnectionError:
            assert fault == "refuse-late"
        record = running.requests[0]
    assert (record["fault"], record["status"], record["answered"]) == (fault, status, fault == "cut-at-frame")


def test_the_record_of_a_client_that_went_away_says_so() -> None:
    with simulator("hang-mid") as running:
        with begun(running, chat(**STREAM)) as response:
            response.readline()
        record = settled(running, 1)[0]
    assert (record["status"], record["answered"]) == (200, False)


def test_parallel_requests_leave_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with simulator(log=log) as running:
        threads = [threading.Thread(target=ask, args=(running, chat(f"Number {n}"))) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(running.requests) == 20
    assert len({json.dumps(record["body"]) for record in lines(log)}) == 20


def test_requests_can_be_kept_in_the_log_only(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with RunningSimulator(SimulatorProfile(log=log), remember=False) as running:
        ask(running, chat())
        assert running.requests == []
    assert len(lines(log)) == 1
