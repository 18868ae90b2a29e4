"""A key that must show nowhere: the ways to give it, and a search for it in streams and files."""

import base64
import os
from pathlib import Path

from support.harness import Finished
from support.tool_conversations import command

# No other test has it, whose processes may be seen by these.
KEY = "sk-cp-4711-nowhere-to-be-seen-0815"
# What the simulator shows of a key is its end.
SEEN = 4
WAYS = ("environment", "--api-key-file", "api_key_command")


def given(way: str, base_url: str) -> tuple[dict[str, str], list[str]]:
    """The environment and the options by which mmpipe gets the key; what they need is in the folder `secret`."""
    folder = Path("secret")
    folder.mkdir(exist_ok=True)
    (folder / "key").write_text(f"{KEY}\n")
    (folder / "key").chmod(0o600)
    host = {"MINIMAX_BASE_URL": base_url}
    if way == "environment":
        return {**host, "MINIMAX_API_KEY": KEY}, []
    if way == "--api-key-file":
        return {}, ["--base-url", base_url, "--api-key-file", "secret/key"]
    ask = command("ask", "env > asked.env; cat /proc/$$/cmdline > asked.arguments; cat secret/key")
    config = folder / "mmpipe" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(f'base_url = "{base_url}"\napi_key_command = "{ask}"\n')
    # A key for something else is not the command's business either.
    return {"XDG_CONFIG_HOME": str(folder.resolve()), "OPENAI_API_KEY": KEY}, []


def shows(data: bytes) -> bool:
    """Return whether eight characters in a row of the key are in the data, plain or as in a header or an address."""
    core = KEY[6:-SEEN]
    parts = [core[start : start + 8] for start in range(len(core) - 7)]
    dressed = [base64.b64encode(f"{filler}{KEY}".encode())[4:-4] for filler in ("", ":", "::")]
    return any(part.encode() in data for part in parts) or any(word in data for word in dressed)


def where_it_shows(*runs_done: Finished) -> list[str]:
    """Return the streams of these runs and the files of this folder that show the key; the folder `secret` is left out."""
    shown = [
        f"{name} of run {number}"
        for number, done in enumerate(runs_done)
        for name, data in (("stdout", done.stdout), ("stderr", done.stderr))
        if shows(data)
    ]
    files = [path for path in sorted(Path().rglob("*")) if path.is_file() and path.parts[0] != "secret"]
    return [*shown, *[str(path) for path in files if shows(path.read_bytes()) or shows(os.fsencode(path))]]
