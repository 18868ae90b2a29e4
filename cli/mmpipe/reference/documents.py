"""The documents generated from the command tree, by the words of `mmpipe completion`."""

from collections.abc import Callable, Mapping

from mmpipe.grammar import Tree
from mmpipe.reference.bash import bash_script
from mmpipe.reference.fish import fish_script
from mmpipe.reference.manual import man_page
from mmpipe.reference.zsh import zsh_script

DOCUMENTS: Mapping[str, Callable[[Tree], str]] = {
    "bash": bash_script,
    "zsh": zsh_script,
    "fish": fish_script,
    "man": man_page,
}


def generate_document(name: str, tree: Tree) -> str:
    """Return the completion script of a shell, or the man page for `man`."""
    return DOCUMENTS[name](tree)
