"""Makes conversation files for the tests, and reads them."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from mmpipe.chat.transcript import Transcript, open_transcript
from mmpipe.core.events import Message

USER: Final = '{"role":"user","content":"größer 😀?"}'
ANSWER: Final = (
    '{"role":"assistant","zeta":[1,2.5,null],"content":"<think>\\nhm</think>yes\u2028","name":"MiniMax AI",'
    '"reasoning_details":[{"type":"reasoning.text","text":"hm"}],'
    '"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\\"a\\": 1}"}}]}'
)
TALK: Final = f"{USER}\n{ANSWER}\n".encode()
NEXT: Final[Message] = {"role": "user", "content": "and now?"}

_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)
MESSAGES: Final = st.lists(
    st.builds(
        lambda role, others: {**others, "role": role},
        st.text(min_size=1),
        st.dictionaries(st.text(), _JSON, max_size=3),
    ),
    max_size=3,
)
IN_ONE_FOLDER: Final = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def kept(path: Path | str) -> AbstractContextManager[Transcript]:
    """The conversation, if nobody else has it."""
    return open_transcript(str(path), patience=0, look=_nothing, waiting=_nothing)


def read(path: Path) -> tuple[Message, ...]:
    """Return the texts of the messages."""
    with kept(path) as transcript:
        return transcript.messages


def add(path: Path | str, *messages: Message) -> None:
    """Open it, and extend it."""
    with kept(path) as transcript:
        transcript.append(messages)


def _nothing() -> None:
    pass
