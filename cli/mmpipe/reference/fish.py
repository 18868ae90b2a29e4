"""Generate the completion script of fish."""

from collections.abc import Iterator, Mapping
from typing import Final

from mmpipe.grammar import Command, Parameter, Tree
from mmpipe.reference.values import ValueKind, offered_values

_SCRIPT = r"""# Completion of mmpipe in fish. Made by `mmpipe completion fish`; change the program, not this file.

# Succeeds if the command is one of the arguments; an empty argument means no command yet.
function __mmpipe_at
    set -l typed (string match -v -- '-*' (commandline -opc)[2..])
    contains -- "$typed[1]" $argv
end

# Prints the words of the command that `mmpipe @RUNNER@` runs; fails without such words.
function __mmpipe_inner
    __mmpipe_at @RUNNER@; or return
    set -l words (commandline -opc)
    set -e words[1..(contains -i -- @RUNNER@ $words)]
    argparse -s @SPECS@ -- $words 2>/dev/null; or return
    set -q argv[1]; and printf '%s\n' $argv
end

function __mmpipe_at_runner
    __mmpipe_at @RUNNER@; and not __mmpipe_inner >/dev/null
end

function __mmpipe_complete_inner
    __fish_complete_subcommand --commandline (__mmpipe_inner) (commandline -ct)
end

# Prints the names of the profiles in the configuration file.
function __mmpipe_profiles
    set -l folder $XDG_CONFIG_HOME
    test -n "$folder"; or set folder ~/.config
    string replace -rf '^\s*\[\s*profile\s*\.\s*"?([\w-]+).*' '$1' <$folder/mmpipe/config.toml 2>/dev/null
end

# Prints ID=@FILE with the files, behind the text up to `@` in the word.
function __mmpipe_result
    set -l word (commandline -ct)
    string match -q '*=@*' -- $word; or return
    set -l before (string replace -r '=@.*' '=@' -- $word)
    for file in (__fish_complete_path (string replace -r '^.*?=@' '' -- $word))
        printf '%s%s\n' $before $file
    end
end

# Prints NAME= with the names of the tools in the file of --tools, and then the commands.
function __mmpipe_run
    set -l word (commandline -ct)
    if string match -q '*=*' -- $word
        # It leaves what stands before the sign as it is.
        __fish_complete_command
        return
    end
    set -l words (commandline -opc)
    set -l place (contains -i -- --tools $words); or return
    string match -rga '"name"\s*:\s*"([\w.-]+)"' <$words[(math $place + 1)] 2>/dev/null | string replace -r '$' =
end

complete -c mmpipe -f
complete -c mmpipe -n '__mmpipe_inner >/dev/null' -a '(__mmpipe_complete_inner)'
"""

# What prints the values of a kind.
_CALLS: Final[Mapping[ValueKind, str]] = {
    ValueKind.FOLDERS: "__fish_complete_directories",
    ValueKind.PROFILES: "__mmpipe_profiles",
    ValueKind.VARIABLES: "set -nx",
    ValueKind.RESULT: "__mmpipe_result",
    ValueKind.RUN: "__mmpipe_run",
    ValueKind.COMMAND: "__fish_complete_command",
}


def fish_script(tree: Tree) -> str:
    """Return the script of the tree."""
    runner = next(command for command in tree.commands if command.takes_command)
    script = _SCRIPT.replace("@RUNNER@", runner.name).replace("@SPECS@", " ".join(map(_spec, runner.options)))
    lines = [_line("__mmpipe_at ''", f"-a {command.name}", command.summary) for command in tree.commands]
    lines += _lines("__mmpipe_at ''", tree.program)
    for names, command in tree.alike():
        lines += _lines(
            "__mmpipe_at_runner" if command is runner else f"__mmpipe_at {' '.join(names)}", command
        )
    return f"{script}{''.join(lines)}"


def _lines(condition: str, command: Command) -> Iterator[str]:
    for option in command.options:
        names = (f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        yield _line(condition, " ".join((*names, *_value(option))), option.help)
    for argument in command.arguments:
        match offered_values(argument).kind:
            case ValueKind.TEXT:
                pass
            case ValueKind.FILES:
                # An argument has no option whose value -r could require.
                yield _line(condition, "-F", argument.help)
            case _:
                yield _line(condition, " ".join(_value(argument)), argument.help)


def _line(condition: str, options: str, description: str) -> str:
    return f"complete -c mmpipe -n {_quoted(condition)} {options} -d {_quoted(description)}\n"


def _value(parameter: Parameter) -> Iterator[str]:
    """Yield the options that make fish complete the value; none for a flag."""
    found = offered_values(parameter)
    match found.kind:
        case ValueKind.FLAG:
            pass
        case ValueKind.WORDS:
            yield f"-x -a {_quoted(' '.join(found.words))}"
        case ValueKind.FILES:
            yield "-r -F"
        case kind if kind in _CALLS:
            yield f"-x -a '({_CALLS[kind]})'"
        case _:
            yield "-x"


def _spec(option: Parameter) -> str:
    """Return the option as argparse has it: `f/file=`."""
    names = "/".join(name.lstrip("-") for name in option.names)
    return names if offered_values(option).kind is ValueKind.FLAG else f"{names}="


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
