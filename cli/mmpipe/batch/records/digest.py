"""Requests and their SHA-256, by which a changed request is noticed; pure."""

from hashlib import sha256

from mmpipe.batch.records.json_value import canonical_json
from mmpipe.batch.records.requests import RequestDefaults, build_prompt_request
from mmpipe.core.request import Request


class PromptRequests:
    """Builds requests, and their digests, that differ in nothing but the prompt.

    The other messages, and the canonical JSON before and after the prompt, are made once.
    """

    def __init__(self, defaults: RequestDefaults) -> None:
        self._empty = build_prompt_request("", defaults)
        empty, other = (canonical_json(request.body()) for request in (self._empty, self.request("-")))
        # The first difference is after the quote that opens the prompt: in one of them this quote closes it at once.
        at = next(at for at, (one, another) in enumerate(zip(empty, other, strict=False)) if one != another)
        self._before = sha256(empty[: at - 1])
        self._after = empty[at + 1 :]

    def request(self, prompt: str) -> Request:
        """The request for a prompt that is not empty."""
        empty = self._empty
        messages = (*empty.messages[:-1], {"role": "user", "content": prompt})
        return Request(empty.model, messages, empty.parameters, streamed=empty.streamed, pieces=empty.pieces)

    def digest(self, prompt: str) -> str:
        """The digest of its request, in a fifth of the time."""
        digest = self._before.copy()
        digest.update(canonical_json(prompt) + self._after)
        return digest.hexdigest()


def digest_request(request: Request) -> tuple[str, int]:
    """Return the SHA-256 of the request's canonical JSON, in hexadecimal, and the length of this JSON."""
    canonical = canonical_json(request.body())
    return sha256(canonical).hexdigest(), len(canonical)
