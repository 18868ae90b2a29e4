"""Recognises the host of a request: a web page must not reach the simulator under a name that leads to this machine."""

import re

from mmpipe.core.endpoint import is_loopback

_HOST = re.compile(r"(?:\[(?P<address>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?")


def is_local(host: str | None) -> bool:
    """Return True for the value of a Host header that is a name or an address of loopback, or for none at all."""
    if host is None:
        return True
    found = _HOST.fullmatch(host.strip())
    if found is None:
        return False
    name = (found["address"] or found["name"]).lower().removesuffix(".")
    # RFC 6761, section 6.3: no name below it leads elsewhere.
    return name.endswith(".localhost") or is_loopback(name)
