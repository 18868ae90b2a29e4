"""Refuses a file of a kind that is not taken, with what to do about it: where text, records or images are wanted; pure."""

from typing import Final

from mmpipe.text.file_kinds import FileKind
from mmpipe.text.visible import one_line

ATTACHED: Final = "only images and videos can be attached"
_CONVERTED: Final = {
    "image": "PNG, JPEG, GIF and WebP can be attached: convert it, as with `magick FILE photo.png`",
    "video": "MP4, MOV, AVI and Matroska can be attached: convert it, as with `ffmpeg -i FILE video.mp4`",
}


def refuse_as_text(kind: FileKind, name: str, path: str | None) -> str:
    """Return the message where text is wanted; `name` is that of the file in sentences, `path` what a command can read."""
    advice = ""
    if kind.family in _CONVERTED:
        advice = ": attach it with -a"
    elif kind.is_exported:
        advice = ": export it as CSV or text"
    elif kind.command is not None:
        advice = f": `{kind.command}` prints what is in it"
    return f"{name} is {kind.name}, not text{_name_file(advice, path)}"


def refuse_as_records(kind: FileKind, name: str, path: str | None) -> str:
    """Return the message where records are wanted, in the same words."""
    advice = ""
    if kind.family in _CONVERTED:
        advice = ": `mmpipe chat -a FILE` asks about it"
    elif kind.is_exported:
        advice = ": export its table as CSV"
    elif kind.name == "an SQLite database":
        advice = ": `sqlite3 -csv -header FILE 'SELECT ...' | mmpipe batch --input-format csv`"
    elif kind.command is not None:
        table = " (--input-format csv for a table)" if kind.family in ("archive", "compressed") else ""
        advice = f": `{kind.command} | mmpipe batch` reads its content{table}"
    return f"{name} is {kind.name}, not text{_name_file(advice, path)}"


def refuse_as_attachment(kind: FileKind, name: str) -> tuple[str, str]:
    """Return the sentence and the hint where an image or a video is wanted; `name` is a path, or a name in sentences."""
    shown = one_line(name, 200)
    if kind.family in _CONVERTED:
        return f"{shown} is {kind.name}: {_CONVERTED[kind.family]}", ""
    hint = "export it as CSV or text" if kind.is_exported else ""
    if kind.command is not None:
        hint = f"`{kind.command}` prints what is in it"
    return f"{shown} is {kind.name}: {ATTACHED}", _name_file(hint, name)


def _name_file(advice: str, path: str | None) -> str:
    # Needed only after an error.
    from mmpipe.text.shell_words import name_file

    return advice.replace("FILE", name_file(path))
