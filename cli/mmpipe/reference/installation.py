"""Install the completion scripts and the man page for the current user, and remove them again."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, assert_never

from mmpipe.dataclass import dataclass
from mmpipe.errors import OutputError, UsageError
from mmpipe.grammar import Tree
from mmpipe.reference.documents import generate_document
from mmpipe.reference.options import Document, InstalledDocument
from mmpipe.text.shell_words import quote_word
from mmpipe.text.visible import visible
from mmpipe.unix.replacement import open_replacement
from mmpipe.unix.streams import Streams
from mmpipe.unix.trusted_file import UntrustedFile, read_trusted

INSTALLED: Final[Sequence[InstalledDocument]] = ("bash", "zsh", "fish", "man")
_SEAL: Final = "Written by mmpipe completion --install; SHA-256 of the lines above: "
_FOREIGN: Final = "mmpipe did not install it"
_MOST: Final = 2**24  # bytes of a file that is looked at
_BASH_COMPLETION: Final = (
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/opt/homebrew/share/bash-completion/bash_completion",
)


@dataclass(frozen=True, slots=True)
class UserFolders:
    """The folders of the user: home, and those of the XDG specification for data and configuration."""

    home: str
    data: str
    config: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "UserFolders":
        """Return the folders that the environment names. Raises UsageError without an absolute HOME."""
        home = environment.get("HOME", "")
        if not home.startswith("/"):
            raise UsageError("HOME is not set to a folder: set it, or print a document without --install")

        def named(variable: str, default: str) -> str:
            folder = environment.get(variable, "")
            # The XDG specification: relative paths are ignored.
            return folder if folder.startswith("/") else f"{home.rstrip('/')}/{default}"

        return cls(home, named("XDG_DATA_HOME", ".local/share"), named("XDG_CONFIG_HOME", ".config"))

    def locate(self, document: InstalledDocument) -> str:
        """Return the path where the shell, or man, looks for the document."""
        match document:
            case "bash":
                return f"{self.data}/bash-completion/completions/mmpipe"
            case "zsh":
                return f"{self.data}/zsh/site-functions/_mmpipe"
            case "fish":
                return f"{self.config}/fish/completions/mmpipe.fish"
            case "man":
                # man searches beside the folders of PATH: ~/.local/bin has the programs of pipx and uv.
                return f"{self.home.rstrip('/')}/.local/share/man/man1/mmpipe.1"
            case _:
                assert_never(document)

    def advise(self, line: str, named: str, files: Sequence[str]) -> str | None:
        """Return the advice to add the line to the first file; None if one of them names the path already."""
        spellings = [named, *(named.replace(self.home, short, 1) for short in ("~", "$HOME", "${HOME}"))]
        return None if any(_mentions(file, spellings) for file in files) else f"add to {files[0]}: {line}"


def install_documents(
    chosen: Document | None, tree: Tree, streams: Streams, environment: Mapping[str, str]
) -> None:
    """Write the man page, and the script of the chosen shell or of those that the user has.

    All are written before any gets its name. Raises UsageError without HOME, and OutputError, also for a file that mmpipe
    did not install or that was edited.
    """
    folders = UserFolders.of(environment)
    names = list(dict.fromkeys((*_select(chosen), "man"))) if chosen else _find_used(folders, environment)
    paths = {name: folders.locate(name) for name in names}
    contents = {name: seal(name, generate_document(name, tree)) for name in names}
    with ExitStack() as replacements:
        wanted = [name for name in names if _is_needed(paths[name], contents[name])]
        for name in wanted:
            _write(paths[name], contents[name], replacements)
        try:
            replacements.close()
        except OSError as error:
            raise OutputError.from_os(error.filename2 or ", ".join(paths.values()), error) from error
    _show(streams, (f"{name}: {path}" for name, path in paths.items()))
    for name in names:
        if hint := _advise(name, paths[name], folders, environment):
            streams.report(hint)


def uninstall_documents(chosen: Document | None, streams: Streams, environment: Mapping[str, str]) -> None:
    """Remove the files that `install_documents` wrote; others are named and stay. Raises UsageError, OutputError."""
    folders = UserFolders.of(environment)
    left: list[str] = []
    for name in _select(chosen):
        path = folders.locate(name)
        found = _examine(path)
        if found is None:
            continue
        if found:
            # A package manager or the user put it there: pip writes the same files, and pipx links to them.
            if found == _FOREIGN or Path(path).is_symlink():
                streams.report(f"{path} stays: {found}")
            else:
                left.append(f"{path} ({found})")
            continue
        try:
            Path(path).unlink()
        except OSError as error:
            raise OutputError(f"cannot remove {path}: {error.strerror}") from error
        _show(streams, [f"removed {path}"])
    if left:
        raise OutputError(f"not removed: {', '.join(left)}")


def _find_used(folders: UserFolders, environment: Mapping[str, str]) -> Sequence[InstalledDocument]:
    """Return the man page and the shells of the user: of SHELL, or with a file of settings; without any those on PATH."""
    zsh = environment.get("ZDOTDIR") or folders.home
    settings: Mapping[InstalledDocument, Sequence[str]] = {
        "bash": (f"{folders.home}/.bashrc", f"{folders.home}/.bash_profile"),
        "zsh": (f"{zsh}/.zshrc", f"{zsh}/.zshenv"),
        "fish": (f"{folders.config}/fish/config.fish",),
    }
    login = Path(environment.get("SHELL", "")).name
    search = environment.get("PATH", os.defpath)
    used = {name for name, files in settings.items() if name == login or any(map(os.path.exists, files))}
    used = used or {name for name in settings if shutil.which(name, path=search)}
    return [name for name in INSTALLED if name in used or name == "man"]


def _select(chosen: Document | None) -> Sequence[InstalledDocument]:
    if chosen is None:
        return INSTALLED
    found = [name for name in INSTALLED if name == chosen]
    if not found:
        raise UsageError(f"{chosen} is not a file to install: choose {', '.join(INSTALLED)}, or none for all")
    return found


def seal(name: InstalledDocument, text: str) -> bytes:
    """Return the document with a comment that tells our files, and edited ones, from all others."""
    comment = r".\"" if name == "man" else "#"
    content = text.encode()
    return content + f"{comment} {_SEAL}{_digest(content)}\n".encode()


def _is_needed(path: str, content: bytes) -> bool:
    """Return whether the file has to be written. Raises OutputError if another file has its name."""
    unsealed = content[: content.rindex(b"\n", 0, -1) + 1]
    with suppress(OSError):
        # A package manager may have installed the same text, or a link to it, as pipx does with the man page.
        if read_trusted(os.path.realpath(path), _MOST) in (content, unsealed):
            return False
    if found := _examine(path):
        raise OutputError(f"nothing is installed: {path} is in the way: {found}")
    return True


def _check_again(path: str) -> None:
    """Raise OutputError if another file has taken the name in the meantime."""
    if found := _examine(path):
        raise OutputError(f"{path} is in the way: {found}")


def _examine(path: str) -> str | None:
    """Return None if there is no file, an empty text for a file of ours, or else why the file is not ours.

    Only a seal makes a file ours: a package manager installs the same text without one.
    """
    try:
        content = read_trusted(path, _MOST)
    except UntrustedFile as error:
        return error.strerror
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from error
    above, _, seal = content.removesuffix(b"\n").rpartition(b"\n")
    _, is_sealed, digest = seal.partition(_SEAL.encode())
    if is_sealed and digest.decode(errors="replace") == _digest(above + b"\n"):
        return ""
    return "it was edited" if _SEAL.encode() in content else _FOREIGN


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: str, content: bytes, replacements: ExitStack) -> None:
    """Write a new file that gets its name when `replacements` end. Raises OutputError."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = replacements.enter_context(open_replacement(path, 0o666))
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        # The last callback is called first: just before the rename.
        replacements.callback(_check_again, path)
    except OSError as error:
        raise OutputError.from_os(path, error) from error


def _show(streams: Streams, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    shown = visible(text) if streams.stdout.is_terminal else text
    streams.stdout.write(shown.encode(errors="surrogateescape"))


def _advise(
    name: InstalledDocument, path: str, folders: UserFolders, environment: Mapping[str, str]
) -> str | None:
    """Return what the user still has to do, or None if nothing."""
    folder = str(Path(path).parent)
    match name:
        case "bash":
            if any(Path(script).exists() for script in _BASH_COMPLETION):
                return None
            return folders.advise(f". {quote_word(path)}", path, [f"{folders.home}/.bashrc"])
        case "zsh":
            if folder in environment.get("FPATH", "").split(":"):
                return None
            files = [f"{environment.get('ZDOTDIR') or folders.home}/{file}" for file in (".zshrc", ".zshenv")]
            return folders.advise(f"fpath=({quote_word(folder)} $fpath)  # before compinit", folder, files)
        case "man":
            programs = f"{folders.home.rstrip('/')}/.local/bin"
            is_found = programs in environment.get("PATH", "").split(":") and not environment.get("MANPATH")
            return (
                None if is_found else f"man finds the page once {programs} is on PATH, and MANPATH is not set"
            )
        case _:
            return None


def _mentions(file: str, spellings: Iterable[str]) -> bool:
    with suppress(OSError):
        text = Path(file).read_bytes()[:_MOST].decode(errors="replace")
        return any(spelling in text for spelling in spellings)
    return False
