"""A recording answers only the question that it holds, for the host that gave the answer, from a file of the user's own."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe.api.options import RecordingMode
from mmpipe.core.host_identity import SIMULATOR
from mmpipe.core.request import Request
from mmpipe.errors import AuthError, InputError, MmpipeError, NotRecorded
from support.harness import KEY
from support.scripted_answers import (
    END,
    GOOD,
    HOST,
    REFUSED,
    REQUEST,
    STREAM,
    answering,
    asked,
    chunk,
    text,
)

OTHER = "http://127.0.0.1:8000/v1"
FILE = f"{REQUEST.sha256}.json"


def words(*, host: str | None, folder: Path, mode: RecordingMode, fresh: str = "fresh") -> str:
    """The text that comes in this mode; `fresh` is what the host itself would answer now."""
    service = None if mode == "replay" else answering(STREAM, chunk(fresh), END)
    events, _, error = asked(folder, mode, service, host=host)
    if error is not None:
        raise error
    return text(events)


def record(folder: Path, word: str, host: str) -> None:
    asked(folder, "record", answering(STREAM, chunk(word), END), host=host)


def forget_host(path: Path) -> None:
    """Make the recording one of an older mmpipe."""
    value = json.loads(path.read_text())
    assert value.pop("host")
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("other", [OTHER, SIMULATOR, "https://api.example/v2"])
def test_an_answer_of_another_host_is_not_taken_and_not_replaced(other: str, tmp_path: Path) -> None:
    record(tmp_path, "of the other", other)
    with pytest.raises(NotRecorded, match="choose that host to take it") as raised:
        words(host=HOST, folder=tmp_path, mode="replay")
    assert f"{tmp_path / FILE} is of {other}, and not of {HOST}" in raised.value.message
    assert "fresh" == words(host=HOST, folder=tmp_path, mode="cache")
    for mode in ("cache", "replay"):
        assert "fresh" == words(host=HOST, folder=tmp_path, mode=mode, fresh="never asked")
        assert "of the other" == words(host=other, folder=tmp_path, mode=mode, fresh="never asked")


def test_each_of_many_hosts_has_its_answer(tmp_path: Path) -> None:
    hosts = [f"http://127.0.0.1:{port}" for port in range(8000, 8010)]
    for turn in ("first", "second"):
        for host in hosts:
            record(tmp_path, f"{turn} of {host}", host)
    assert [f"second of {host}" for host in hosts] == [
        words(host=host, folder=tmp_path, mode="replay") for host in hosts
    ]
    assert len(hosts) == len([*tmp_path.iterdir()])


def test_an_error_of_a_host_replaces_no_answer_and_makes_way_for_one(tmp_path: Path) -> None:
    asked(tmp_path, "record", answering(REFUSED), host=OTHER)
    record(tmp_path, "good", HOST)
    asked(tmp_path, "record", answering(REFUSED), host=OTHER)
    asked(tmp_path, "record", answering(REFUSED), host=HOST)
    assert "good" == words(host=HOST, folder=tmp_path, mode="replay")
    with pytest.raises(AuthError):
        words(host=OTHER, folder=tmp_path, mode="replay")
    record(tmp_path, "better", OTHER)
    assert ["better", "good"] == [words(host=host, folder=tmp_path, mode="replay") for host in (OTHER, HOST)]


def test_without_host_and_key_a_replay_takes_the_answer_of_any_host(tmp_path: Path) -> None:
    record(tmp_path, "anybody's", OTHER)
    assert "anybody's" == words(host=None, folder=tmp_path, mode="replay")


def test_a_recording_of_an_older_mmpipe_is_replayed_with_one_warning(tmp_path: Path) -> None:
    record(tmp_path, "old", HOST)
    forget_host(tmp_path / FILE)
    warnings: list[str] = []
    assert "old" == text(asked(tmp_path, "replay", warn=warnings.append)[0])
    assert [f"recordings without a host, of an older mmpipe, are taken for those of {HOST}"] == warnings
    assert "old" == text(asked(tmp_path, "replay", host=None, warn=pytest.fail)[0])


def test_a_cache_asks_instead_of_an_older_recording_and_keeps_both(tmp_path: Path) -> None:
    record(tmp_path, "old", HOST)
    forget_host(tmp_path / FILE)
    warnings: list[str] = []
    service = answering(STREAM, chunk("new"), END)
    assert "new" == text(asked(tmp_path, "cache", service, warn=warnings.append)[0])
    assert 1 == len(warnings)
    assert "are not taken by --cache" in warnings[0]
    assert "new" == text(asked(tmp_path, "cache", None, warn=pytest.fail)[0])
    assert "old" in (tmp_path / FILE).read_text()


ASKED = {"model": "M", "messages": [{"role": "user", "content": "7 * 8?"}], "temperature": 1.0, "n": 1}


def other_questions() -> list[dict[str, object]]:
    return [
        {}, {**ASKED, "model": "N"}, {**ASKED, "temperature": 0.5}, {**ASKED, "messages": []}, {**ASKED, "seed": 1},
        {**ASKED, "messages": [{"role": "user", "content": "7 * 9?"}]}, {**ASKED, "n": None},
        {**ASKED, "messages": [{"role": "user", "content": "7 *** 9?"}]},
    ]  # fmt: skip


@pytest.mark.parametrize("stored", other_questions())
def test_a_file_with_another_question_is_no_answer(stored: dict[str, object], tmp_path: Path) -> None:
    request = Request("M", ({"role": "user", "content": "7 * 8?"},), {"temperature": 1.0, "n": 1})
    asked(tmp_path, "record", answering(STREAM, *GOOD), request)
    path = tmp_path / f"{request.sha256}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "request": stored}))
    error = asked(tmp_path, "replay", None, request)[2]
    assert isinstance(error, NotRecorded)
    assert f"{path} holds another request" in error.message
    events, _, _ = asked(tmp_path, "cache", answering(STREAM, chunk("asked"), END), request)
    assert "asked" == text(events)


@pytest.mark.parametrize(
    "content", [KEY, f"is {KEY} good, or {KEY}?", f"{KEY}x", f"a{KEY}", "***", f"*** {KEY} **"]
)
@pytest.mark.parametrize("mode", ["cache", "replay"])
def test_a_question_with_the_masked_key_is_the_same_question(
    content: str, mode: RecordingMode, tmp_path: Path
) -> None:
    request = Request("M", ({"role": "user", "content": content},), {"stop": ["\ud83d", "ü", 1e22, -0.0]})
    asked(tmp_path, "record", answering(STREAM, *GOOD), request)
    assert "five ü" == text(asked(tmp_path, mode, None, request)[0])


def make_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_huge(path: Path) -> None:
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("change", [make_link, make_fifo, make_device, make_folder, make_huge])
def test_a_file_that_is_not_followed_is_a_miss_with_its_reason(
    change: Callable[[Path], object], tmp_path: Path
) -> None:
    record(tmp_path, "kept", HOST)
    change(tmp_path / FILE)
    with pytest.raises(NotRecorded, match=f"{FILE} is not read: it is ") as raised:
        words(host=HOST, folder=tmp_path, mode="replay")
    assert 6 == raised.value.status
    if change is make_folder:
        return
    assert "fresh" == words(host=HOST, folder=tmp_path, mode="cache")
    assert (tmp_path / FILE).is_file()
    assert not (tmp_path / FILE).is_symlink()
    if change is make_link:
        assert "kept" in (tmp_path / "elsewhere").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_the_right_to_read_it_is_an_input_error(tmp_path: Path) -> None:
    record(tmp_path, "kept", HOST)
    (tmp_path / FILE).chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        words(host=HOST, folder=tmp_path, mode="replay")


def test_a_damaged_file_of_another_host_is_no_reason_to_fail(tmp_path: Path) -> None:
    record(tmp_path, "of the other", OTHER)
    record(tmp_path, "mine", HOST)
    (second,) = (path for path in tmp_path.iterdir() if path.name != FILE)
    second.write_bytes(b"{")
    assert "of the other" == words(host=OTHER, folder=tmp_path, mode="replay")
    with pytest.raises(MmpipeError, match="is not a recording"):
        words(host=HOST, folder=tmp_path, mode="replay")
