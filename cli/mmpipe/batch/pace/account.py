"""Names the account whose limit is shared."""

from hashlib import sha256

from mmpipe.core.endpoint import Endpoint


def name_account(endpoint: Endpoint) -> str:
    """Return a name for the key and its base URL."""
    base_url, key = endpoint.base_url, "" if endpoint.key is None else endpoint.key.value
    # Half of a digest distinguishes the keys, and does not reveal them.
    return sha256(f"{base_url.rstrip('/')}\0{key}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
