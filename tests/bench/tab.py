"""The cost of a TAB in bash, against the script that Typer makes for the same commands: `python tests/bench/tab.py`.

Measured inside a bash by its own clock, around the function that it calls at TAB.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from typer.completion import get_completion_script  # type: ignore[attr-defined]  # what --show-completion shows

OURS = Path(__file__).parents[2] / "completions" / "mmpipe.bash"
ROUNDS = 20
LINES = (
    "mmpipe ch",
    "mmpipe chat --fo",
    "mmpipe chat --format=js",
    "mmpipe chat -m Mini",
    "mmpipe models Mini",
)

# The same commands with Typer's own completion switched on.
TYPER = f"""#!{sys.executable}
from typer.completion import completion_init
from mmpipe.command_line import command_line
completion_init()
command_line()(prog_name="mmpipe")
"""

# Prints the fastest of the rounds, in microseconds.
BASH = r"""
. "$1"
function=$(complete -p mmpipe) function=${function##*-F } function=${function%% *}
read -ra COMP_WORDS <<<"${2/=/ = }"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) best=
for ((round = 0; round < $3; round++)); do
    before=$EPOCHREALTIME
    "$function" mmpipe "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    after=$EPOCHREALTIME
    took=$((${after/./} - ${before/./}))
    [[ -z $best || $took -lt $best ]] && best=$took
done
echo "$best ${#COMPREPLY[@]}"
"""


def fastest(script: Path, line: str, path: str) -> tuple[float, int]:
    """Milliseconds, and how many words were offered."""
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", script, line, str(ROUNDS)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    microseconds, offered = done.stdout.split()
    return int(microseconds) / 1000, int(offered)


def main() -> None:
    """Print a line for each command line."""
    with tempfile.TemporaryDirectory() as name:
        program, script = Path(name, "mmpipe"), Path(name, "typer.bash")
        program.write_text(TYPER)
        program.chmod(0o755)
        script.write_text(
            get_completion_script(prog_name="mmpipe", complete_var="_MMPIPE_COMPLETE", shell="bash")  # noqa: S604  the name of one
        )
        path = f"{name}:{os.environ['PATH']}"
        for line in LINES:
            (ours, offered), (typer, theirs) = fastest(OURS, line, path), fastest(script, line, path)
            print(
                f"{line:26} ours {ours:6.2f} ms ({offered} words)   Typer's {typer:7.1f} ms ({theirs} words)"
                f"   {ours / typer:6.4f} x"
            )


if __name__ == "__main__":
    main()
