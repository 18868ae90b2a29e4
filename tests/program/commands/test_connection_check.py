"""`mmpipe models --check` shows each step of the way to the service, and the status of the first that fails."""

import json
import re
import ssl
from pathlib import Path

import pytest
import trustme

from mmpipe.api.answer.model_list import ModelList
from mmpipe.config.options import ServiceOptions
from mmpipe.core.catalogue import load_models
from mmpipe.models.connection_check import check_connection
from mmpipe.models.options import ListOptions, ModelsOptions
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from mmpipe.unix.streams import Streams
from support.harness import KEY, Finished, service
from support.in_process import run_in_process
from support.socket_server import answer, server
from support.terminals import on_terminal

NAMES = (
    "key",
    "host",
    "proxy",
    "dns",
    "connect",
    "tls",
    "answer",
    "accepted",
    "models",
    "gone",
    "new",
    "model",
    "served",
)
NOT_REACHED = dict.fromkeys(("connect", "answer", "accepted", "models", "served"), "")


def facts(done: Finished) -> dict[str, str]:
    """The lines of the report by name."""
    lines = [
        (name, value)
        for line in done.stdout.decode().splitlines()
        for name, _, value in [line.partition("\t")]
    ]
    assert NAMES == tuple(name for name, _ in lines if name != "error")
    return dict(lines)


def test_all_is_well() -> None:
    with service() as simulator:
        done = run_in_process("models", "--check", server=simulator)
        found = facts(done)
        assert (0, b"") == (done.status, done.stderr)
        assert [("GET", "/v1/models")] == [
            (request["method"], request["path"]) for request in simulator.requests
        ]
    times = [found.pop(name) for name in ("dns", "connect", "answer")]
    assert [True] * 3 == [re.fullmatch(r"\d+ ms", time) is not None for time in times]
    assert {
        "key": "MINIMAX_API_KEY",
        "host": f"{simulator.base_url} (MINIMAX_BASE_URL)",
        "proxy": "none",
        "tls": "none",
        "accepted": "yes",
        "models": str(len(load_models())),
        "gone": "",
        "new": "",
        "model": "MiniMax-M3 (default)",
        "served": "yes",
    } == found


def test_json_has_the_same_as_one_object() -> None:
    with service() as simulator:
        found = run_in_process("models", "--check", "--json", server=simulator).record
    assert ("MINIMAX_API_KEY", None, True, True, []) == tuple(
        found[name] for name in ("key", "proxy", "accepted", "served", "errors")
    )
    assert isinstance(found["connect"], int)


def test_a_refused_key_has_the_status_3_and_is_not_shown() -> None:
    with RunningSimulator(SimulatorProfile(key="another")) as simulator:
        done = run_in_process("models", "--check", "-v", server=simulator)
    found = facts(done)
    assert (3, "no", "", "") == (done.status, found["accepted"], found["models"], found["served"])
    assert "ms" in found["answer"]
    assert "invalid api key" in found["error"]
    assert not any(
        part in done.stdout + done.stderr for part in (KEY.encode(), KEY[:7].encode(), KEY[-4:].encode())
    )


def test_the_place_of_a_refused_key_is_named_once() -> None:
    with server(answer(b"{}", "application/json", status="401 Unauthorized")) as (base_url, _):
        done = run_in_process("models", "--check", env={"MINIMAX_BASE_URL": base_url, "MINIMAX_API_KEY": KEY})
    found = facts(done)
    assert (3, "MINIMAX_API_KEY", "HTTP 401: no reason given") == (done.status, found["key"], found["error"])


def test_without_a_key_the_other_steps_are_checked() -> None:
    with service() as simulator:
        done = run_in_process("models", "--check", env={"MINIMAX_BASE_URL": simulator.base_url})
        assert [None] == simulator.authorizations
    found = facts(done)
    assert (3, "none", "") == (done.status, found["key"], found["accepted"])
    assert "ms" in found["answer"]
    assert "MINIMAX_API_KEY" in done.stderr_text


@pytest.mark.parametrize(("env", "status"), [({}, 3), ({"MINIMAX_API_KEY": KEY}, 6)])
def test_a_host_out_of_reach_is_reported_with_and_without_a_key(env: dict[str, str], status: int) -> None:
    with service() as simulator:
        pass
    done = run_in_process("models", "--check", env={**env, "MINIMAX_BASE_URL": simulator.base_url})
    found = facts(done)
    assert status == done.status
    assert NOT_REACHED == {name: found[name] for name in NOT_REACHED}
    assert "the connection was refused" in found["error"]


def test_the_proxy_is_named_without_its_password() -> None:
    env = {"MINIMAX_API_KEY": KEY, "HTTPS_PROXY": "http://user:secret@127.0.0.1:1"}
    done = run_in_process("models", "--check", env=env)
    assert (6, "http://127.0.0.1:1 (HTTPS_PROXY)") == (done.status, facts(done)["proxy"])
    assert b"secret" not in done.stdout + done.stderr


def test_a_model_that_the_host_does_not_serve_is_an_error_with_the_nearest_one() -> None:
    with service() as simulator:
        Path(".config/mmpipe").mkdir(parents=True)
        Path(".config/mmpipe/config.toml").write_text('[profile.x]\nmodel = "minimax-m33"\n')
        done = run_in_process("models", "--check", "--profile", "x", server=simulator)
    found = facts(done)
    assert (9, "no") == (done.status, found["served"])
    assert "does not serve the model minimax-m33; did you mean MiniMax-M3?; " in found["error"]
    assert "-m, or with model = in" in found["error"]
    assert re.fullmatch(r"minimax-m33 \(.*config.toml \[profile.x\]\)", found["model"])


def test_a_terminal_shows_the_names_in_a_column() -> None:
    with service() as simulator:
        lines = on_terminal("models", "--check", server=simulator).stdout.decode().splitlines()
    assert NAMES == tuple(line.split()[0] for line in lines)
    assert "accepted  yes" in lines
    assert "gone      -" in lines


def test_tls_is_a_step_of_its_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listed = json.dumps({"object": "list", "data": [{"id": "MiniMax-M3"}]}).encode()
    with server(answer(listed, "application/json"), tls=context) as (base_url, _):
        typed = ("--base-url", base_url, "--ca-file", str(tmp_path / "ca.pem"))
        found = facts(run_in_process("models", "--check", *typed))
    assert [True] * 4 == [found[name].endswith(" ms") for name in ("dns", "connect", "tls", "answer")]
    # A host of the user's own may have no key.
    assert ("none", "", "1", "yes") == tuple(found[name] for name in ("key", "accepted", "models", "served"))


def test_the_models_of_a_host_of_minimax_are_compared_with_the_catalogue() -> None:
    ids = [model.id for model in load_models()]
    streams = Streams.fake()
    options = ModelsOptions(listing=ListOptions(check=True), service=ServiceOptions(base_url="intl"))
    listed = ModelList((*ids[:-1], "MiniMax-New"))
    check_connection(options, streams, {"MINIMAX_API_KEY": KEY}, lambda *_: listed)
    found = dict(line.split("\t") for line in streams.captured()[0].decode().splitlines())
    assert (ids[-1], "MiniMax-New", "https://api.minimax.io/v1 (--base-url)") == (
        found["gone"],
        found["new"],
        found["host"],
    )
