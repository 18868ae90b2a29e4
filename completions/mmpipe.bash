# Completion of mmpipe in bash. Made by `mmpipe completion bash`; change the program, not this file.

# Sets `kind` and `words` for the value of option $2 of command $1, or for its `first` or a `later` argument.
_mmpipe_value() {
    kind=flag words=
    case $1 in
        '')
            case $2 in
                first) kind=words words='chat stream batch models sim completion' ;;
            esac
            ;;
        chat | stream)
            case $2 in
                -f | --file | -a | --attach | --messages | -c | --conversation | --system-file | --thinking-file | -o | --output | --meta | --schema | --tools | --ca-file | --api-key-file) kind=files ;;
                -s | --system | --stdin-timeout | --temperature | --top-p | --max-tokens | -p | --param | --repair | -j | --concurrency | --max-rounds | --max-calls | --tool-timeout | --connect-timeout | --first-byte-timeout | --idle-timeout | --max-time | --retries | first | later) kind=text ;;
                --encoding) kind=words words='utf-8 utf-16 gb18030 gbk big5 shift_jis euc-jp euc-kr latin-1 windows-1252' ;;
                -m | --model) kind=words words='MiniMax-M3 MiniMax-M3.1-Flash MiniMax-M2.7 MiniMax-M2.7-highspeed MiniMax-M2.5 MiniMax-M2.5-highspeed MiniMax-M2.1 MiniMax-M2.1-highspeed MiniMax-M2' ;;
                --effort) kind=words words='none low medium high xhigh max' ;;
                --wire) kind=words words='stream whole' ;;
                --pieces) kind=words words='auto new repeated' ;;
                -t | --thinking) kind=words words='show split hide' ;;
                -F | --format) kind=words words='text json jsonl messages raw' ;;
                --extract) kind=words words='code json' ;;
                --tool-choice) kind=words words='auto none required' ;;
                --tool-result) kind=result ;;
                --run) kind=run ;;
                --tool-dir | --record | --replay | --cache) kind=folders ;;
                --tool-env) kind=variables ;;
                --profile) kind=profiles ;;
                --base-url) kind=words words='cn intl' ;;
            esac
            ;;
        batch)
            case $2 in
                --input-format) kind=words words='auto lines jsonl json csv tsv' ;;
                --template | --id-field | -s | --system | --limit | --shard | --temperature | --top-p | --max-tokens | -p | --param | --set | --repair | -j | --concurrency | --rpm | --tpm | --limiter | --max-wait | --ray-address | --ray-workers | --max-errors | --max-cost | --deadline | --grace | --assume-tokens | --connect-timeout | --first-byte-timeout | --idle-timeout | --max-time | --retries) kind=text ;;
                --encoding) kind=words words='utf-8 utf-16 gb18030 gbk big5 shift_jis euc-jp euc-kr latin-1 windows-1252' ;;
                --system-file | -o | --output | --meta | --schema | --ca-file | --api-key-file | first | later) kind=files ;;
                -m | --model) kind=words words='MiniMax-M3 MiniMax-M3.1-Flash MiniMax-M2.7 MiniMax-M2.7-highspeed MiniMax-M2.5 MiniMax-M2.5-highspeed MiniMax-M2.1 MiniMax-M2.1-highspeed MiniMax-M2' ;;
                --effort) kind=words words='none low medium high xhigh max' ;;
                --wire) kind=words words='stream whole' ;;
                --pieces) kind=words words='auto new repeated' ;;
                -t | --thinking) kind=words words='show split hide' ;;
                -F | --format) kind=words words='jsonl openai text csv' ;;
                --progress) kind=words words='auto bar plain none' ;;
                --extract) kind=words words='code json' ;;
                --engine) kind=words words='local ray' ;;
                --record | --replay | --cache) kind=folders ;;
                --profile) kind=profiles ;;
                --base-url) kind=words words='cn intl' ;;
            esac
            ;;
        models)
            case $2 in
                -F | --format) kind=words words='tsv jsonl' ;;
                --connect-timeout | --first-byte-timeout | --idle-timeout | --max-time | --retries) kind=text ;;
                --profile) kind=profiles ;;
                --base-url) kind=words words='cn intl' ;;
                --ca-file | --api-key-file) kind=files ;;
                first) kind=words words='MiniMax-M3 MiniMax-M3.1-Flash MiniMax-M2.7 MiniMax-M2.7-highspeed MiniMax-M2.5 MiniMax-M2.5-highspeed MiniMax-M2.1 MiniMax-M2.1-highspeed MiniMax-M2' ;;
            esac
            ;;
        sim)
            case $2 in
                --port | --tps | --latency | --rpm | --seed) kind=text ;;
                --fail) kind=words words='bad-json bad-utf8 blank bom choices-null comments cut cut-at-frame empty error-field filter hang hang-end hang-mid html json-error length no-finish overloaded redirect refusal refuse-late reset retry-lines slow' ;;
                --dialect) kind=words words='incremental cumulative last-frame-message done mirrored leftover-closer no-opening-tag mm-closer several-blocks tag-cut crlf call-at-finish call-cut no-index no-usage reasoning reasoning-content reasoning-types parts mm-opener finish-each null-reason empty-reason pings named-events same-index args-object args-null args-cumulative args-repeated args-placeholder empty-ids repeated-ids usage-in-choice never-stream always-stream gzip text-plain no-content-type no-key no-reasoning-split detail-errors text-errors html-errors' ;;
                --log) kind=files ;;
                first | later) kind=command ;;
            esac
            ;;
        completion)
            case $2 in
                first) kind=words words='bash zsh fish man agent' ;;
            esac
            ;;
    esac
}

_mmpipe_options() {
    kind=words
    case $1 in
        '') words='-h --help --version' ;;
        chat | stream) words='-f --file -a --attach --messages -c --conversation --no-wait -s --system --system-file -n --no-stdin --stdin-timeout --encoding -m --model --temperature --top-p --max-tokens --effort -p --param --native-thinking --no-native-thinking --wire --pieces -t --thinking --thinking-file -F --format --json --markdown --no-markdown -o --output --meta --allow-truncated --schema --repair --extract --tools --tool-choice --tool-result --run -j --concurrency --max-rounds --max-calls --tool-timeout --confirm --sandbox --tool-dir --tool-env --record --replay --cache -v --verbose -q --quiet --connect-timeout --first-byte-timeout --idle-timeout --max-time --retries --profile --base-url --allow-http --ca-file --api-key-file --error-json -h --help --version' ;;
        batch) words='--input-format -0 --null --template --id-field --encoding -s --system --system-file --keep-going --limit --shard --no-dedupe -m --model --temperature --top-p --max-tokens --effort -p --param --native-thinking --no-native-thinking --wire --pieces --set -t --thinking -F --format -k --keep-order --pass-through -o --output --resume --overwrite --allow-truncated --merge --meta --progress --schema --repair --extract -j --concurrency --rpm --tpm --limiter --max-wait --engine --ray-address --ray-workers --max-errors --max-cost --deadline --grace --dry-run --assume-tokens --record --replay --cache -v --verbose -q --quiet --connect-timeout --first-byte-timeout --idle-timeout --max-time --retries --profile --base-url --allow-http --ca-file --api-key-file --error-json -h --help --version' ;;
        models) words='-F --format --json --header --live --check -v --verbose -q --quiet --connect-timeout --first-byte-timeout --idle-timeout --max-time --retries --profile --base-url --allow-http --ca-file --api-key-file --error-json -h --help --version' ;;
        sim) words='--port --tps --latency --rpm --fail --dialect --seed --log --error-json -h --help --version' ;;
        completion) words='--install --uninstall --error-json -h --help --version' ;;
    esac
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
