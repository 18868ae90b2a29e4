"""The modules of mmpipe that can be imported here."""

import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec

import mmpipe

# The module that needs an extra as it is imported, and the package of that extra.
OF_EXTRAS = {"mmpipe.batch.pace.redis_script": "redis"}


def list_modules() -> Iterator[str]:
    """Yield the names of all modules but `__main__`, and but those whose extra is not installed."""
    for module in pkgutil.walk_packages(mmpipe.__path__, "mmpipe."):
        extra = OF_EXTRAS.get(module.name)
        if module.name != "mmpipe.__main__" and (extra is None or find_spec(extra) is not None):
            yield module.name
