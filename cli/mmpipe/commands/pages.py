"""The version and the help: pages that the tree alone gives, so that a line which asks for nothing else needs no parser."""

from mmpipe import __version__
from mmpipe.commands.program import Program


def show_asked_page(program: Program) -> bool:
    """Show the page, if the whole line asks for one; return True if so."""
    match program.arguments:
        case ["--version"]:
            show_version(program)
        case ["-h" | "--help" | "help"]:
            show_help(program, None)
        case [name, "-h" | "--help"] | ["help", name] if name in program.tree.loaders:
            show_help(program, name)
        case _:
            return False
    return True


def show_version(program: Program) -> None:
    """Write the name and the version of the program."""
    program.show(f"{program.tree.program.name} {__version__}\n")


def show_help(program: Program, name: str | None) -> None:
    """Draw the help of the command of that name, or of the program."""
    from mmpipe.reference.help import PageStyle, format_help

    output = program.streams.stdout
    output.draw(format_help(program.tree, name, PageStyle.of(output, program.environment)))
