"""Writes the completion script of bash: no process is started at TAB, and bash-completion is not needed."""

from collections.abc import Mapping, Sequence

from mmpipe.commands import Command, alike
from mmpipe.reference.values import Kind, Values, values

# `$2` is the word without its quotes. COMP_WORDS holds words as they were typed, with `=` as a word of its own
# unless somebody has taken it out of COMP_WORDBREAKS (npm does).
_SCRIPT = r"""# Completion of mmpipe in bash. Made by `mmpipe completion bash`; change the program, not this file.

# Sets `kind` and `words` for the value of option $2 of command $1, or of the command itself for no option.
_mmpipe_value() {
    kind=flag words=
    case $1 in
@VALUES@    esac
}

_mmpipe_options() {
    kind=words
    case $1 in
@OPTIONS@    esac
}

# Of letters in one word, sets `option` to the one that takes a value, and `rest` to what stands behind it.
_mmpipe_letters() {
    rest=${2#-}
    while [[ -n $rest ]]; do
        option=-${rest:0:1} rest=${rest:1}
        _mmpipe_value "$1" "$option"
        [[ $kind == flag ]] || return 0
    done
    return 1
}

# Completes the command that begins at word $1.
_mmpipe_command() {
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        words=$(compgen -c -- "$cur") && _mmpipe_offer
    elif [[ ${COMP_WORDS[$1]##*/} == mmpipe ]]; then
        COMP_WORDS=("${COMP_WORDS[@]:$1}") COMP_CWORD=$((COMP_CWORD - $1))
        _mmpipe mmpipe "$cur"
    else
        compopt -o default 2>/dev/null
    fi
}

_mmpipe_offer() {
    local word
    for word in $words; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$prefix$word")
    done
}

_mmpipe_files() {
    local file
    if [[ -z $prefix ]]; then
        # Bash itself quotes best.
        compopt -o default 2>/dev/null
        return
    fi
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
        [[ -d $file ]] && file+=/ && compopt -o nospace 2>/dev/null
        COMPREPLY+=("$prefix$file")
    done < <(compgen -f -- "$cur")
}

_mmpipe() {
    local IFS=$' \t\n' cur=$2 typed=${COMP_WORDS[COMP_CWORD]}
    local kind= words= option= rest= prefix= pending= command= closed= position=0 word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $pending ]]; then
            [[ $word == = && $pending == --* && ${COMP_WORDS[i - 1]} == "$pending" ]] || pending=
        elif [[ -z $closed && $word == -- ]]; then
            closed=1
        elif [[ -z $closed && $word == --* ]]; then
            _mmpipe_value "$command" "$word"
            [[ $kind == flag ]] || pending=$word
        elif [[ -z $closed && $word == -?* ]]; then
            _mmpipe_letters "$command" "$word" && [[ -z $rest ]] && pending=$option
        elif [[ -z $command ]]; then
            command=$word
        else
            ((position++))
            _mmpipe_value "$command" ''
            if [[ $kind == command ]]; then
                _mmpipe_command "$i"
                return
            fi
        fi
    done

    if [[ -n $pending ]]; then
        _mmpipe_value "$command" "$pending"
        # The `=` is the word that is completed as long as nothing follows it.
        [[ $typed == = && $pending == --* ]] && cur=
    elif [[ -z $closed && $typed == --*=* ]]; then
        _mmpipe_value "$command" "${typed%%=*}"
        prefix=${typed%%=*}= cur=${cur#*=}
    elif [[ -z $closed && $typed == -[!-]?* ]] && _mmpipe_letters "$command" "$typed"; then
        prefix=${typed%"$rest"} cur=$rest
    elif [[ -z $closed && $typed == -* ]]; then
        _mmpipe_options "$command"
    else
        _mmpipe_value "$command" ''
        ((position > 0)) && kind=text
    fi

    case $kind in
        words) _mmpipe_offer ;;
        files) _mmpipe_files ;;
        command) _mmpipe_command "$COMP_CWORD" ;;
    esac
}

if type compopt &>/dev/null; then
    complete -F _mmpipe mmpipe
else
    # Before bash 4 a function cannot ask for file names.
    complete -o default -F _mmpipe mmpipe
fi
"""


def bash(commands: Sequence[Command]) -> str:
    """The script for these commands, the first of which is the program."""
    program, *rest = commands
    names = Values(Kind.WORDS, tuple(command.name for command in rest))
    patterns = [(" | ".join(names), command) for names, command in alike(rest)]
    cases = "".join(_case(pattern, _by_values(command)) for pattern, command in patterns)
    options = "".join(_options(pattern, command) for pattern, command in [("''", program), *patterns])
    return _SCRIPT.replace("@VALUES@", _case("''", {names: ["''"]}) + cases).replace("@OPTIONS@", options)


def _by_values(command: Command) -> Mapping[Values, Sequence[str]]:
    """The names of parameters by what may follow them; an argument has an empty name."""
    found: dict[Values, list[str]] = {}
    for parameter in (*command.options, *command.arguments):
        found.setdefault(values(parameter), []).extend(parameter.names or ["''"])
    return found


def _case(commands: str, by_values: Mapping[Values, Sequence[str]]) -> str:
    lines = f"        {commands})\n            case $2 in\n"
    for found, names in by_values.items():
        if found.kind is not Kind.FLAG:
            words = f" words='{' '.join(found.words)}'" if found.words else ""
            lines += f"                {' | '.join(names)}) kind={found.kind}{words} ;;\n"
    return f"{lines}            esac\n            ;;\n"


def _options(commands: str, command: Command) -> str:
    words = " ".join(name for option in command.options for name in option.names)
    return f"        {commands}) words='{words}' ;;\n"
