"""Bytes that are no UTF-8 on the command line: in a path they are the path, elsewhere they are refused before anything is asked."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.simulator.server import RunningSimulator
from support.harness import bodies, service
from support.in_process import run_in_process

pytestmark = pytest.mark.inputs

BYTE = "\udcff"  # how Python has the byte 0xff of an argument
COMMANDS = ("chat", "stream", "batch")
TEXTS = {
    "-m": ("model", ExitStatus.INPUT),
    "-s": ("a system message", ExitStatus.INPUT),
    "--system-file": ("nowhere", ExitStatus.INPUT),
    "--schema": ("nowhere", ExitStatus.INPUT),
    "--api-key-file": ("nowhere", ExitStatus.AUTH),
    "-p": ("stop=x", ExitStatus.USAGE),
    "-t": ("split", ExitStatus.USAGE),
    "--temperature": ("1", ExitStatus.USAGE),
    "--profile": ("name", ExitStatus.USAGE),
    "--none": ("x", ExitStatus.USAGE),
}
OF_CHAT = {
    "--": ("the prompt", ExitStatus.INPUT),
    "-f": ("nowhere", ExitStatus.INPUT),
    "--messages": ("nowhere", ExitStatus.INPUT),
    "--tools": ("nowhere", ExitStatus.INPUT),
    "--tool-result": ("id=text", ExitStatus.INPUT),
}
OTHERS = {
    ("batch", f"nowhere{BYTE}"): ExitStatus.INPUT,
    ("batch", "--merge", f"nowhere{BYTE}"): ExitStatus.INPUT,
    ("batch", "--template", f"{{}}{BYTE}"): ExitStatus.INPUT,
    ("batch", "-p", f"{BYTE}=1"): ExitStatus.USAGE,
    ("chat", "-n", "hi", "-p", f"{BYTE}=1"): ExitStatus.USAGE,
    ("batch", "-q", "--base-url", f"https://host{BYTE}/v1"): ExitStatus.USAGE,
    ("batch", "-q", "--base-url", "https://\u2488.invalid/v1"): ExitStatus.USAGE,
    ("batch", "--shard", f"1/2{BYTE}"): ExitStatus.USAGE,
    ("batch", "--max-errors", BYTE): ExitStatus.USAGE,
    ("models", f"none{BYTE}"): ExitStatus.USAGE,
    (f"ch{BYTE}t",): ExitStatus.USAGE,
    ("completion", BYTE): ExitStatus.USAGE,
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    with service() as running:
        yield running


def refused(arguments: tuple[str, ...], status: ExitStatus, server: RunningSimulator) -> None:
    before = len(server.requests)
    command, *rest = arguments
    for options in ((), ("--error-json",)):
        done = run_in_process(command, *options, *rest, server=server, stdin=b"hi\n")
        assert (status, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n")), arguments
    assert before == len(server.requests)


@pytest.mark.parametrize("command", COMMANDS)
def test_invalid_bytes_in_a_text_option_are_refused(command: str, server: RunningSimulator) -> None:
    for option, (text, status) in (TEXTS | (OF_CHAT if command != "batch" else {})).items():
        refused((command, option, f"{text}{BYTE}"), status, server)


def test_other_words_are_refused_too(server: RunningSimulator) -> None:
    for arguments, status in OTHERS.items():
        refused(arguments, status, server)


@pytest.mark.parametrize("command", COMMANDS)
def test_in_a_path_they_are_the_path(command: str, server: RunningSimulator, here: Path) -> None:
    path = {
        name: f"{name}{BYTE}" for name in ("in", "system", "schema", "key", "meta", "out", "kept", "talk")
    }
    Path(path["in"]).write_text("sim:echo {}\n")
    Path(path["system"]).write_text("be brief")
    Path(path["schema"]).write_text("{}")
    Path(path["key"]).write_text("k\n")
    options = [
        *("--system-file", path["system"], "--schema", path["schema"], "--meta", path["meta"]),
        *(
            "--base-url",
            server.base_url,
            "--api-key-file",
            path["key"],
            "-o",
            path["out"],
            "--record",
            path["kept"],
        ),
    ]
    options += [path["in"]] if command == "batch" else ["-f", path["in"], "-n", "-c", path["talk"]]
    done = run_in_process(command, *options)
    assert ExitStatus.OK == done.status, done.stderr_text
    assert "be brief" in json.dumps(bodies(server)[-1])
    made = {"meta", "out", "kept"} | ({"talk"} if command != "batch" else set())
    assert {os.fsencode(path[name]) for name in made} <= {os.fsencode(found.name) for found in here.iterdir()}


def test_in_the_environment_they_make_no_host_and_no_key() -> None:
    for env, status in (
        ({"MINIMAX_BASE_URL": f"http://127.0.0.1:9/{BYTE}", "MINIMAX_API_KEY": f"k{BYTE}"}, ExitStatus.AUTH),
        ({"MINIMAX_BASE_URL": f"http://{BYTE}/v1", "MINIMAX_API_KEY": "k"}, ExitStatus.USAGE),
    ):
        for command in COMMANDS:
            done = run_in_process(command, env=env, stdin=b"hi\n")
            assert (status, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))
