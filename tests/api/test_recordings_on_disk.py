"""Recordings are files: whole or not there, for their owner alone, without the key, and named in errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmpipe.api.options import RecordingMode
from mmpipe.core.request import Request
from mmpipe.errors import AuthError, InputError, NetworkError, OutputError, UsageError
from support.full_disk import largest_file
from support.harness import KEY
from support.scripted_answers import END, GOOD, REQUEST, STREAM, answering, asked, at, chunk, recordings, text
from support.socket_server import answer, server


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1", b'{"request": {}, "answer": {"status": 200}}'])
def test_an_invalid_recording_is_an_input_error_that_names_the_file(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"{REQUEST.sha256}.json"
    path.write_bytes(damage)
    error = asked(tmp_path, "replay", answering(STREAM, *GOOD))[2]
    assert isinstance(error, InputError)
    assert f"{path} is not a recording: " in error.message
    assert damage == path.read_bytes()
    # A cache has it asked again, and is whole then.
    assert asked(tmp_path, "cache", answering(STREAM, *GOOD))[2] is None
    assert asked(tmp_path, "replay")[2] is None


@pytest.mark.parametrize("pieces", [[], [[0, "nonsense"]], [[0, GOOD[0].decode()]]])
def test_an_answer_that_is_none_any_more_is_an_input_error(pieces: list[object], tmp_path: Path) -> None:
    asked(tmp_path, "record", answering(STREAM, *GOOD))
    path = tmp_path / f"{REQUEST.sha256}.json"
    value = json.loads(path.read_text())
    value["answer"]["pieces"] = pieces
    path.write_text(json.dumps(value))
    error = asked(tmp_path, "replay")[2]
    assert isinstance(error, InputError)
    assert f"{path} holds no whole answer: " in error.message


@pytest.mark.parametrize("name", ["missing", "file", "file/below", "x" * 300])
def test_a_replay_needs_a_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="there are no recordings to replay"):
        recordings(tmp_path / name, "replay")


@pytest.mark.parametrize("mode", ["record", "cache"])
@pytest.mark.parametrize("name", ["file", "file/below", "x" * 300])
def test_a_folder_that_cannot_be_written_is_an_error_before_any_request(
    name: str, mode: RecordingMode, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write to"):
        recordings(tmp_path / name, mode)


def test_nobody_else_can_read_what_was_asked(tmp_path: Path) -> None:
    asked(tmp_path / "deep" / "folder", "record", answering(STREAM, *GOOD))
    (path,) = (tmp_path / "deep" / "folder").iterdir()
    assert (0o700, 0o600) == (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777)


def test_an_answer_that_cannot_be_kept_leaves_the_earlier_one(tmp_path: Path) -> None:
    asked(tmp_path, "record", answering(STREAM, *GOOD))
    before = [(path, path.read_bytes()) for path in tmp_path.iterdir()]
    with largest_file(64):
        error = asked(tmp_path, "record", answering(STREAM, chunk("long"), END))[2]
    assert isinstance(error, OutputError)
    assert before == [(path, path.read_bytes()) for path in tmp_path.iterdir()]


def test_the_key_is_in_no_file_although_prompt_or_answer_holds_it(tmp_path: Path) -> None:
    request = Request("M", ({"role": "user", "content": f"is {KEY} good?"},))
    answer_chunk = chunk(f"yes, {KEY} is")
    for pieces in (
        [answer_chunk],
        [answer_chunk[:60], answer_chunk[60:]],
        [b": \xff" + KEY.encode() + b"\n\n", answer_chunk],
    ):
        asked(tmp_path, "record", answering(STREAM, *pieces, END), request)
        assert "yes, *** is" == text(asked(tmp_path, "replay", None, request)[0])
    refusal = json.dumps({"error": {"message": f"bad header Bearer {KEY}"}}).encode()
    with server(answer(refusal, "application/json", f"Trace-Id: {KEY}\r\n", "401 Unauthorized")) as (url, _):
        error = asked(tmp_path, "record", at(url))[2]
    assert isinstance(error, AuthError)
    contents = [path.read_text() for path in tmp_path.iterdir()]
    assert [2, 0] == [len(contents), sum(KEY in content for content in contents)]


RECORDER = """
import json, sys
from pathlib import Path
from support.scripted_answers import END, PATIENCE, STREAM, Observer, Request, chunk, answering, recordings
asking = recordings(Path(sys.argv[1]), "record").wrap(answering(STREAM, chunk(sys.argv[2] * 9999), END))
for turn in range(100):
    list(asking(Request("M", ({"role": "user", "content": str(turn % 5)},)), PATIENCE.limits(), Observer()))
"""


@pytest.mark.slow
def test_two_that_record_into_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", RECORDER, str(tmp_path)]
    both = [subprocess.Popen([*command, word], env=paths) for word in ("a", "b")]
    requests = [Request("M", ({"role": "user", "content": str(turn)},)) for turn in range(5)]
    while any(process.poll() is None for process in both):
        for request in requests:
            events, _, error = asked(tmp_path, "replay", None, request)
            # Not there yet, or whole.
            assert isinstance(error, NetworkError) or text(events) in ("a" * 9999, "b" * 9999)
    assert [0, 0] == [process.wait() for process in both]
    assert {f"{request.sha256}.json" for request in requests} == {path.name for path in tmp_path.iterdir()}
