"""Imports the OpenAI SDK without the hundreds of type modules that a chat completion never uses.

`import openai` runs `openai/types/__init__.py`, which imports every type of every endpoint: two thirds of its
time, and more than the rest of a whole call. Here the packages under `openai.types` are set up as usual.
Their `__init__` runs only at the first use of one of their names (PEP 562). Nothing is missing, replaced or private.
If the layout of the SDK changes, this module has no effect and the import is the plain one.
`tests/api/http/test_lean_import.py` notices when the module stops being worth it.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_PACKAGE = "openai.types"


@contextmanager
def lean_openai() -> Iterator[None]:
    """Import openai inside this context; its optional transport of aiohttp stays out too (0.1 s)."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "aiohttp":
            # The SDK's own fallback for a missing extra.
            raise ModuleNotFoundError(fullname, name=fullname)
        if fullname != _PACKAGE and not fullname.startswith(f"{_PACKAGE}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None and spec.submodule_search_locations is not None:
            spec.loader = _LateLoader(spec.loader)
        return spec


class _LateLoader(Loader):
    """Runs a package's `__init__` at the first use of a name that is not one of its submodules."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def load(name: str) -> object:
            if name.startswith("__"):
                raise AttributeError(name)
            del module.__dict__["__getattr__"]
            self._loader.exec_module(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = load
