"""Names the host of an answer: for recordings and journals, which keep answers longer than a run, and for its prices."""

from typing import Final
from urllib.parse import urlsplit

from mmpipe.core.endpoint import Endpoint, is_loopback, is_minimax

# `mmpipe sim` gives this key to the commands that it is for. It is the sign of the simulator, whose port is another one
# in each run.
SIMULATOR_KEY: Final = "sk-sim-0000000000000000"
SIMULATOR: Final = "mmpipe sim"
_PORTS: Final = {"https": 443, "http": 80}


def identify_host(base_url: str, key: str | None) -> str:
    """Return the base URL in its simplest form; for the simulator, at whatever port, `mmpipe sim`."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    if key == SIMULATOR_KEY and is_loopback(host):
        return SIMULATOR
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}{parts.path.rstrip('/')}"


def identify_endpoint(endpoint: Endpoint) -> str:
    """Return the identity of the host of an endpoint."""
    return identify_host(endpoint.base_url, None if endpoint.key is None else endpoint.key.value)


def follows_catalogue(identity: str | None) -> bool:
    """Return True for a host of MiniMax, or its simulator, whose models, prices and end dates are in the catalogue.

    None is the default host. What another host serves under the name of such a model has a price of its own.
    """
    return identity is None or identity == SIMULATOR or is_minimax(identity)
