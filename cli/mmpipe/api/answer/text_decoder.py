"""Turns the texts of deltas and messages into events, and collects them into the message; no I/O."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from mmpipe.api.answer.cumulative import CumulativeDetector, Piece, StreamKind, is_refuted
from mmpipe.api.answer.fields import ANSWER_KEYS, read_texts
from mmpipe.api.answer.message import MessageAssembler, complete_message
from mmpipe.api.answer.mirrors import MirrorFilter
from mmpipe.api.answer.surrogates import SurrogateJoiner, replace_lone_surrogates
from mmpipe.core.events import Event, Message, Text, Thinking

_INCREMENTAL: Final = StreamKind.INCREMENTAL  # looked up for each piece


class TextDecoder:
    """The texts of one answer: repeated text is dropped, pairs of surrogates are joined, mirrored thinking counts once.

    `kind` is that of its stream, if it is known.
    """

    def __init__(self, kind: StreamKind = StreamKind.UNKNOWN) -> None:
        self._surrogates = SurrogateJoiner()
        self._cumulative = CumulativeDetector(kind)
        self._taken = 0  # bytes of the pieces, unless the stream is incremental
        self._mirrors = MirrorFilter()
        self._assembler = MessageAssembler()
        self._last: Message = {}
        self._received: defaultdict[str, list[str]] = defaultdict(list)  # by key: the text so far, in pieces

    def merge(self, delta: Mapping[str, object]) -> bool:
        """Take the fields of a delta into the message; returns True if one of them changed, beside its texts."""
        return self._assembler.merge(delta)

    def repeat(self, delta: Mapping[str, object], texts: Sequence[str]) -> None:
        """Take the last delta into the message once more for each of `texts`, which it has in place of its own."""
        self._assembler.repeat(delta, texts)

    def take(self, key: str, text: str) -> Sequence[Event]:
        """The events of the next piece of the text `key` of a stream."""
        if self._cumulative.kind is not _INCREMENTAL:
            self._taken += _measure(text)
        over: list[Event] = []
        if self._surrogates.held:
            # The texts of one channel follow each other.
            over = self._release(lambda held: held != key and _channel(held) == _channel(key))
        characters = self._surrogates.join(key, text)
        if not characters:
            return over
        return over + self._events(self._cumulative.take(key, characters))

    def find_event(self, keys: Sequence[str]) -> type[Text | Thinking] | None:
        """The type of the one event for each further text under all these keys; None as long as `take` must read them.

        Such texts have no surrogates. `add` takes them later, all at once.
        """
        if self._cumulative.kind is not _INCREMENTAL:
            return None
        if len(keys) == 1 and keys[0] in ANSWER_KEYS:
            return Text
        return Thinking if self._mirrors.are_level([*map(_channel, keys)]) else None

    def add(self, keys: Sequence[str], texts: Sequence[str]) -> None:
        """Take texts whose events are known, each of them under all these keys."""
        for key in keys:
            self._received[key] += texts
        if keys[0] not in ANSWER_KEYS:
            self._mirrors.add([*map(_channel, keys)], texts)

    def settle(self) -> Sequence[Event]:
        """The events of the text that was held back; nothing continues it."""
        return self._release(lambda _: True) + self._events(self._cumulative.settle())

    def is_refuted(self, tokens: int, *, beside: int) -> bool:
        """True if text was dropped as repeated, and so many tokens need more than is left and `beside` bytes of other parts."""
        if self._cumulative.kind is not StreamKind.CUMULATIVE or not self._cumulative.is_guessed:
            return False
        written = sum(_measure(text) for pieces in self._received.values() for text in pieces)
        return is_refuted(beside + written, beside + self._taken, tokens)

    def complete(self, message: Message) -> list[Piece]:
        """The texts that a last frame adds to the streamed ones (FACTS.md, "The end of a stream")."""
        self._last = message
        added: list[Piece] = []
        for key, text in _join_by_key(message).items():
            received = self._received_so_far(key)
            if text.startswith(received) and text != received:
                added.append((key, text[len(received) :]))
        return added

    def repeats(self, message: Message) -> bool:
        """True if each text of `message` begins with all of it that was received before."""
        return all(text.startswith(self._received_so_far(key)) for key, text in _join_by_key(message).items())

    def emit(self, key: str, text: str) -> Sequence[Event]:
        """The events of a text that is whole."""
        return self._events([(key, text)])

    def message(self) -> Message:
        """The message so far, without its calls; a lone surrogate stays as it came."""
        message = self._assembler.message(cumulative=self._cumulative.kind is StreamKind.CUMULATIVE)
        complete_message(message, self._last)
        return message

    def _release(self, is_over: Callable[[str], bool]) -> list[Event]:
        released = self._surrogates.release(is_over)
        return [event for piece in released for event in self._events(self._cumulative.take(*piece))]

    def _received_so_far(self, key: str) -> str:
        # Joined once: a hostile server may send a thousand last frames.
        self._received[key] = ["".join(self._received[key])]
        return self._received[key][0]

    def _events(self, pieces: Sequence[Piece]) -> list[Event]:
        for key, text in pieces:
            self._received[key].append(text)
        return make_events(pieces, self._mirrors)


def make_events(pieces: Iterable[Piece], mirrors: MirrorFilter) -> list[Event]:
    """The events of texts, in which pairs of surrogates are joined; thinking that is mirrored makes none."""
    events = list[Event]()
    for key, text in pieces:
        characters = text if text.isascii() else replace_lone_surrogates(text)
        if key in ANSWER_KEYS:
            events.append(Text(characters))
        elif new := mirrors.take(key.partition("/")[0], characters):
            events.append(Thinking(new))
    return events


def _measure(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _channel(key: str) -> str:
    """The channel of a text: the answer, or one field of thinking."""
    return "answer" if key in ANSWER_KEYS else key.partition("/")[0]


def _join_by_key(message: Message) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for key, text in read_texts(message):
        texts.setdefault(key, []).append(text)
    return {key: "".join(pieces) for key, pieces in texts.items()}
