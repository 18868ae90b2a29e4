"""Samples of the formats that a schema may ask for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SAMPLES: Final = 28
"""The number of samples of a format: as many as each month has days."""
_TEMPLATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "date": "2026-01-{:02}",
        "date-time": "2026-01-{:02}T12:00:00Z",
        "time": "12:00:{:02}Z",
        "duration": "P{}D",
        "email": "user{}@example.com",
        "idn-email": "user{}@example.com",
        "hostname": "host{}.example.com",
        "idn-hostname": "host{}.example.com",
        "ipv4": "192.0.2.{}",
        "ipv6": "2001:db8::{}",
        "uri": "https://example.com/{}",
        "uri-reference": "/{}",
        "uri-template": "/{}",
        "iri": "https://example.com/{}",
        "iri-reference": "/{}",
        "uuid": "00000000-0000-4000-8000-0000000000{:02}",
        "json-pointer": "/{}",
        "relative-json-pointer": "{}",
        "regex": "[a-z]{{{}}}",
    }
)


def sample_format(name: object, number: int) -> str:
    """Return a text in a format; nothing for an unknown format. The `number` is from 1 to `SAMPLES`."""
    return _TEMPLATES.get(str(name), "").format(number)
