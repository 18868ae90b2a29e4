"""Drives real shells on terminals of their own, and reads from the screen what TAB offers."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from support.terminals import Terminal

PATIENCE = 60.0  # seconds; a shell that takes longer hangs
PROMPT = "ready> "
# Keys that neither a shell nor a terminal gives a meaning of its own.
TELL_LINE = "\x1d"
TELL_OFFERS = "\x1e"

# Each shell empties its line and answers with a file that ends in NUL: the line, or what it offers, one a line.

BASH = r"""
unset PROMPT_COMMAND HISTFILE
PS1='ready> '
. "$SCRIPT"
tell_line() { printf '%s\0' "$READLINE_LINE" >"$ANSWER"; READLINE_LINE=; READLINE_POINT=0; }
tell_offers() {
    local kept=${READLINE_LINE:0:READLINE_MARK} offered=${READLINE_LINE:READLINE_MARK}
    local word='^ *((\\.|"(\\.|[^"\\])*"|'\''[^'\'']*'\''|[^ "'\''\\])+) '
    READLINE_LINE=; READLINE_POINT=0
    {
        while [[ $offered =~ $word ]]; do
            # For readline, a word begins anew after each = and :.
            printf '%s\n' "${kept##* }${BASH_REMATCH[1]}"
            offered=${offered:${#BASH_REMATCH}}
        done
        # A quote that nothing closes.
        [[ ${offered// } ]] && printf '%s\n' "$offered"
        printf '\0'
    } >"$ANSWER"
}
bind -x '"\C-]": tell_line'
bind -x '"\C-xt": tell_offers'
# Set a mark at the end, insert all: readline first takes away what it completes, and thereby the mark moves to
# where the words will begin.
bind '"\C-^": "\e \e*\C-xt"'
"""

ZSH = r"""
PROMPT='ready> '
# The key after a TAB must not be taken for the answer to a question.
LISTMAX=9999
fpath=("$SCRIPT:h" $fpath)
autoload -Uz compinit && compinit -u -D
tell_line() { print -rn -- "$BUFFER"$'\0' >$ANSWER; BUFFER= }
insert_nth() { _main_complete; total=$compstate[nmatches]; compstate[insert]=$nth; compstate[list]= }
tell_offers() {
    local typed=$BUFFER
    local -a offered parsed
    integer nth=0 total=1
    # One at a time: in an open quote, zsh muddles the quotes of several.
    while (( ++nth <= total )); do
        BUFFER=$typed CURSOR=$#typed
        zle insert_nth
        parsed=(${(z)BUFFER})
        (( total )) && offered+=($parsed[-1])
    done
    print -rn -- "${(F)offered}"$'\0' >$ANSWER
    BUFFER=
}
zle -N tell_line
zle -N tell_offers
zle -C insert_nth complete-word insert_nth
bindkey '^]' tell_line '^^' tell_offers
"""

FISH = r"""
set -g fish_greeting
function fish_prompt; echo -n 'ready> '; end
source $SCRIPT
function tell_line
    set -l line "$(commandline)"
    commandline -r ''
    printf '%s\0' $line >$ANSWER
end
function tell_offers
    set -l words (complete --escape -C "$(commandline)" | string replace -r '\t.*' '')
    commandline -r ''
    begin; string join \n -- $words; printf '\0'; end >$ANSWER
end
bind \c] tell_line
bind \c^ tell_offers
"""

# What each is started with, and what it reads then.
SHELLS = {
    "bash": (("bash", "--norc", "--noprofile", "-i"), BASH),
    "zsh": (("zsh", "-d", "-i"), ZSH),
    "fish": (("fish", "--no-config", "-i", "-C", "source $ZDOTDIR/.zshrc"), FISH),
}


class Screen(Terminal):
    """A terminal that is typed on, and looked at meanwhile."""

    def wait(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, f"never: {what}; the screen:\n{self.text}"
            time.sleep(0.005)


@dataclass(frozen=True)
class Shell:
    """A shell at its prompt; its own files are not in the folder where it works."""

    screen: Screen
    own: Path

    @property
    def started(self) -> bool:
        """Return whether any process has run `mmpipe`."""
        return (self.own / "started").exists()

    def press_tab(self, line: str) -> str:
        """The whole line after one TAB, as the shell would run it."""
        return self._answer_to(f"{line}\t{TELL_LINE}")

    def offers(self, line: str) -> list[str]:
        """All that the last word could become, as it would stand on the line."""
        return sorted(set(self._answer_to(line + TELL_OFFERS).splitlines()))

    def _answer_to(self, keys: str) -> str:
        answer = self.own / "answer"
        self.screen.type(keys)
        self.screen.wait(
            lambda: answer.exists() and answer.read_bytes().endswith(b"\0"), f"answer to {keys!r}"
        )
        text = answer.read_text("utf-8").removesuffix("\0")
        answer.unlink()
        return text


@contextmanager
def interactive(name: str, script: Path, folder: Path) -> Iterator[Shell]:
    """bash, zsh or fish at work in the folder, with nothing loaded but the script; zsh takes the script's whole folder."""
    command, setup = SHELLS[name]
    with TemporaryDirectory() as own, Screen() as screen:
        _furnish(Path(own), setup)
        with subprocess.Popen(
            # The first terminal that the leader of a session opens is the one that controls it.
            ("sh", "-c", ': <>"$0"; exec "$@"', os.ttyname(screen.slave), *command),
            stdin=screen.slave,
            stdout=screen.slave,
            stderr=screen.slave,
            cwd=folder,
            env=_environment(Path(own), script.resolve(), folder.resolve()),
            start_new_session=True,
        ) as process:
            try:
                screen.wait(lambda: PROMPT in screen.text, "prompt")
                yield Shell(screen, Path(own))
            finally:
                os.killpg(process.pid, signal.SIGKILL)


def _furnish(own: Path, setup: str) -> None:
    # zsh reads only this name; the other shells source it explicitly.
    (own / ".zshrc").write_text(setup)
    stub = own / "bin" / "mmpipe"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\n: >"{own}/started"\n')
    stub.chmod(0o755)


def _environment(own: Path, script: Path, folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{own}/bin:{folder}/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "SCRIPT": str(script),
        "ANSWER": str(own / "answer"),
        "INPUTRC": os.devnull,
        # bash --norc reads no file before its first prompt.
        "PROMPT_COMMAND": '. "$ZDOTDIR/.zshrc"',
        "ZDOTDIR": str(own),
        **{f"XDG_{kind}_HOME": str(own) for kind in ("CONFIG", "DATA", "CACHE", "STATE")},
    }
