"""Finds the service and the key on another machine, for a worker there: by the same options, and by what is set there."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from mmpipe.config.options import ServiceOptions
from mmpipe.config.settings import Settings
from mmpipe.core.endpoint import Endpoint
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.streams import Streams


def resolve_elsewhere(service: ServiceOptions) -> partial[Endpoint]:
    """Return a function that can be pickled, and finds the endpoint where it is called; paths are meant as from here."""
    return partial(
        resolve_endpoint,
        replace(service, ca_file=_absolute(service.ca_file), api_key_file=_absolute(service.api_key_file)),
    )


def resolve_endpoint(service: ServiceOptions) -> Endpoint:
    """Return the endpoint by these options, and by the environment and the configuration of this process.

    Raises UsageError, AuthError and InputError.
    """
    settings = Settings.read(os.environ, service)
    return settings.endpoint(Inputs(Streams.real().stdin, (settings.key_file,)))


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(os.path.expanduser(path)).absolute())  # noqa: PTH111  Path raises an error
