"""Draws the picture of the README: what real runs print on a terminal, as an SVG. Run: `python tests/pictures/draw.py`.

The simulator stands in for the service. Nothing is fetched when the picture is shown: its font is the reader's own.
"""

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parents[2] / "completions" / "mmpipe.svg"
SESSION = (
    'echo "Why is the sky blue?" | mmpipe sim -- mmpipe stream',
    'mmpipe chat -F jsom "Name a prime."',
    "seq 20 | mmpipe sim --fail 400:#7 -- mmpipe batch -j1 -o answers.jsonl",
)
_WIDTH = 92  # columns
# That of rich, without the window's buttons and without the font that it would fetch.
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_ERASED = re.compile(r"[^\n]*(?:\r(?!\n)|\x1b\[K)")


def perform() -> str:
    """Return what the session prints on a terminal, its commands included, without what was erased again."""
    with tempfile.TemporaryDirectory() as folder:
        return "\n".join(f"\x1b[1m$ {line}\x1b[0m\n{_run(line, folder)}" for line in SESSION)


def draw(session: str) -> str:
    """Return the SVG of a text with escape sequences."""
    console = Console(
        width=_WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in session.splitlines():
        console.print(Text.from_ansi(line), overflow="fold", highlight=False)
    svg = console.export_svg(title="", code_format=_FORMAT, unique_id="mmpipe")
    return re.sub(r"[ \t]+\n", "\n", svg)


def _run(line: str, folder: str) -> str:
    """Return what a line of the shell prints, on one terminal for stdout and stderr."""
    ours, theirs = pty.openpty()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "HOME": folder,
        "TERM": "xterm-256color",
        "COLUMNS": str(_WIDTH),
    }
    with subprocess.Popen(
        ["sh", "-c", line],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=environment,
    ):
        os.close(theirs)
        written = bytearray()
        try:
            while piece := os.read(ours, 65536):
                written += piece
        except OSError:
            # EIO: nobody has the terminal open any more.
            pass
        finally:
            os.close(ours)
    return _ERASED.sub("", written.decode().replace("\r\n", "\n"))


if __name__ == "__main__":
    PICTURE.write_text(draw(perform()))
