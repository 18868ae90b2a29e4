"""A conversation is kept as it is, and extended by whole turns."""

import json
import os
import pty
import re
import socket
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.chat.message_file import parse_messages
from mmpipe.chat.message_lines import format_line
from mmpipe.core.events import Message
from mmpipe.errors import InputError, OutputError
from support.transcripts import ANSWER, IN_ONE_FOLDER, MESSAGES, NEXT, TALK, USER, add, kept, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "talk.jsonl"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n \t\n"])
def test_each_line_is_a_message_with_all_its_fields(end: str) -> None:
    messages = parse_messages(f"{USER}{end}{ANSWER}{end}", "talk", pytest.fail)
    assert TALK == b"".join(map(format_line, messages))
    assert messages == parse_messages(f"{USER}{end}{ANSWER}", "talk", pytest.fail)


def test_no_text_is_no_messages() -> None:
    assert (
        ()
        == parse_messages("", "talk", pytest.fail)
        == parse_messages(" \r\n\n", "talk", pytest.fail)
        == parse_messages("[]", "talk", pytest.fail)
    )


@given(MESSAGES, st.sampled_from([None, 0, 2]), st.booleans())
def test_an_array_holds_the_same_messages_in_any_layout(
    messages: list[Message], indent: int | None, is_ascii: bool
) -> None:
    text = json.dumps(messages, indent=indent, ensure_ascii=is_ascii)
    assert tuple(messages) == parse_messages(f"\r\n {text}\n", "talk", pytest.fail)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not JSON"),
        ('{"role": user}', "is not JSON: Expecting value at character 10"),
        ('{"role":"user","n":NaN}', "is not JSON: NaN"),
        ('{"role":"user","n":1e999}', "is not JSON: a number is too large: 1e999"),
        ('{"role":"user"} {"role":"user"}', "is not JSON"),
        ('{"role":"user","x":' + "[" * 5000 + "]" * 5000 + "}", "is not JSON: nested too deep"),
        ('{"role":"user","x":' + "[" * 500 + "]" * 500 + "}", "is nested too deep"),
        ("17", "is not a JSON object"),
        ('"a prompt"', "is not a JSON object"),
        ("[]", "is not a JSON object"),
        ('{"content":"hi"}', "has no role"),
        ('{"role":"","message":{}}', "has no role"),
        ('{"role":null}', "has no role"),
        (r'{"role":"user","content":["\ud83d"]}', "lone surrogate"),
        (r'{"role":"user","\ude00":1}', "lone surrogate"),
        ('{"id":"x","message":{"role":"assistant"}}', "-F messages"),
        ('{"from":"human","value":"hi"}', "is a turn of ShareGPT and no message: --messages converts them"),
        ('{"messages":[{"role":"user"}]}', "is a record with a conversation of its own: `mmpipe batch`"),
    ],
)
def test_a_line_that_is_no_message_is_refused_with_its_number(path: Path, line: str, reason: str) -> None:
    text = f"{USER}\n\n{line}\n{USER}\n"
    with pytest.raises(InputError, match=f"^talk: line 3 .*{reason}"):
        parse_messages(text, "talk", pytest.fail)
    for content in (text, f"{USER}\n\n{line}\n"):
        path.write_text(content)
        with pytest.raises(InputError, match=f"talk.jsonl: line 3 .*{reason}"):
            read(path)
        assert content == path.read_text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[\n", "line 2 is not JSON"),
        (f"[\n{USER},\n{USER}\n", "line 4 is not JSON"),
        (f"\n[{USER},\n no]", "line 3 is not JSON: Expecting value at character 2"),
        (f"[{USER}]\n{USER}\n", "line 2 is not JSON: Extra data"),
        ("[NaN]", "is not JSON: NaN"),
        (f"[{USER}, 3]", "message 2 is not a JSON object"),
        (f"[{USER}, {USER}, {{}}]", "message 3 has no role"),
    ],
)
def test_an_array_with_other_values_is_refused_with_their_place(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"^talk:? {reason}"):
        parse_messages(text, "talk", pytest.fail)


def test_surrogate_pairs_are_joined_and_a_lone_surrogate_does_not_end_the_conversation(path: Path) -> None:
    add(path, {"role": "assistant", "content": "\ud83d\ude00 \ude00"})
    assert ({"role": "assistant", "content": "😀 \ufffd"},) == read(path)


def test_an_answer_from_a_record_is_accepted_with_its_lone_surrogate_replaced() -> None:
    line = r'{"role":"assistant","content":"a\ud83d"}'
    assert ({"role": "assistant", "content": "a\ufffd"},) == parse_messages(line, "talk", pytest.fail)


@pytest.mark.parametrize("end", [b"\n", b"", b" ", b"\r\n", b"\n\n"])
def test_the_content_of_the_file_stays_and_new_turns_follow(path: Path, end: bytes) -> None:
    for before in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(before + TALK[:-1] + end)
        with kept(path) as transcript:
            assert transcript.repaired is None
            transcript.append([NEXT])
            transcript.append([NEXT])
        newline = b"" if end.endswith(b"\n") else b"\n"
        assert before + TALK[:-1] + end + newline + format_line(NEXT) * 2 == path.read_bytes()
        assert (*parse_messages(TALK.decode(), "talk", pytest.fail), NEXT, NEXT) == read(path)


@IN_ONE_FOLDER
@given(st.lists(MESSAGES, max_size=4), st.booleans())
def test_messages_appended_in_any_groups_are_read_back(
    tmp_path: Path, groups: list[list[Message]], in_one_run: bool
) -> None:
    path = tmp_path / "groups"
    path.unlink(missing_ok=True)
    if in_one_run:
        with kept(path) as transcript:
            for group in groups:
                transcript.append(group)
    else:
        for group in groups:
            add(path, *group)
    expected = tuple(message for group in groups for message in group)
    assert bool(expected) == path.exists()
    assert expected == read(path)


def test_a_torn_end_is_reported_at_once_and_cut_off_only_with_the_next_turn(path: Path) -> None:
    for torn, expected in (
        (USER.encode()[:20], "the last line of .*talk.jsonl is torn; it is cut off"),
        (USER.encode()[:28], "the last line of .*talk.jsonl is torn; it is cut off"),  # inside of the ö
        (b"\0" * 70 + USER.encode(), "the last line of .*talk.jsonl is torn; it is cut off"),
        (b"\0" * 70, "the end of .*talk.jsonl is NULs; they are cut off"),
    ):
        path.write_bytes(TALK + torn)
        with kept(path) as transcript:
            assert 2 == len(transcript.messages)
            assert re.search(expected, transcript.repaired or "")
        assert TALK + torn == path.read_bytes()
        add(path, NEXT)
        assert TALK + format_line(NEXT) == path.read_bytes()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (b"a prompt", "line 3 is not JSON"),
        (b"17", "line 3 is not a JSON object"),
        (b'{"prompt":"mine"}', "line 3 has no role"),
        (b'{"role":"user","content":"\\ud83d"}', "line 3 holds a lone surrogate"),
        (b'{"role":"user","content":"gr\xf6\xdfer"}', "is not UTF-8: byte {} is 0xf6"),
        (b'\xff\n{"role":"us', "is not UTF-8: byte {} is 0xff"),
    ],
)
def test_an_end_that_no_crash_of_mmpipe_can_leave_is_not_cut_off(path: Path, end: bytes, reason: str) -> None:
    path.write_bytes(TALK + end)
    place = len(TALK) + max(end.find(b"\xf6"), end.find(b"\xff"))
    with pytest.raises(InputError, match=f"talk.jsonl:? {reason.format(place)}"):
        read(path)
    assert TALK + end == path.read_bytes()


def test_an_array_cannot_be_extended_and_the_message_names_a_way_out(path: Path) -> None:
    for content in (f"[{USER}]", f"[\n{USER}\n]\n", "\ufeff\n[]", "[{"):
        path.write_text(content)
        with pytest.raises(InputError, match=r"jq -c '\.\[\]'"):
            read(path)
        assert content == path.read_text()


def test_only_regular_files_are_accepted_and_no_other_file_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        # Not /dev/null: were there a mistake, root would lose it.
        ends = pty.openpty()
        device = os.ttyname(ends[1])
        for name in (tmp_path, tmp_path / "fifo", tmp_path / "socket", device, f"{tmp_path}/no/"):
            with pytest.raises(InputError, match="no regular file"):
                add(name, NEXT)
        for end in ends:
            os.close(end)


def test_a_file_larger_than_any_request_is_not_read(path: Path) -> None:
    path.touch()
    os.truncate(path, (64 << 20) + 1)
    with pytest.raises(InputError, match=r"larger than a request may be \(64 MiB\)"):
        read(path)


def test_a_new_transcript_is_private_and_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "old").touch(0o640)
    (tmp_path / "old").chmod(0o666)
    before = os.umask(0)
    try:
        for name in ("old", "new"):
            add(tmp_path / name, NEXT)
    finally:
        os.umask(before)
    assert [0o666, 0o600] == [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("old", "new")]


def test_a_file_that_cannot_be_written_is_refused_on_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(TALK)
    path.chmod(0o444)
    # Root may write to everything, and nobody may look into the folders above.
    monkeypatch.chdir(path.parent)
    path.parent.chmod(0o755)
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        for name in ("talk.jsonl", "new.jsonl") if user == 0 else ("talk.jsonl",):
            with pytest.raises(OutputError, match=f"cannot write to {name}: Permission denied"):
                add(name, NEXT)
    finally:
        os.seteuid(user)
    for name in ("no/talk.jsonl", "", "talk.jsonl/new", "talk.jsonl/"):
        with pytest.raises(OutputError, match="cannot write to"):
            add(name, NEXT)


def test_a_file_appears_only_with_the_first_turn(path: Path) -> None:
    with suppress(KeyboardInterrupt), kept(path) as transcript:
        transcript.append([])
        assert path.exists()
        raise KeyboardInterrupt
    assert not path.exists()
    path.touch()
    assert () == read(path)
    assert path.exists()


def test_links_are_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("talk.jsonl")
    assert () == read(tmp_path / "link")
    assert ["link"] == [found.name for found in tmp_path.iterdir()]
    for _ in range(2):
        add(tmp_path / "link", NEXT)
    assert format_line(NEXT) * 2 == path.read_bytes()
