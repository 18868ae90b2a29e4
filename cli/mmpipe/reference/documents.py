"""Knows the files that are made of the tree of commands, by what they are for."""

from collections.abc import Callable, Mapping

from mmpipe.grammar import Tree
from mmpipe.reference.bash import bash
from mmpipe.reference.fish import fish
from mmpipe.reference.manual import manual
from mmpipe.reference.zsh import zsh

DOCUMENTS: Mapping[str, Callable[[Tree], str]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
    "man": manual,
}


def document(name: str, tree: Tree) -> str:
    """The completion script of a shell, or the manual page for `man`."""
    return DOCUMENTS[name](tree)
