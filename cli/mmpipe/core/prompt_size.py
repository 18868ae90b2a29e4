"""Estimates the tokens of a prompt, and compares them with the window of the model; pure."""

import math
from collections.abc import Callable
from typing import Final, TypeAlias

from mmpipe.core.attachments import find_url, measure_data
from mmpipe.core.catalogue import find_model
from mmpipe.core.request import Request
from mmpipe.errors import InputError
from mmpipe.text.json_encoding import encode_json

# Tokens of an image by its `detail`, and of a video (FACTS.md, "Images and videos"). For an image they are the most that is
# usual. A video has a token for so many bytes, which is between the rates of a lecture and of a telephone's camera; one that
# the service opens itself counts as a minute.
_IMAGE_TOKENS = {"low": 600, "default": 3_000, "high": 15_000}
_VIDEO_TOKENS = 20_000
_FEWEST_VIDEO_TOKENS, _MOST_VIDEO_TOKENS = 1_000, 192_000
_VIDEO_BYTES = 512  # to a token
_PROMPT_FIELDS = ("tools", "response_format")  # body fields that the model reads
# An estimate may be wrong by a third, and for long gaps of spaces by more: below so many windows it only warns.
_SURE: Final = 4
_Count: TypeAlias = Callable[[str], int]


def check_window(request: Request) -> str | None:
    """Return a warning if the prompt is probably longer than the window of its model; None if it is not, or that is unknown.

    Raises InputError if it is so long that no estimate can be that wrong.
    """
    model = find_model(request.model)
    # Most prompts are short, and their lengths are known without looking at the text.
    if model is None or _sum_tokens(request, _most_tokens) <= model.context:
        return None
    if (tokens := request_tokens(request)) <= model.context:
        return None
    sentence = f"the prompt has about {tokens:,} tokens, and the window of {model.id} is {model.context:,}"
    if tokens > _SURE * model.context:
        raise InputError(
            f"{sentence}: it is not sent", hint="shorten the prompt, or divide it into records of a batch"
        )
    return f"{sentence}: it may be refused"


def request_tokens(request: Request) -> int:
    """Estimate the tokens of a whole prompt: the messages, and the fields of the body that the model reads.

    The work is linear in the text; the data of images and videos is not looked at.
    """
    return _sum_tokens(request, prompt_tokens)


def _sum_tokens(request: Request, count: _Count) -> int:
    # Plain loops: this is done for each record of a batch.
    whole = 0
    for name in _PROMPT_FIELDS:
        if value := request.parameters.get(name):
            whole += count(encode_json(value).decode())
    for message in request.messages:
        content = message.get("content")
        if isinstance(content, str):
            whole += count(content)
        elif isinstance(content, list):
            for part in content:
                whole += _part_tokens(part, count)
        if calls := message.get("tool_calls"):
            whole += count(encode_json(calls).decode())
    return whole


def _part_tokens(part: object, count: _Count) -> int:
    if isinstance(part, str):
        return count(part)
    if not isinstance(part, dict):
        return 0
    if isinstance(text := part.get("text"), str):
        return count(text)
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


def _most_tokens(text: str) -> int:
    """Return a number that no estimate of `prompt_tokens` is above."""
    return 2 * len(text)


def prompt_tokens(prompt: str) -> int:
    """Estimate the tokens of a text, rather too high than too low.

    English has four letters to a token; Chinese, with three bytes to a character, has up to one token for each
    character. The formula is linear in bytes and characters. It gives 2/8 of a token for an ASCII letter, 5/8 for a
    Cyrillic one, 8/8 for a Chinese one, 11/8 for an emoji.
    """
    return math.ceil((3 * len(prompt.encode("utf-8", "replace")) - len(prompt)) / 8)
