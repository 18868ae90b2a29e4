"""Each of the standard streams may be closed: only what needs it fails, and no file takes its place."""

from pathlib import Path

import pytest

from support.harness import parsed, service, shell

pytestmark = pytest.mark.outputs

CLOSED = ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-")
FILES = "-o answer --meta meta --thinking-file thoughts -c talk"


@pytest.mark.parametrize(
    ("script", "status", "stdout", "complaints"),
    [
        ("mmpipe chat 'sim:echo x' <&-", 0, b"x\n", 0),
        ("mmpipe chat <&-", 12, b"", 1),
        ("mmpipe chat -n 'sim:echo x' 2>&-", 0, b"x\n", 0),
        ("mmpipe chat -n -m none 'sim:echo x' 2>&-", 9, b"", 0),
        ("mmpipe chat -n -m none 'sim:echo x' 2>/dev/full", 9, b"", 0),
        ("mmpipe chat 'sim:echo x' --meta meta <&- >&- 2>&-", 13, b"", 0),
    ],
)
def test_closed_streams_change_nothing_but_what_needs_them(
    script: str, status: int, stdout: bytes, complaints: int
) -> None:
    with service() as server:
        done = shell(script, server)
    assert (status, stdout, complaints) == (done.status, done.stdout, done.stderr_text.count("\n"))


TOOL_LESS = (
    "chat -n -o folder/answer --meta folder/meta --thinking-file folder/thoughts -c folder/talk -f prompt"
)


@pytest.mark.parametrize("closed", CLOSED)
def test_no_file_gets_what_another_is_to_have(closed: str) -> None:
    Path("prompt").write_text("sim:think thoughts|||answer")
    with service() as server:
        done = shell(f"mmpipe chat -n -v {FILES} -f prompt {closed}", server)
    assert (0, b"", "2>" in closed) == (done.status, done.stdout, done.stderr == b"")
    assert ("answer\n", "thoughts\n") == (Path("answer").read_text(), Path("thoughts").read_text())
    assert 0 == parsed(Path("meta").read_bytes())["exit_status"]
    assert ["user", "assistant"] == [parsed(line)["role"] for line in Path("talk").read_bytes().splitlines()]


@pytest.mark.parametrize("closed", CLOSED)
def test_a_batch_has_its_lines_in_its_journal_only(closed: str) -> None:
    Path("in.txt").write_text("sim:echo 1\nsim:echo 2\n")
    with service() as server:
        done = shell(f"mmpipe batch in.txt -o out.jsonl --meta meta {closed}", server)
    assert (0, b"", "2>" in closed) == (done.status, done.stdout, done.stderr == b"")
    lines = [parsed(line) for line in Path("out.jsonl").read_bytes().splitlines()]
    assert ["1", "2"] == sorted(str(line["content"]) for line in lines)
    assert 0 == parsed(Path("meta").read_bytes())["exit_status"]


@pytest.mark.parametrize(
    "command", ["chat -n x", "stream -n x", "batch in.txt", "models", "--version", "completion bash", "sim"]
)
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_a_closed_stdout_is_found_out_before_anything_is_asked(command: str, closed: str) -> None:
    Path("in.txt").write_text("sim:echo 1\n")
    with service() as server:
        done = shell(f"mmpipe {command} {closed}", server)
        assert (13, []) == (done.status, server.requests)
    expected = "" if "2>" in closed else "mmpipe: output: standard output is closed\n"
    assert done.stderr_text.endswith(expected)
    assert ("2>" in closed) == (done.stderr_text == "")
