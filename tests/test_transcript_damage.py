"""Whatever a disk does to a conversation, what is refused stays as it is, and what is taken loses no other message."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.errors import InputError
from mmpipe.events import Message
from mmpipe.transcript import message_line
from transcripts import IN_ONE_FOLDER, MESSAGES, NEXT, kept, read

DAMAGE = st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(b'\n\0 x"{}[\xff\\1')), max_size=2)
TORN = st.sampled_from([b"", b"{", b'{"role":"us', b'{"role":"user","content":"gr\xc3', b"\0" * 9, b"\xc3"])


@settings(IN_ONE_FOLDER, max_examples=150)
@given(MESSAGES.filter(bool), DAMAGE, TORN)
def test_messages_that_damage_did_not_touch_stay_or_the_file_is_refused_untouched(
    tmp_path: Path, messages: list[Message], damage: list[tuple[int, int]], torn: bytes
) -> None:
    path = tmp_path / "damaged"
    lines = [message_line(message) for message in messages]
    content = bytearray(b"".join(lines) + torn)
    places = {place % len(content) for place, _ in damage}
    for place, byte in damage:
        content[place % len(content)] = byte
    path.write_bytes(content)
    try:
        with kept(path) as transcript:
            found = transcript.messages
            assert bytes(content) == path.read_bytes()
            transcript.append([NEXT])
    except InputError:
        assert bytes(content) == path.read_bytes()
        return
    left, end = path.read_bytes(), 0
    for message, line in zip(messages, lines, strict=True):
        start, end = end, end + len(line)
        if not places & set(range(start, end)):
            assert message in found
            assert line in left
    assert (*found, NEXT) == read(path)
