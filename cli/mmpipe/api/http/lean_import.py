"""Imports the OpenAI SDK, and the network library below it, without the hundreds of modules that a chat completion never uses.

`import openai` runs `openai/__init__.py`, which imports the clients of other clouds and every type of every endpoint: two
thirds of its time, and more than the rest of a whole call. Here its packages are set up as usual, but the first use
of a name (PEP 562) imports only the module that the package's `__init__` takes it from. `__init__` itself runs at the
first use of a name that it does not import. Each public name is what it is after a plain import; a module of theirs that
nobody has imported yet may have to be imported by its own name. If the layout of the SDK changes, this
module has no effect and the import is the plain one. `tests/api/http/test_lean_import.py` notices when it stops being worth it.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib import import_module
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Final

_PACKAGES: Final = ("openai", "httpcore2")
_COMMENT: Final = re.compile("#.*")
# `from .module import Name`, with several names between parentheses.
_IMPORT: Final = re.compile(r"^from (\.[\w.]*) import (?:\(([^)]*)\)|(.*))", re.MULTILINE)


@contextmanager
def lean_openai() -> Iterator[None]:
    """Import the names of openai and httpcore2 inside this context; its optional transport of aiohttp stays out too (0.1 s)."""
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
        if fullname.partition(".")[0] not in _PACKAGES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.submodule_search_locations and isinstance(spec.loader, InspectLoader):
            spec.loader = _LateLoader(fullname, spec.loader)
        return spec


class _LateLoader(Loader):
    """Finds each name of a package when it is used."""

    def __init__(self, package: str, loader: InspectLoader) -> None:
        self._package, self._loader = package, loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def load(name: str) -> object:
            # A module may need names that only `__init__` itself makes: then that runs, as in a plain import.
            with suppress(ImportError):
                if name in self._origins:
                    place, original = self._origins[name]
                    value = self._find(place, original)
                    setattr(module, name, value)
                    return value
            if name.startswith("__") and not re.search(rf"^{name}\b", self._source, re.MULTILINE):
                # Python looks for many of these.
                raise AttributeError(name)
            if PathFinder.find_spec(f"{self._package}.{name}", module.__path__) is not None:
                return import_module(f"{self._package}.{name}")
            module.__dict__.pop("__getattr__", None)
            self._loader.exec_module(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = load

    def _find(self, place: str, name: str) -> object:
        """Return what `from place import name` gives in the package; raises ImportError."""
        if place.strip("."):
            return getattr(import_module(place, self._package), name)
        return import_module(f"{place}{name}", self._package)

    @cached_property
    def _source(self) -> str:
        try:
            source = self._loader.get_source(self._package)
        except ImportError as error:
            # What kept the file from being read, such as too many open files.
            raise error.__cause__ or error from error
        return _COMMENT.sub("", source or "")

    @cached_property
    def _origins(self) -> dict[str, tuple[str, str]]:
        """The module and the name there, by each name that `__init__` imports."""
        found: dict[str, tuple[str, str]] = {}
        for place, several, single in _IMPORT.findall(self._source):
            for part in (several or single).split(","):
                original, _, name = part.strip().partition(" as ")
                found[name or original] = place, original
        return found
