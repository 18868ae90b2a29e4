"""Estimates the tokens and the price of a request before it is sent, from its prompt and the answers seen so far."""

import math
from dataclasses import dataclass, replace

from mmpipe.core.attachments import find_url, measure_data
from mmpipe.core.catalogue import calculate_cost
from mmpipe.core.events import Message, Usage
from mmpipe.core.parameters import find_token_limit
from mmpipe.core.request import Request
from mmpipe.errors import UsageError
from mmpipe.text.json_encoding import encode_json

DEFAULT_TOKENS = 1024  # of an answer before any was seen: a short one with its thinking
_FEWEST_ANSWERS = 20  # only one of so many is above the 95th percentile
_PERCENTILE = 0.95
_STEPS = 4  # sizes to a doubling, so that the percentile is at most a fifth too high
_SIZES = 20 * _STEPS + 1  # up to a million tokens, more than any model answers
# Tokens of an image by its `detail`, and of a video (FACTS.md, "Images and videos"). For an image they are the most that is
# usual. A video has a token for so many bytes, which is between the rates of a lecture and of a telephone's camera; one that
# the service opens itself counts as a minute.
_IMAGE_TOKENS = {"low": 600, "default": 3_000, "high": 15_000}
_VIDEO_TOKENS = 20_000
_FEWEST_VIDEO_TOKENS, _MOST_VIDEO_TOKENS = 1_000, 192_000
_VIDEO_BYTES = 512  # to a token
_PROMPT_FIELDS = ("tools", "response_format")  # body fields that the model reads
_HALVED_AT = 1024  # answers, after which each counts half, so that recent answers outweigh old ones


@dataclass(frozen=True, slots=True)
class ExpectedUsage:
    """The tokens that a request may take."""

    model: str
    prompt: int
    answer: int

    @property
    def tokens(self) -> int:
        """Prompt and answer together."""
        return self.prompt + self.answer

    @property
    def dollars(self) -> float | None:
        """The cost at the list price; None if the price is unknown."""
        return calculate_cost(self.model, Usage(prompt_tokens=self.prompt, completion_tokens=self.answer))

    def check_price(self) -> float:
        """Return the cost at the list price; raise UsageError if the price is unknown."""
        dollars = self.dollars
        if dollars is None:
            raise UsageError(f"--max-cost: the price of {self.model} is not known")
        return dollars


@dataclass(frozen=True, slots=True)
class AnswerHistogram:
    """The number of answers by the logarithm of their tokens; `default` is assumed before enough were seen."""

    counts: tuple[int, ...] = (0,) * _SIZES
    default: int = DEFAULT_TOKENS

    def expect(self, request: Request) -> ExpectedUsage:
        """The usage to reserve for a request: its prompt, and an answer longer than 95 % of those seen."""
        limit = find_token_limit(request.parameters)
        answer = self.answer_tokens()
        answer = answer if limit is None else min(answer, limit)
        return ExpectedUsage(request.model, request_tokens(request), answer)

    def answer_tokens(self) -> int:
        """The 95th percentile; not below the default before enough answers were seen."""
        seen = sum(self.counts)
        if not seen:
            return self.default
        wanted, below, size = _PERCENTILE * seen, 0, -1
        while below < wanted:
            size += 1
            below += self.counts[size]
        tokens = math.ceil(2 ** (size / _STEPS))
        return max(tokens, self.default) if seen < _FEWEST_ANSWERS else tokens

    def after(self, completion_tokens: int) -> "AnswerHistogram":
        """The histogram with one more answer."""
        size = min(_SIZES - 1, math.ceil(_STEPS * math.log2(max(1, completion_tokens))))
        # Halves are rounded up: a size that was seen is not forgotten while such answers keep coming.
        counts = self.counts if sum(self.counts) < _HALVED_AT else tuple((n + 1) // 2 for n in self.counts)
        return replace(self, counts=(*counts[:size], counts[size] + 1, *counts[size + 1 :]))


def request_tokens(request: Request) -> int:
    """An estimate of the tokens of a whole prompt: the messages, and the fields of the body that the model reads.

    The work is linear in the text; the data of images and videos is not looked at.
    """
    fields = (request.parameters.get(name) for name in _PROMPT_FIELDS)
    return sum(map(_message_tokens, request.messages)) + sum(map(_json_tokens, filter(None, fields)))


def _message_tokens(message: Message) -> int:
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    return sum(map(_part_tokens, parts)) + _json_tokens(message.get("tool_calls"))


def _part_tokens(part: object) -> int:
    if isinstance(part, str):
        return prompt_tokens(part)
    if not isinstance(part, dict):
        return 0
    if isinstance(text := part.get("text"), str):
        return prompt_tokens(text)
    _, medium = find_url(part)
    if medium == "video":
        data = measure_data(part)
        if data is None:
            return _VIDEO_TOKENS
        return min(max(_FEWEST_VIDEO_TOKENS, data.size // _VIDEO_BYTES), _MOST_VIDEO_TOKENS)
    # Anything else that is not text, such as the sound of another server's model, counts as an image.
    image = part.get("image_url")
    detail = image.get("detail") if isinstance(image, dict) else None
    return _IMAGE_TOKENS.get(str(detail), _IMAGE_TOKENS["default"])


def _json_tokens(value: object) -> int:
    return prompt_tokens(encode_json(value).decode()) if value else 0


def prompt_tokens(prompt: str) -> int:
    """An estimate of the tokens of a text, rather too high than too low.

    English has four letters to a token; Chinese, with three bytes to a character, has up to one token for each
    character. The formula is linear in bytes and characters. It gives 2/8 of a token for an ASCII letter, 5/8 for a
    Cyrillic one, 8/8 for a Chinese one, 11/8 for an emoji.
    """
    return math.ceil((3 * len(prompt.encode("utf-8", "replace")) - len(prompt)) / 8)
