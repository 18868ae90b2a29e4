"""Who reads standard output may be slow, may stand still, and may leave."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from program.harness import AT_ONCE, MMPIPE, finished, parsed, service, shell, started


@pytest.mark.parametrize("command", ["chat", "stream"])
def test_head_has_its_line_and_mmpipe_dies_of_the_cut_pipe_in_silence(
    needs: Callable[[str], None], command: str
) -> None:
    needs("bash")
    Path("prompt").write_text("sim:echo one\n" + "more\n" * 40_000)
    with service() as far:
        done = shell(f"mmpipe {command} < prompt | head -1; echo ${{PIPESTATUS[0]}}", far, program="bash")
    assert (b"one\n141\n", b"") == (done.stdout, done.stderr)


@pytest.mark.parametrize("tps", [20, 500], ids=["slowly", "fast"])
def test_nobody_pays_for_thinking_whose_reader_has_gone(needs: Callable[[str], None], tps: float) -> None:
    needs("bash")
    thoughts = "thought " * int(6 * tps)  # two tokens each: for twelve seconds
    script = "mmpipe stream < prompt | sleep 2; echo ${PIPESTATUS[0]}"
    Path("prompt").write_text(f"sim:think {thoughts}|||too late")
    began = time.monotonic()
    with service(tps=tps) as far:
        done = shell(script, far, program="bash")
        assert (b"141\n", b"") == (done.stdout, done.stderr)
        assert time.monotonic() - began < AT_ONCE + 4
        # A slow machine may not even have asked by then.
        assert not any(request["answered"] for request in far.requests)


@pytest.mark.parametrize(
    "arguments", [("--help",), ("chat", "--help"), ("--version",), ("chat", "-n", "sim:echo x")]
)
def test_a_pipe_that_nobody_reads_ends_mmpipe_by_sigpipe_and_without_a_word(
    arguments: tuple[str, ...],
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with service() as far, started((*MMPIPE, *arguments), far, stdout=writer) as process:
        os.close(writer)
        done = finished(process)
    assert (-signal.SIGPIPE, b"") == (done.status, done.stderr)


def test_a_cut_pipe_is_told_in_the_line_about_the_answer() -> None:
    with service() as far:
        shell("mmpipe chat -n --meta meta 'sim:length 300000' | true", far)
    assert parsed(Path("meta").read_bytes())["exit_status"] == 141
