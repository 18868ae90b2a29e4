"""Tries the features of a client, and prints one JSON line for each."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib.metadata import version


def report(package: str, features: Mapping[str, Callable[[], object]]) -> None:
    """Call each feature; a feature that raises has failed."""
    for name, feature in features.items():
        result = "ok"
        # Some clients print what they do.
        with redirect_stdout(sys.stderr):
            try:
                feature()
            except Exception as error:  # noqa: BLE001 - any error of a client is a result
                result = " ".join(f"{type(error).__name__}: {error}".split())
        print(json.dumps([f"{package} {version(package)}: {name}", result]), flush=True)


def check(expected: object, found: object) -> None:
    """Raise AssertionError if the values differ."""
    if expected != found:
        raise AssertionError(f"expected {expected!r}, found {found!r}")
