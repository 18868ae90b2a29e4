"""Standard input may be late, empty or not text, and standard output full: mmpipe says so, or does not mind."""

import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from support.harness import AT_ONCE, LIMIT, MMPIPE, mmpipe, prompts, service, shell, started

KEYED = {"MINIMAX_API_KEY": "k"}


def sent(*arguments: str, stdin: bytes = b"") -> object:
    """The prompt that reached the service."""
    with service() as server:
        done = mmpipe("chat", *arguments, server=server, stdin=stdin)
        assert (0, b"") == (done.status, done.stderr)
        (prompt,) = prompts(server)
        return prompt


@pytest.mark.parametrize("command", ["chat -n x", "stream -n -F jsonl x", "--help"])
def test_a_full_disk_is_no_success(command: str) -> None:
    with service() as server:
        done = shell(f"mmpipe {command} > /dev/full", server)
    assert done.status == 13
    assert [True] == [line.startswith("mmpipe: ") for line in done.stderr_text.splitlines()]


def test_a_folder_is_no_input() -> None:
    done = mmpipe("chat", "-n", "-f", ".", env=KEYED)
    assert (12, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))


def test_a_folder_as_standard_input_is_no_success() -> None:
    # Python itself refuses to start then, with status 1 and words of its own, before a line of mmpipe runs.
    done = shell("mmpipe chat 'sim:echo x' < .", env=KEYED)
    assert (True, b"") == (done.status > 0, done.stdout)


@pytest.mark.parametrize(
    ("stdin", "offset"), [(b"fine\xff", "4"), (b"\xef\xbb\xbf\xc3(", "3"), ("日本".encode("euc-jp"), "0")]
)
def test_input_that_is_not_utf8_is_refused_with_the_place(stdin: bytes, offset: str) -> None:
    done = mmpipe("chat", stdin=stdin, env={**KEYED, "LC_ALL": "C"})
    assert (12, b"") == (done.status, done.stdout)
    assert f"byte {offset} " in done.stderr_text


@pytest.mark.parametrize("stdin", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_no_input_at_all_is_refused(stdin: bytes) -> None:
    done = mmpipe("chat", stdin=stdin, env=KEYED)
    assert (12, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))


def test_a_byte_order_mark_is_no_part_of_the_prompt_and_the_locale_is_none_of_it() -> None:
    with service() as server:
        done = mmpipe("chat", "日本", server=server, stdin=b"\xef\xbb\xbfna\xc3\xafve", env={"LC_ALL": "C"})
        assert (0, ["日本\n\nna\u00efve"]) == (done.status, prompts(server))


def test_words_files_and_standard_input_are_joined_in_this_order_by_a_blank_line(here: Path) -> None:
    (here / "a").write_text("A\n")
    (here / "b").write_text("\ufeffB")
    assert (
        sent("two words", "three", "-f", "b", "-f", "a", stdin=b"last") == "two words three\n\nB\n\nA\n\nlast"
    )
    assert sent("--", "before", "-", "-n", stdin=b"here") == "before\n\nhere\n\n-n"
    assert sent("first", "-f", "-", "-f", "a", stdin=b"here") == "first\n\nhere\n\nA\n"
    assert sent("-n", "alone", stdin=b"not this") == "alone"


def test_a_loop_that_reads_a_list_asks_for_every_line() -> None:
    with service() as server:
        done = shell(
            'while read -r f; do mmpipe chat -n "sim:echo $f"; done', server, stdin=b"one\ntwo\nthree\n"
        )
    assert (b"one\ntwo\nthree\n", b"") == (done.stdout, done.stderr)


def test_a_late_producer_is_read_and_the_wait_is_reported_once() -> None:
    with service() as server:
        producer = "until grep -q . notice; do sleep 0.1; done; sleep 0.5; echo late"
        done = shell(f"touch notice; ({producer}) | mmpipe chat early 2> notice", server)
        assert (0, ["early\n\nlate\n"]) == (done.status, prompts(server))
    (line,) = Path("notice").read_text().splitlines()
    assert line.startswith("mmpipe: ")
    assert " -n " in line


def test_a_wait_for_input_can_be_limited() -> None:
    began = time.monotonic()
    with started((*MMPIPE, "chat", "--stdin-timeout", "0.5"), stdin=subprocess.PIPE, env=KEYED) as process:
        assert process.wait(LIMIT) == 12
    assert time.monotonic() - began < AT_ONCE


def test_input_that_trickles_in_is_read_to_its_end() -> None:
    with service() as server:
        done = shell(
            "(printf sim:echo; sleep 0.3; printf ' one'; sleep 0.3; echo ' two') | mmpipe chat", server
        )
    assert (0, b"one two\n") == (done.status, done.stdout)


def exactly(pipe: IO[bytes], length: int) -> bytes:
    """The next bytes, however they come."""
    found = b""
    while len(found) < length and (piece := pipe.read(length - len(found))):
        found += piece
    return found


def test_a_stream_reaches_the_pipe_while_the_rest_of_the_answer_is_still_to_come() -> None:
    with (
        service("hang-mid") as server,
        started((*MMPIPE, "stream", "-n", "sim:chunks 20"), server) as process,
    ):
        assert process.stdout is not None
        assert (b"1 2 3", None) == (exactly(process.stdout, 5), process.poll())


def test_cron_gets_an_answer_and_no_mail() -> None:
    with service() as server:
        address = f"MINIMAX_BASE_URL={server.base_url} MINIMAX_API_KEY=k PATH=$PATH"
        done = shell(f"env -i {address} sh -c 'cd /; mmpipe chat \"sim:echo nightly\" <&-'", server)
    assert (0, b"nightly\n", b"") == (done.status, done.stdout, done.stderr)
