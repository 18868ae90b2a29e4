"""On a terminal a batch shows how far it is, keeps that apart from its lines, and lets no answer steer the terminal."""

import json
import re
from pathlib import Path

import pytest

from support.harness import mmpipe, service
from support.terminals import on_terminal

HOSTILE = "\x9b31m \u202e \U000e0041 \x7f"


def test_no_answer_emits_a_control_and_the_lines_mean_the_same(here: Path) -> None:
    (here / "in.jsonl").write_text(json.dumps({"prompt": f"sim:echo hi {HOSTILE}!"}) + "\n")
    with service() as server:
        lines = on_terminal("batch", "in.jsonl", "-F", "jsonl", "--progress", "none", server=server)
        text = on_terminal("batch", "in.jsonl", "--progress", "none", server=server)
    for done in (lines, text):
        assert 0 == done.status, done.stderr_text
        assert not any(character in done.stdout.decode() for character in "\x1b\x9b\u202e\U000e0041\x7f")
    assert f"hi {HOSTILE}!" == json.loads(lines.stdout)["content"]
    assert "hi <U+009B>31m <U+202E> <U+E0041> \u2421!\n" == text.stdout.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("options", [(), ("-k",)], ids=["as it is", "in order"])
def test_merged_journals_emit_no_control_and_mean_the_same(here: Path, options: tuple[str, ...]) -> None:
    (here / "in.jsonl").write_text(json.dumps({"id": "a\x9b2J", "prompt": f"sim:echo hi {HOSTILE}!"}) + "\n")
    with service() as server:
        assert 0 == mmpipe("batch", "in.jsonl", "-o", "out.jsonl", "-q", server=server).status
    done = on_terminal("batch", "--merge", "out.jsonl", *options)
    assert 0 == done.status, done.stderr_text
    text = done.stdout.decode()
    assert not any(character in text for character in "\x1b\x9b\u202e\U000e0041\x7f")
    merged, kept = json.loads(text), json.loads((here / "out.jsonl").read_text())
    assert merged == kept
    assert f"hi {HOSTILE}!" == merged["content"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("batch", "in.jsonl", "--dry-run"),
        ("batch", "in.jsonl", "--pass-through", "--progress", "none"),
        ("batch", "in.jsonl", "--format", "openai", "--progress", "none"),
        ("batch", "in.jsonl", "--progress", "bar", "-v"),
        ("batch", "--merge", "in.jsonl", "no\x9b2Jsuch"),
        ("batch", "--merge", "in.jsonl"),
        ("batch", "no\x9b2Jsuch"),
        ("batch", "in.jsonl", "--error-json", "-m", "no\x9b2Jsuch"),
        ("chat", "-n", "--error-json", "-m", "no\x9b2Jsuch", "hi"),
        ("chat", "-n", "-F", "messages", f"sim:echo {HOSTILE}"),
        ("stream", "-n", "-F", "jsonl", f"sim:think {HOSTILE}|||{HOSTILE}"),
        ("models", "no\x9b2Jsuch"),
        ("completion", "no\x9b2Jsuch"),
        ("no\x9b2Jsuch",),
        ("chat", "--no\x9b2Jsuch"),
        ("sim", "--dialect", "no\x9b2Jsuch"),
        ("sim", "--", "no\x9b2Jsuch"),
    ],
    ids=lambda arguments: " ".join(arguments[:4]).encode("ascii", "replace").decode(),
)
def test_no_command_lets_foreign_text_steer_the_terminal(here: Path, arguments: tuple[str, ...]) -> None:
    record = {"id": "a\x9b2J", "prompt": f"sim:echo hi {HOSTILE}!", "model": "no\x9b2Jsuch", "b\x9b2J": 1}
    (here / "in.jsonl").write_text(json.dumps(record, ensure_ascii=False) + "\n")
    with service() as server:
        done = on_terminal(*arguments, server=server)
    assert 1 != done.status
    for written in (done.stdout.decode(), done.stderr.decode()):
        foreign = re.sub("\x1b\\[[0-9;]*[mKJ]", "", written)
        assert not any(character in foreign for character in "\x1b\x9b\u202e\U000e0041\x7f"), foreign


def test_a_bar_is_drawn_while_it_goes_on_and_gives_way_to_what_is_written(here: Path) -> None:
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(40)))
    with service("slow:0.5") as server:
        done = on_terminal("batch", "in.txt", "-j", "2", server=server, stdout=False)
    assert 0 == done.status
    assert 40 == len(done.records)
    drawn = done.stderr.decode()
    assert "/40" in drawn
    # The last that stands there is the summary, on a line of its own.
    assert "mmpipe: 40 good, 0 failed" in drawn.rpartition("\x1b[J")[2]


def test_a_terminal_and_no_file_is_a_hint_and_no_silent_wait() -> None:
    with service() as server:
        done = on_terminal("batch", server=server, stdin=True, stderr=False)
    assert (2, True) == (done.status, "name a file" in done.stderr_text)
