"""Reads the files beside a schema that it refers to: only those in its folder, a bounded number, never from the network."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urljoin, urlsplit

from mmpipe.errors import InputError, UsageError
from mmpipe.structured.references import escape_references
from mmpipe.structured.schema_text import compact_schema, parse_schema_text
from mmpipe.text.visible import one_line

_MOST_FILES: Final = 100
_MOST_BYTES: Final = 8 * 2**20
_NO_FOLDER: Final = "schema:///"
_ALONE: Final = "a schema must hold everything that it refers to, since nothing is fetched"
_NOT_FETCHED: Final = "nothing is fetched: save it beside the schema, and refer to it by its file name"


@dataclass(slots=True, eq=False)
class SchemaFolder:
    """Finds the documents that the schema `name` refers to; without a `folder` there are none.

    `read` returns the text of a file; raises InputError, and UsageError for one that is another input of the run. `texts` are those that were read, as compact JSON, by their path in the folder. `error` is the last reason to refuse one.
    """

    name: str
    folder: Path | None = None
    read: Callable[[str], str] | None = None
    own_base: str = field(default="", init=False)  # the URI of the folder, by the schema's own `$id`
    texts: dict[str, str] = field(default_factory=dict, init=False)
    error: InputError | UsageError | None = field(default=None, init=False)
    _bytes: int = field(default=0, init=False)

    @classmethod
    def of(cls, path: str, schema: Mapping[str, object], read: Callable[[str], str]) -> Self:
        """Return the folder of the schema in the file `path`."""
        folder = Path(os.path.realpath(Path(path).parent))
        found = cls(path, folder, read)
        identity = schema.get("$id", schema.get("id"))
        if isinstance(identity, str) and identity:
            base = urljoin(urljoin(found.base_uri, identity), ".")
            # A relative `$id` is a place in the folder, and needs no translation.
            found.own_base = "" if base.startswith(_folder_uri(folder)) else base
        return found

    @property
    def base_uri(self) -> str:
        """The URI of the schema, against which its references are resolved."""
        return _NO_FOLDER if self.folder is None else _folder_uri(self.folder) + "schema"

    def retrieve(self, uri: str) -> object:
        """Return the document at `uri`; raises an error, and keeps it, for the validator hides what is raised here."""
        try:
            return self._read(uri)
        except (InputError, UsageError) as error:
            self.error = error
            raise

    def _read(self, uri: str) -> object:
        shown = one_line(uri.removeprefix(_NO_FOLDER), 200)
        relative = self._find(uri)
        if self.folder is None or self.read is None or relative is None:
            raise InputError(
                f"{self.name} refers to {shown}", hint=_ALONE if self.folder is None else _NOT_FETCHED
            )
        path = self._resolve(self.folder, relative)
        self._check_file(path, relative)
        text = self.read(path)
        value = parse_schema_text(text, f"{path} (in {self.name})")
        self.texts[os.path.relpath(path, self.folder)] = compact_schema(text, path)
        return escape_references(value)

    def _find(self, uri: str) -> str | None:
        """Return the path, relative to the folder, of the file that `uri` means; None if it means none."""
        if self.folder is None:
            return None
        if self.own_base and uri.startswith(self.own_base):
            return unquote(uri.removeprefix(self.own_base)) or None
        parts = urlsplit(uri)
        if parts.scheme != "file" or parts.netloc or parts.query:
            return None
        return os.path.relpath(unquote(parts.path), self.folder)

    def _resolve(self, folder: Path, relative: str) -> str:
        """Return the path without links, so that none leads out of the folder."""
        shown = one_line(relative, 200)
        try:
            path = os.path.realpath(folder / relative)
            # An address often has no ending.
            path = path if Path(path).exists() else os.path.realpath(folder / f"{relative}.json")
        except ValueError as error:
            raise InputError(f"cannot read {shown}, to which {self.name} refers: {error}") from error
        if not Path(path).is_relative_to(folder):
            what = f"{self.name} refers to {shown}, which is not in the folder of the schema"
            raise InputError(f"{what}: only files there are read")
        return path

    def _check_file(self, path: str, relative: str) -> None:
        """Raise InputError for what is no regular file, and beyond the limits on all files."""
        name = f"{one_line(relative, 200)}, to which {self.name} refers"
        try:
            found = Path(path).stat()
        except OSError as error:
            raise InputError(f"cannot read {name}: {error.strerror}") from error
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"cannot read {name}: it is no regular file")
        self._bytes += found.st_size
        if self._bytes > _MOST_BYTES or len(self.texts) >= _MOST_FILES:
            raise InputError(
                f"{self.name} refers to too much: at most {_MOST_FILES} files of {_MOST_BYTES} bytes in all"
            )


def _folder_uri(folder: Path) -> str:
    return f"{folder.as_uri().rstrip('/')}/"
