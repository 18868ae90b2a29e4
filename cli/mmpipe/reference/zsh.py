"""Generate the completion function of zsh, for a folder of its fpath or to be sourced."""

from collections.abc import Iterator, Sequence

from mmpipe.grammar import Command, Parameter, Tree
from mmpipe.reference.values import ValueKind, offered_values

_SCRIPT = r"""#compdef mmpipe
# Completion of mmpipe in zsh. Made by `mmpipe completion zsh`; change the program, not this file.

# Completes the command that mmpipe runs, as at a prompt.
_mmpipe_inner() {
    # A leading `--` is still among the words.
    [[ $words[1] == -- ]] && shift words && ((CURRENT--))
    _normal
}

# Completes the names of the profiles in the configuration file.
_mmpipe_profiles() {
    local line file=${XDG_CONFIG_HOME:-$HOME/.config}/mmpipe/config.toml
    local -a names match mbegin mend
    [[ -r $file ]] || return 1
    for line in ${(f)"$(<$file)"}; do
        [[ $line =~ '^[[:blank:]]*\[[[:blank:]]*profile[[:blank:]]*\.[[:blank:]]*"?([[:alnum:]_-]+)' ]] && names+=($match[1])
    done
    _wanted profiles expl profile compadd -a names
}

# Completes the file in ID=@FILE.
_mmpipe_result() {
    compset -P '*=@' && _files
}

# Completes NAME=COMMAND: the names of the tools in the file of --tools, then the commands.
_mmpipe_run() {
    if compset -P '*='; then
        _command_names -e
        return
    fi
    local file=${opt_args[--tools]} rest
    local -a names match mbegin mend
    file=${(Q)file}
    [[ -r $file ]] || return 1
    rest=$(<$file)
    while [[ $rest =~ '"name"[[:space:]]*:[[:space:]]*"([[:alnum:]_.-]+)"' ]]; do
        names+=($match[1])
        rest=${rest[MEND+1,-1]}
    done
    _wanted tools expl tool compadd -S = -a names
}

_mmpipe() {
    local curcontext=$curcontext context state line ret=1
    typeset -A opt_args
    _arguments -C -s -S : \
@PROGRAM@        '1: :->command' \
        '*:: :->arguments' && ret=0

    case $state in
        command)
            local -a commands=(
@COMMANDS@            )
            _describe -t commands command commands && ret=0
            ;;
        arguments)
            curcontext=${curcontext%:*:*}:mmpipe-$words[1]:
            case $words[1] in
@ARGUMENTS@            esac
            ;;
    esac
    return ret
}

if [[ $funcstack[1] == _mmpipe ]]; then
    _mmpipe "$@"
else
    compdef _mmpipe mmpipe
fi
"""


def zsh_script(tree: Tree) -> str:
    """Return the function of the tree."""
    described = (_quoted(f"{_escaped(command.name)}:{command.summary}") for command in tree.commands)
    return (
        _SCRIPT.replace("@PROGRAM@", "".join(f"        {spec} \\\n" for spec in _specs(tree.program)))
        .replace("@COMMANDS@", "".join(f"                {line}\n" for line in described))
        .replace("@ARGUMENTS@", "".join(_arguments(*same) for same in tree.alike()))
    )


def _arguments(names: Sequence[str], command: Command) -> str:
    lines = " \\\n".join(f"                        {spec}" for spec in _specs(command))
    return (
        f"                {'|'.join(names)})\n"
        f"                    _arguments -s -S : \\\n{lines} && ret=0\n"
        "                    ;;\n"
    )


def _specs(command: Command) -> Iterator[str]:
    for option in command.options:
        yield _option(option)
    for argument in command.arguments:
        yield from _argument(argument)


def _option(option: Parameter) -> str:
    value = _value(option)
    # `+` allows the value in the same word, `=` after that sign too.
    names = [_attached(name) if value else name for name in option.names]
    alternatives = f"{{{','.join(names)}}}" if len(names) > 1 else names[0]
    excluded = "'*'" if option.repeatable else f"'({' '.join(option.names)})'"
    return f"{excluded}{alternatives}{_quoted(f'[{_bracketed(option.help)}]{value}')}"


def _attached(name: str) -> str:
    return f"{name}=" if name.startswith("--") else f"{name}+"


def _argument(argument: Parameter) -> Iterator[str]:
    if offered_values(argument).kind is ValueKind.COMMAND:
        yield "'(-)1:command: _command_names -e'"
        yield "'*::argument: _mmpipe_inner'"
    else:
        place = "*" if argument.repeatable else "1"
        # With a message alone, zsh would not complete a single option at once.
        value = (
            f":{argument.metavar}:()" if offered_values(argument).kind is ValueKind.TEXT else _value(argument)
        )
        yield _quoted(f"{place}{value}")


def _value(parameter: Parameter) -> str:
    """Return the message and the action of a specification; empty for a flag."""
    found = offered_values(parameter)
    message = _escaped(parameter.metavar)
    match found.kind:
        case ValueKind.FLAG:
            return ""
        case ValueKind.WORDS:
            return f":{message}:({' '.join(found.words)})"
        case ValueKind.FILES:
            return f":{message}:_files"
        case ValueKind.FOLDERS:
            return f":{message}:_path_files -/"
        case ValueKind.PROFILES:
            return f":{message}:_mmpipe_profiles"
        case ValueKind.RESULT:
            return f":{message}:_mmpipe_result"
        case ValueKind.RUN:
            return f":{message}:_mmpipe_run"
        case ValueKind.VARIABLES:
            return f':{message}:_parameters -g "*export*"'
        case _:
            return f":{message}: "


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _bracketed(text: str) -> str:
    return _escaped(text).replace("[", "\\[").replace("]", "\\]")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
