"""Names the host of an answer: for recordings and journals, which keep answers longer than a run."""

from typing import Final
from urllib.parse import urlsplit

from mmpipe.core.endpoint import is_loopback

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
