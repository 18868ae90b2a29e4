"""Feeds a reader with bytes that a fuzzer makes, for as long as one likes: `python tests/fuzz/fuzz.py sse -max_total_time=600`.

Not run by pytest. It needs atheris, which grows inputs by what they reach in our code: `pip install atheris`.
What comes behind the name of the reader is for libFuzzer: a folder for what it found, `-max_len`, `-runs` and so on.
"""

import importlib
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

# By its name, since it is no dependency and mypy may not find it.
atheris = importlib.import_module("atheris")
sys.path[:0] = [str(Path(__file__).parents[2] / "cli"), str(Path(__file__).parents[1])]

with atheris.instrument_imports(include=["mmpipe"]):
    from mmpipe.api.answer.cumulative import CumulativeDetector
    from mmpipe.api.answer.sse import EventReader
    from mmpipe.api.answer.wire import StreamDecoder, decode
    from mmpipe.api.refusals.service_errors import explain_event, explain_status, read_explanation
    from mmpipe.api.response_head import RequestFacts, ResponseInfo
    from mmpipe.api.server_times import parse_retry_after
    from mmpipe.batch.journal.journal import open_journal
    from mmpipe.chat.message_file import parse_messages
    from mmpipe.chat.message_lines import format_line
    from mmpipe.chat.transcript import Transcript, open_transcript
    from mmpipe.core.events import Stop, Text, Thinking
    from mmpipe.core.thinking_tags import separate_tags
    from mmpipe.errors import InputError, MmpipeError
    from mmpipe.text.visible import one_line, visible, visible_json
    from support.record_reading import AUTO, read

FOLDER = tempfile.TemporaryDirectory()
NEXT = {"role": "user", "content": "and now?"}


def cut(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the bytes to read, whole and in pieces; the first byte gives the length of a piece."""
    size, rest = 1 + data[0] % 16 if data else 1, data[1:]
    return rest, [rest[at : at + size] for at in range(0, len(rest), size)]


def stream_outcome(pieces: list[bytes]) -> object:
    decoder, events = StreamDecoder(), list[object]()
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.close()
    except MmpipeError as error:
        return events, error.message
    assert isinstance(events[-1], Stop)
    return events


def wire(data: bytes) -> None:
    whole, pieces = cut(data)
    assert stream_outcome([whole]) == stream_outcome(pieces)
    with suppress(MmpipeError):
        assert isinstance(list(decode(whole))[-1], Stop)


def sse(data: bytes) -> None:
    def outcome(parts: list[bytes]) -> list[object]:
        reader = EventReader(1 << 20)
        return [*(event for part in parts for event in reader.feed(part)), *reader.close()]

    whole, pieces = cut(data)
    assert outcome([whole]) == outcome(pieces)


def thinking(data: bytes) -> None:
    whole, _ = cut(data)
    text = whole.decode(errors="replace")
    size, native = 1 + data[0] % 8 if data else 1, bool(data and data[0] & 128)

    def outcome(parts: list[str]) -> tuple[str, str]:
        events = list(separate_tags(map(Text, parts), native=native))
        return tuple(  # type: ignore[return-value]  # of two
            "".join(event.text for event in events if isinstance(event, kind)) for kind in (Thinking, Text)
        )

    found = outcome([text])
    assert found == outcome([text[at : at + size] for at in range(0, len(text), size)])
    assert sum(map(len, found)) <= len(text) + text.count("think>")


def records(data: bytes) -> None:
    found = read(data, AUTO)
    assert [*range(len(found))] == [record.index for record in found]


def journal(data: bytes) -> None:
    path = Path(FOLDER.name, "journal")
    path.write_bytes(data)
    try:
        with open_journal(str(path), resume=True, overwrite=False) as first:
            count = len(first)
    except InputError:
        assert data == path.read_bytes()
        return
    kept = path.read_bytes()
    with open_journal(str(path), resume=True, overwrite=False) as second:
        assert (count, None) == (len(second), second.repaired)
    assert kept == path.read_bytes()
    assert data.startswith(kept.removesuffix(b"\n"))


def transcript(data: bytes) -> None:
    path = Path(FOLDER.name, "transcript")
    path.write_bytes(data)

    def kept() -> AbstractContextManager[Transcript]:
        return open_transcript(str(path), patience=0, look=lambda: None, waiting=lambda: None)

    try:
        with kept() as first:
            messages = first.messages
            first.append([NEXT])
    except InputError:
        assert data == (path.read_bytes() if path.exists() else b"")
        return
    with kept() as second:
        assert (*messages, NEXT) == second.messages
    assert path.read_bytes().endswith(format_line(NEXT))


def refusal(data: bytes) -> None:
    """The body of an error, as it comes with any status."""
    info = ResponseInfo(200 + (data[0] if data else 0), request=RequestFacts("MiniMax-M3"))
    for error in (explain_status(info, read_explanation(data[1:])), explain_event(data[1:], info)):
        assert error.message == one_line(error.message, 1000)


def small(data: bytes) -> None:
    """Readers of one text, which have little to be grown."""
    text = data.decode(errors="surrogateescape")
    assert visible(text) == visible(visible(text))
    visible_json(text)
    found = parse_retry_after(text, now=0.0)
    assert found is None or found >= 0
    with suppress(InputError):
        parse_messages(text, "fuzz", print)
    growth = CumulativeDetector()
    pieces = [piece for piece in text.split("|") if piece]
    pairs = [new for piece in pieces for new in growth.take("content", piece)] + growth.settle()
    assert all(new for _, new in pairs)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (wire, sse, refusal, thinking, records, journal, transcript, small)
}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(TARGETS)} [LIBFUZZER OPTIONS]")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
