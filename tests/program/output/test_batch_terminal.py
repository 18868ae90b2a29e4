"""On a terminal a batch shows how far it is, keeps that apart from its lines, and lets no answer steer the terminal."""

import json
from pathlib import Path

from support.harness import service
from support.terminals import on_terminal

HOSTILE = "\x9b31m \u202e \U000e0041 \x7f"


def test_no_answer_emits_a_control_and_the_lines_mean_the_same(here: Path) -> None:
    (here / "in.jsonl").write_text(json.dumps({"prompt": f"sim:echo hi {HOSTILE}!"}) + "\n")
    with service() as server:
        done = on_terminal("batch", "in.jsonl", "--progress", "none", server=server)
    assert 0 == done.status, done.stderr_text
    text = done.stdout.decode()
    assert not any(character in text for character in "\x1b\x9b\u202e\U000e0041\x7f")
    assert f"hi {HOSTILE}!" == json.loads(text)["content"]


def test_a_bar_is_drawn_while_it_goes_on_and_gives_way_to_what_is_written(here: Path) -> None:
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(40)))
    with service("slow:0.5") as server:
        done = on_terminal("batch", "in.txt", "-j", "2", server=server, stdout=False)
    assert 0 == done.status
    assert 40 == len(done.records)
    drawn = done.stderr.decode()
    assert "/40" in drawn
    # The last that stands there is the summary, on a line of its own.
    assert "mmpipe: 40 good, 0 failed" in drawn.rpartition("\x1b[K")[2]


def test_a_terminal_and_no_file_is_a_hint_and_no_silent_wait() -> None:
    with service() as server:
        done = on_terminal("batch", server=server, stdin=True, stderr=False)
    assert (2, True) == (done.status, "name a file" in done.stderr_text)
