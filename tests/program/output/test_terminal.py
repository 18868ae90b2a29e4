"""On a terminal nothing from outside can steer it, and off a terminal nothing is done for one."""

import json
import re

import pytest

from support.harness import mmpipe, service
from support.hostile_texts import EVERYTHING, HOSTILE
from support.terminals import on_terminal

pytestmark = pytest.mark.outputs

# All that moves, hides or renames: C0 but newline and tab, DEL, C1, bidi, tags.
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\U000e0000-\U000e007f]"
)
OURS = re.compile("\x1b\\[[0-9;]*m")
SPINNER = re.compile("\r(?:[\u2800-\u28ff] \\d+ s|\x1b\\[K)")


def shown(written: bytes) -> str:
    """Return the text before the terminal made CR LF of each line end."""
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("command", ["chat", "stream"])
def test_no_text_of_a_model_can_steer_the_terminal(command: str) -> None:
    with service() as server:
        done = on_terminal(
            command, "-n", f"sim:echo {EVERYTHING.replace(chr(0), '')}", server=server, env={"COLUMNS": "10"}
        )
    text = shown(done.stdout)
    assert (0, []) == (done.status, STEERING.findall(text))
    assert "red \u241b[31mtext\u241b[0m" in text
    assert all(HOSTILE[name] in text for name in ("markup", "cjk", "emoji", "long", "layout", "tag talk"))


def test_a_sequence_cut_over_two_chunks_is_as_harmless() -> None:
    attack = "\x1b[31m\u202e\x9b1m\U000e0041" * 150
    with service() as server:
        text = shown(on_terminal("stream", "-n", f"sim:echo {attack}", server=server).stdout)
    assert (150, []) == (text.count("\u241b[31m"), STEERING.findall(text))


@pytest.mark.parametrize("options", [(), ("-t", "show")], ids=["on stderr", "before the answer"])
def test_thinking_is_dimmed_on_a_terminal_and_as_harmless_as_the_answer(options: tuple[str, ...]) -> None:
    with service() as server:
        done = on_terminal("stream", "-n", *options, "sim:think a\x1b[31m\x9bb|||answer", server=server)
    place = shown(done.stdout if options else done.stderr)
    assert "\x1b[2m" in place
    assert "\u241b[31m" in place
    assert [] == STEERING.findall(OURS.sub("", SPINNER.sub("", place)))
    assert "<think>" not in place
    assert shown(done.stdout).endswith("answer\n")


@pytest.mark.parametrize(
    ("env", "unwanted"),
    [({"TERM": "dumb", "FORCE_COLOR": "1"}, STEERING), ({"NO_COLOR": "1"}, re.compile("\x1b\\[[0-9;]*m"))],
    ids=["dumb", "no colour"],
)
def test_colours_are_off_on_request(env: dict[str, str], unwanted: re.Pattern[str]) -> None:
    with service(tps=30) as server:
        done = on_terminal(
            "stream", "-n", "sim:think some thoughts to wait for|||answer", server=server, env=env
        )
    assert (0, [], []) == (
        done.status,
        unwanted.findall(shown(done.stdout)),
        unwanted.findall(shown(done.stderr)),
    )
    assert "some thoughts" in shown(done.stderr)


def test_no_message_or_progress_goes_to_a_pipe_while_waiting() -> None:
    with service(tps=30) as server:
        env = {"TERM": "xterm-256color", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}
        done = mmpipe("stream", "-n", "sim:think some thoughts to wait for|||answer", server=server, env=env)
    assert (0, b"answer\n", b"") == (done.status, done.stdout, done.stderr)


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_the_bytes_of_stdout_do_not_depend_on_what_stderr_is(options: tuple[str, ...]) -> None:
    with service() as one, service() as other:
        prompt = f"sim:think {HOSTILE['ansi']}|||{HOSTILE['bidi']}"
        piped = mmpipe("chat", "-n", *options, prompt, server=one).stdout
        beside = on_terminal("chat", "-n", *options, prompt, server=other, stdout=False).stdout
    assert without_times(piped) == without_times(beside)


def without_times(stdout: bytes) -> bytes:
    return re.sub(rb'"elapsed_ms":\d+', b"", stdout)


@pytest.mark.parametrize("stderr", [True, False], ids=["terminal", "pipe"])
def test_no_text_of_the_service_can_steer_the_terminal_by_an_error(stderr: bool) -> None:
    with service() as server:
        done = on_terminal(
            "chat", "-n", "-m", "no\x1b[2J\x9b\u202e\nsuch", "hi", server=server, stderr=stderr
        )
    (line, *hint) = OURS.sub("", SPINNER.sub("", shown(done.stderr))).splitlines()
    assert (9, stderr, []) == (done.status, len(hint) == 1, STEERING.findall("".join((line, *hint))))
    assert "such" in line


def test_no_name_of_a_file_can_steer_the_terminal() -> None:
    done = on_terminal("chat", "-n", "-f", "no\x1b[2J\u202esuch", env={"MINIMAX_API_KEY": "k"})
    (line,) = OURS.sub("", shown(done.stderr)).splitlines()
    assert (12, []) == (done.status, STEERING.findall(line))
    assert "no\u241b[2J" in line


def test_json_on_a_terminal_means_the_same_and_is_harmless() -> None:
    text = EVERYTHING.replace(chr(0), "")
    with service() as server:
        written = shown(on_terminal("chat", "-n", "--json", f"sim:echo {text}", server=server).stdout)
    assert [] == STEERING.findall(written)
    assert text == json.loads(written)["content"]


def test_the_raw_answer_is_harmless_too() -> None:
    with service() as server:
        written = shown(
            on_terminal("stream", "-n", "-F", "raw", f"sim:echo {HOSTILE['c1']}", server=server).stdout
        )
    assert [] == STEERING.findall(written)
    assert "data: {" in written


def test_a_person_who_gives_no_prompt_gets_a_hint_and_no_silent_wait() -> None:
    done = on_terminal("chat", stdin=True, env={"MINIMAX_API_KEY": "k"})
    assert (2, b"") == (done.status, done.stdout)
    assert "prompt" in shown(done.stderr)


def test_a_person_who_gives_a_prompt_is_not_asked_for_more() -> None:
    with service() as server:
        done = on_terminal("chat", "-q", "-t", "hide", "sim:echo at once", server=server, stdin=True)
    assert (0, "at once\n", "") == (done.status, shown(done.stdout), shown(done.stderr))
