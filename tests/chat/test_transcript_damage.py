"""A damaged transcript is refused and stays unchanged, or loses only damaged messages."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.chat.message_lines import format_line
from mmpipe.core.events import Message
from mmpipe.errors import InputError
from support.disk_damage import DAMAGE, Damage, damaged
from support.law_examples import share
from support.transcripts import IN_ONE_FOLDER, MESSAGES, NEXT, kept, read

pytestmark = pytest.mark.laws

TORN = st.sampled_from([b"", b"{", b'{"role":"us', b'{"role":"user","content":"gr\xc3', b"\0" * 9, b"\xc3"])


@pytest.mark.slow
@settings(IN_ONE_FOLDER, max_examples=share(150))
@given(MESSAGES.filter(bool), DAMAGE, TORN)
def test_messages_that_damage_did_not_touch_stay_or_the_file_is_refused_untouched(
    tmp_path: Path, messages: list[Message], damage: Damage, torn: bytes
) -> None:
    path = tmp_path / "damaged"
    lines = [format_line(message) for message in messages]
    content, places = damaged(b"".join(lines) + torn, damage)
    path.write_bytes(content)
    try:
        with kept(path) as transcript:
            found = transcript.messages
            assert content == path.read_bytes()
            transcript.append([NEXT])
    except InputError:
        assert content == path.read_bytes()
        return
    left, end = path.read_bytes(), 0
    for message, line in zip(messages, lines, strict=True):
        start, end = end, end + len(line)
        if not places & set(range(start, end)):
            assert message in found
            assert line in left
    assert (*found, NEXT) == read(path)
