"""Runs `mmpipe` against third-party servers and proxies: `python tests/interop/run_servers.py [NAME]...`.

Installs each from its registry into a temporary folder (MMPIPE_INTEROP keeps the folder from run to run), and starts it on
a free port of the loopback. One line for each check: the server, the check, and `ok` or the reason. What cannot be
installed is `not here` with the reason. The status is 1 if a check fails. No real service is reached.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from checks import Target, Wrong, check_all, expect, result_of, run, working_folder
from processes import Unavailable
from servers import NOISE, aimock, litellm_proxy, llama_cpp, mitmproxy, nginx, plain_simulator

# Yields the name of each check with its result.
Suite = Callable[[Path], Iterator[tuple[str, str]]]


def run_simulator(folder: Path) -> Iterator[tuple[str, str]]:
    with plain_simulator(folder) as target:
        yield from check_all("simulator", target)


def run_litellm(folder: Path) -> Iterator[tuple[str, str]]:
    faults: Mapping[str, tuple[str, tuple[int, ...]]] = {
        "": ("chat", (0,)),
        "429:#1": ("chat", (0,)),
        "503:#1": ("chat", (0,)),
        "401": ("chat", (3,)),
        "2013": ("chat", (9,)),
        "cut:#1": ("chat", (0,)),
        "cut": ("stream", (6, 7, 8)),
        "reset:#1": ("chat", (0,)),
        "event-1000:#1": ("chat", (0,)),
        "hang-mid": ("stream", (5,)),
    }
    with litellm_proxy(folder, list(faults)) as targets:
        yield from check_all("litellm", targets[0])
        for (fault, (command, statuses)), target in zip(faults.items(), targets, strict=True):
            if fault:
                yield (
                    f"litellm, {fault} behind it",
                    result_of(partial(check_status, target, command, statuses)),
                )


def check_status(target: Target, command: str, statuses: tuple[int, ...]) -> None:
    """Raise Wrong unless the command ends with one of these statuses, and a good one has the whole answer."""
    prompt, answer = target.prompt("five and six"), "five and six\n" if statuses == (0,) else None
    expect(run(target, command, "-n", "--idle-timeout", "5", prompt), statuses, answer)


def run_nginx(folder: Path) -> Iterator[tuple[str, str]]:
    for buffering in ("on", "off"):
        with nginx(folder, buffering) as target:
            yield from check_all(f"nginx, buffering {buffering}", target)
    with nginx(folder) as target:
        for place, status, words in (
            ("dead", 7, "502: Bad Gateway"),
            ("small", 9, "413: Request Entity Too Large"),
            ("away", 9, "redirects"),
            ("locked", 3, "403: Forbidden"),
            ("nowhere", 9, "404: Not Found"),
        ):
            there = replace(target, base_url=target.base_url.replace("/v1", f"/{place}"))
            yield f"nginx, {place}", result_of(partial(check_reason, there, status, words))


def check_reason(
    target: Target, status: int, words: str, prompt: str = "a prompt that is longer than ten bytes"
) -> None:
    """Raise Wrong unless the command fails with this status and these words."""
    expect(done := run(target, "chat", "-n", "--retries", "0", prompt), (status,), None)
    if words not in done.stderr:
        raise Wrong(f"it says {done.stderr.strip()!r}")


def run_mitmproxy(folder: Path) -> Iterator[tuple[str, str]]:
    for mode in ("http", "socks"):
        with mitmproxy(folder, mode) as target:
            yield from check_all(f"mitmproxy, {mode}", target)


def run_aimock(folder: Path) -> Iterator[tuple[str, str]]:
    with aimock(folder) as target:
        yield from check_all("aimock", target)


def run_llama(folder: Path) -> Iterator[tuple[str, str]]:
    with llama_cpp(folder) as target:
        yield from check_all("llama.cpp", target)
        strict = replace(target, options=NOISE)
        for name, prompt, status, words in (
            ("cut off", "hi", 11, "--max-tokens"),
            ("prompt too long", "word " * 5000, 9, "context"),
        ):
            yield f"llama.cpp, {name}", result_of(partial(check_reason, strict, status, words, prompt))


SUITES: Mapping[str, Suite] = {
    "simulator": run_simulator,
    "litellm": run_litellm,
    "nginx": run_nginx,
    "mitmproxy": run_mitmproxy,
    "aimock": run_aimock,
    "llama": run_llama,
}


def main(names: list[str]) -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("MMPIPE_INTEROP", temporary)).absolute()
        folder.mkdir(exist_ok=True)
        with working_folder(folder):
            for name in names or SUITES:
                try:
                    for check, result in SUITES[name](folder):
                        print(f"{check:40} {result}", flush=True)
                        failed += result != "ok"
                except Unavailable as error:
                    print(f"{name:40} not here: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
