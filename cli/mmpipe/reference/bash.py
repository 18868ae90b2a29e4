"""Generate the completion script of bash. TAB starts no process, and bash-completion is not needed."""

from collections.abc import Mapping, Sequence

from mmpipe.grammar import Command, Tree
from mmpipe.reference.values import OfferedValues, ValueKind, offered_values

# `$2` is the word without its quotes. COMP_WORDS has the words as typed. There `=` is a word of its own, unless it was
# removed from COMP_WORDBREAKS (as npm does).
_SCRIPT = r"""# Completion of mmpipe in bash. Made by `mmpipe completion bash`; change the program, not this file.

# Sets `kind` and `words` for the value of option $2 of command $1, or for its `first` or a `later` argument.
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

# In a word of short options, sets `option` to the one that takes a value, and `rest` to the text behind it.
_mmpipe_letters() {
    rest=${2#-}
    while [[ -n $rest ]]; do
        option=-${rest:0:1} rest=${rest:1}
        _mmpipe_value "$1" "$option"
        if [[ $kind != flag ]]; then return 0; fi
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
        words=$(compgen -c -- "$cur")
        _mmpipe_offer
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
        if [[ $word == "$cur"* ]]; then COMPREPLY+=("$prefix$word"); fi
    done
}

# Completes paths as `compopt -o $1` and `compgen $2` do.
_mmpipe_paths() {
    local file quoted
    if [[ -z $prefix && ! ($behind == '=' && $cur == '~/'*) ]]; then
        # Here bash itself completes and quotes.
        compopt -o "$1" 2>/dev/null
        return
    fi
    cur=${cur//\\/}
    # Bash does not expand a tilde inside a word, so this does.
    if [[ $cur == '~/'* ]]; then cur=$HOME${cur:1}; fi
    while IFS= read -r file; do
        printf -v quoted %q "$file"
        if [[ -d $file ]]; then
            quoted+=/
            compopt -o nospace 2>/dev/null
        fi
        COMPREPLY+=("$prefix$quoted")
    done < <(compgen "$2" -- "$cur")
}

# Sets `words` to the names of the profiles in the configuration file.
_mmpipe_profiles() {
    local line file=${XDG_CONFIG_HOME:-${HOME-}/.config}/mmpipe/config.toml
    local table='^[[:blank:]]*\[[[:blank:]]*profile[[:blank:]]*\.[[:blank:]]*"?([[:alnum:]_-]+)'
    words=
    if [[ ! -r $file ]]; then return; fi
    while IFS= read -r line; do
        if [[ $line =~ $table ]]; then words+=" ${BASH_REMATCH[1]}"; fi
    done <"$file"
}

# Sets `words` to NAME= for each tool in the file of --tools.
_mmpipe_tools() {
    local i file= rest= name='"name"[[:space:]]*:[[:space:]]*"([[:alnum:]_.-]+)"'
    words=
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == --tools ]]; then
            file=${COMP_WORDS[i + 1]}
            if [[ $file == = ]]; then file=${COMP_WORDS[i + 2]}; fi
        fi
    done
    if [[ ! -r $file ]]; then return; fi
    rest=$(<"$file")
    while [[ $rest =~ $name ]]; do
        words+=" ${BASH_REMATCH[1]}="
        rest=${rest#*"${BASH_REMATCH[0]}"}
    done
    compopt -o nospace 2>/dev/null
}

_mmpipe_line() {
    local IFS=$' \t\n' cur=$2 typed=${COMP_WORDS[COMP_CWORD]} behind=${COMP_WORDS[COMP_CWORD - 1]}
    local kind= words= option= rest= prefix= pending= command= closed= place=first word i
    COMPREPLY=()
    case $behind in
        '<'* | '>'* | '&>'*)
            compopt -o default 2>/dev/null
            return
            ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == [\<\>]* || $word == '&>'* ]]; then
            # The target of a redirection, and the number before it, are no words of the command.
            i=$((i + 1))
        elif [[ $word == [0-9] && ${COMP_WORDS[i + 1]} == [\<\>]* ]]; then
            continue
        elif [[ $word == : ]]; then
            # Bash splits words at a colon and at an equals sign.
            i=$((i + 1))
        elif [[ -n $pending ]]; then
            [[ $word == = && $pending == --* && ${COMP_WORDS[i - 1]} == "$pending" ]] || pending=
        elif [[ $word == = ]]; then
            i=$((i + 1))
        elif [[ -z $closed && $word == -- ]]; then
            closed=1
        elif [[ -z $closed && $word == --* ]]; then
            _mmpipe_value "$command" "${word%%=*}"
            if [[ $kind != flag && $word != *=* ]]; then pending=$word; fi
        elif [[ -z $closed && $word == -?* ]]; then
            if _mmpipe_letters "$command" "$word" && [[ -z $rest ]]; then pending=$option; fi
        elif [[ -z $command ]]; then
            command=$word
        else
            _mmpipe_value "$command" "$place"
            place=later
            if [[ $kind == command ]]; then
                _mmpipe_command "$i"
                return
            fi
        fi
    done

    if [[ $typed == : || $behind == : ]]; then
        kind=text
    elif [[ -n $pending ]]; then
        _mmpipe_value "$command" "$pending"
        # As long as nothing follows the sign, the sign is the completed word.
        if [[ $typed == = && $pending == --* ]]; then cur= behind='='; fi
    elif ((COMP_CWORD > 3)) && [[ $behind == '=@' && ${COMP_WORDS[COMP_CWORD - 3]} == --tool-result ||
        $typed == '=@' && ${COMP_WORDS[COMP_CWORD - 2]} == --tool-result ]]; then
        # For readline the word begins with the sign.
        kind=files prefix=@ cur=${cur#@}
    elif ((COMP_CWORD > 3)) && [[ $behind == = && ${COMP_WORDS[COMP_CWORD - 3]} == --run ]]; then
        kind=words words=$(compgen -c -- "$cur")
    elif [[ $typed == = || $behind == = ]]; then
        kind=text
    elif [[ -z $closed && $typed == --*=* ]]; then
        _mmpipe_value "$command" "${typed%%=*}"
        prefix=${typed%%=*}= cur=${cur#*=}
    elif [[ -z $closed && $typed == -[!-]?* ]] && _mmpipe_letters "$command" "$typed"; then
        prefix=${typed%"$rest"} cur=$rest
    elif [[ -z $closed && $typed == -* ]]; then
        _mmpipe_options "$command"
    else
        _mmpipe_value "$command" "$place"
    fi
    # Readline replaces only $2, which begins after an open quote.
    if [[ $2 != "$prefix"* ]]; then prefix= cur=$2; fi

    case $kind in
        words) _mmpipe_offer ;;
        files) _mmpipe_paths default -f ;;
        folders) _mmpipe_paths dirnames -d ;;
        profiles)
            _mmpipe_profiles
            _mmpipe_offer
            ;;
        run)
            _mmpipe_tools
            _mmpipe_offer
            ;;
        variables)
            words=$(compgen -e -- "$cur")
            _mmpipe_offer
            ;;
        command) _mmpipe_command "$COMP_CWORD" ;;
    esac
    return 0
}

_mmpipe() {
    # Upper and lower case differ, also where the user has set nocasematch.
    if shopt -q nocasematch; then
        shopt -u nocasematch
        _mmpipe_line "$@"
        shopt -s nocasematch
    else
        _mmpipe_line "$@"
    fi
}

if type compopt &>/dev/null; then
    complete -F _mmpipe mmpipe
else
    # Before bash 4 a function cannot request file names.
    complete -o default -F _mmpipe mmpipe
fi
"""


def bash_script(tree: Tree) -> str:
    """Return the script of the tree."""
    names = OfferedValues(ValueKind.WORDS, tuple(command.name for command in tree.commands))
    patterns = [(" | ".join(names), command) for names, command in tree.alike()]
    cases = "".join(_case(pattern, _by_values(command)) for pattern, command in patterns)
    options = "".join(_options(pattern, command) for pattern, command in [("''", tree.program), *patterns])
    return _SCRIPT.replace("@VALUES@", _case("''", {names: ["first"]}) + cases).replace("@OPTIONS@", options)


def _by_values(command: Command) -> Mapping[OfferedValues, Sequence[str]]:
    """Return the names of parameters by their values; an argument is `first`, and `later` if there may be several."""
    found: dict[OfferedValues, list[str]] = {}
    for parameter in (*command.options, *command.arguments):
        places = ("first", "later") if parameter.repeatable else ("first",)
        found.setdefault(offered_values(parameter), []).extend(parameter.names or places)
    return found


def _case(commands: str, by_values: Mapping[OfferedValues, Sequence[str]]) -> str:
    lines = f"        {commands})\n            case $2 in\n"
    for found, names in by_values.items():
        if found.kind is not ValueKind.FLAG:
            words = f" words='{' '.join(found.words)}'" if found.words else ""
            lines += f"                {' | '.join(names)}) kind={found.kind}{words} ;;\n"
    return f"{lines}            esac\n            ;;\n"


def _options(commands: str, command: Command) -> str:
    words = " ".join(name for option in command.options for name in option.names)
    return f"        {commands}) words='{words}' ;;\n"
