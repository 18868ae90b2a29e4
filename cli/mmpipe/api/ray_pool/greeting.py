"""The first words of a worker: the service that it would ask, and a digest of its key. The key itself never travels."""

import pickle
from collections.abc import Callable
from dataclasses import field
from hashlib import blake2b

from mmpipe.api.ray_pool.values import PackedError, pack_error, unpack_error
from mmpipe.core.endpoint import Endpoint
from mmpipe.dataclass import dataclass
from mmpipe.errors import AuthError, MmpipeError


@dataclass(frozen=True, slots=True)
class WorkerTerms:
    """The terms of a worker: `resolve` finds service and key where the worker runs, `size` is its most requests at once.

    The salt is the run's own, so that a digest says nothing of a key to those who know digests of other runs.
    """

    resolve: Callable[[], Endpoint]
    size: int
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Greeting:
    """The base URL that a worker found, the place and the digest of its key; or the error that kept it from a key."""

    base_url: str = ""
    source: str = ""
    digest: bytes = b""
    error: MmpipeError | None = None

    @classmethod
    def of(cls, endpoint: Endpoint, salt: bytes) -> "Greeting":
        """Return the greeting of a worker that would ask this endpoint."""
        key = endpoint.key
        if key is None:
            return cls(endpoint.base_url)
        digest = blake2b(key.value.encode(), key=salt).digest()
        return cls(endpoint.base_url, key.source, digest)

    def pack(self) -> bytes:
        """Return the greeting as bytes."""
        error: PackedError | None = None if self.error is None else pack_error(self.error)
        return pickle.dumps((self.base_url, self.source, self.digest, error))

    @classmethod
    def unpack(cls, packed: bytes) -> "Greeting":
        """Return the greeting in these bytes."""
        base_url, source, digest, error = pickle.loads(packed)  # noqa: S301  Ray unpickles all that comes from a node
        return cls(base_url, source, digest, None if error is None else unpack_error(error))

    def check(self, expected: "Greeting", node: str) -> None:
        """Raise the error of a worker that would not ask the same service with the same key; it names the node."""
        if self.error is not None:
            raise self.error.derived(sentence=f"node {node}: {self.error.sentence}")
        if self.base_url != expected.base_url:
            raise AuthError(
                f"node {node} would ask {self.base_url}, and not {expected.base_url}",
                hint="set the base URL there as it is set here, or type --base-url",
            )
        if self.digest != expected.digest:
            raise AuthError(self._describe_keys(expected, node))

    def _describe_keys(self, expected: "Greeting", node: str) -> str:
        if not self.digest:
            return f"node {node} has no API key; this run has one ({expected.source})"
        if not expected.digest:
            return f"node {node} has an API key ({self.source}); this run has none"
        return f"the API key of node {node} ({self.source}) is not the key of this run ({expected.source})"
