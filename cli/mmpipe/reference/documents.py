"""The documents generated from the command tree, by the words of `mmpipe completion`."""

from typing import assert_never

from mmpipe.grammar import Tree
from mmpipe.reference.agent import agent_page
from mmpipe.reference.bash import bash_script
from mmpipe.reference.fish import fish_script
from mmpipe.reference.manual import man_page
from mmpipe.reference.options import Document
from mmpipe.reference.zsh import zsh_script


def generate_document(name: Document, tree: Tree) -> str:
    """Return the completion script of a shell, the man page for `man`, or the page for programs."""
    match name:
        case "bash":
            return bash_script(tree)
        case "zsh":
            return zsh_script(tree)
        case "fish":
            return fish_script(tree)
        case "man":
            return man_page(tree)
        case "agent":
            return agent_page(tree)
        case _:
            assert_never(name)
