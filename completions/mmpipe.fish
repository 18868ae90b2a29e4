# Completion of mmpipe in fish. Made by `mmpipe completion fish`; change the program, not this file.

# Succeeds if the command is one of the arguments; an empty argument means no command yet.
function __mmpipe_at
    set -l typed (string match -v -- '-*' (commandline -opc)[2..])
    contains -- "$typed[1]" $argv
end

# Prints the words of the command that `mmpipe sim` runs; fails without such words.
function __mmpipe_inner
    __mmpipe_at sim; or return
    set -l words (commandline -opc)
    set -e words[1..(contains -i -- sim $words)]
    argparse -s port= tps= latency= rpm= fail= dialect= seed= log= error-json h/help version -- $words 2>/dev/null; or return
    set -q argv[1]; and printf '%s\n' $argv
end

function __mmpipe_at_runner
    __mmpipe_at sim; and not __mmpipe_inner >/dev/null
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
complete -c mmpipe -n '__mmpipe_at \'\'' -a chat -d 'Ask one prompt, and write the answer when it is complete.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a stream -d 'Ask one prompt, and write the answer as it arrives.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a batch -d 'Ask many prompts, and write a line of JSON for each.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a models -d 'List the models, with their limits and prices.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a sim -d 'Simulate the API on this machine, to try everything without a key.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a completion -d 'Print or install the completion scripts and the manual page.'
complete -c mmpipe -n '__mmpipe_at \'\'' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at \'\'' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s f -l file -r -F -d 'Add a file to the prompt; `-` is standard input.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s a -l attach -r -F -d 'Attach an image or a video; `-` is standard input.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l messages -r -F -d 'Start from a transcript: JSONL, an array or a request body.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s c -l conversation -r -F -d 'Continue the conversation in FILE, and append to it.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l no-wait -d 'Fail (15) if another run holds the conversation.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s s -l system -x -d 'The system message.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l system-file -r -F -d 'Read the system message from a file.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s n -l no-stdin -d 'Never read standard input (like ssh -n).'
complete -c mmpipe -n '__mmpipe_at chat stream' -l stdin-timeout -x -d 'Fail if standard input has not ended by then.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l encoding -x -a 'utf-8 utf-16 gb18030 gbk big5 shift_jis euc-jp euc-kr latin-1 windows-1252' -d 'Encoding of text inputs, such as gbk [utf-8].'
complete -c mmpipe -n '__mmpipe_at chat stream' -s m -l model -x -a 'MiniMax-M3 MiniMax-M3.1-Flash MiniMax-M2.7 MiniMax-M2.7-highspeed MiniMax-M2.5 MiniMax-M2.5-highspeed MiniMax-M2.1 MiniMax-M2.1-highspeed MiniMax-M2' -d 'The model to ask [MiniMax-M3].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l temperature -x -d 'Sampling temperature: 0 to 2 for M3, above 0 to 1 for M2.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l top-p -x -d 'Nucleus sampling: 0 to 1.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l max-tokens -x -d 'Most tokens of the answer, thinking included.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l effort -x -a 'none low medium high xhigh max' -d 'How much the model thinks, by the levels that it has.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s p -l param -x -d 'Any other field of the request; a value is JSON, or text.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l native-thinking -d 'Leave reasoning_split away; parse the tags of thinking in the text.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l no-native-thinking -d 'Send reasoning_split, whatever the configuration says.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l wire -x -a 'stream whole' -d 'How the API sends the answer; the output stays the same.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l pieces -x -a 'auto new repeated' -d 'How the server streams: each piece is new text, or repeats all before [auto].'
complete -c mmpipe -n '__mmpipe_at chat stream' -s t -l thinking -x -a 'show split hide' -d 'Thinking before the answer, apart from it, or not at all.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l thinking-file -r -F -d 'Where split thinking goes (/dev/fd/3 works).'
complete -c mmpipe -n '__mmpipe_at chat stream' -s F -l format -x -a 'text json jsonl messages raw' -d 'Format of the answer [text].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l json -d 'The same as -F json.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l markdown -d 'Render Markdown, if the answer goes to a terminal.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l no-markdown -d 'Show Markdown as it is, whatever the configuration says.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s o -l output -r -F -d 'Write to FILE, all of the answer or nothing.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l meta -r -F -d 'Append a JSON line about each tool that ran and one about the answer.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l allow-truncated -d 'An answer cut off at its token limit is no failure.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l schema -r -F -d 'The answer must be JSON that this JSON Schema accepts.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l repair -x -d 'How often the model may repair invalid JSON [1].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l extract -x -a 'code json' -d 'Only the first code block of the answer, or the JSON in it.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l tools -r -F -d 'Tool definitions of OpenAI, MCP, Anthropic or Gemini.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l tool-choice -x -a 'auto none required' -d 'auto, none, required, or the name of a tool.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l tool-result -x -a '(__mmpipe_result)' -d 'The result of a call; @FILE reads it, @- from stdin.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l run -x -a '(__mmpipe_run)' -d 'Run COMMAND when the model calls NAME; no shell is used.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s j -l concurrency -x -d 'Most tools that run at once [4].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l max-rounds -x -d 'Most rounds of calls [8].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l max-calls -x -d 'Most calls in all [32].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l tool-timeout -x -d 'Kill a tool that runs longer [30].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l confirm -d 'Ask on the terminal before each tool is run.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l sandbox -d 'Run tools in bubblewrap: no network, no writable files.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l tool-dir -x -a '(__fish_complete_directories)' -d 'Where tools run; writable in the sandbox too.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l tool-env -x -a '(set -nx)' -d 'A variable that tools get beside PATH, HOME, LANG and such.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l record -x -a '(__fish_complete_directories)' -d 'Keep requests and answers as files in DIR.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l replay -x -a '(__fish_complete_directories)' -d 'Answer from DIR, without key and network; a miss is status 6.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l cache -x -a '(__fish_complete_directories)' -d 'Answer from DIR if it can; else send, and keep the answer.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s v -l verbose -d 'Report what is chosen and why, ids and timings.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s q -l quiet -d 'No warnings and no spinner.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l connect-timeout -x -d 'Longest wait for a connection [10].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l first-byte-timeout -x -d 'Longest wait for a stream to begin [60].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l idle-timeout -x -d 'Longest pause in a stream, or wait for a whole answer [120].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l max-time -x -d 'Longest time for an answer, with retries and tools [600].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l retries -x -d 'Most retries of a failed request [3].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l profile -x -a '(__mmpipe_profiles)' -d 'Use [profile.NAME] of the configuration file.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l base-url -x -a 'cn intl' -d 'Where the API is: a URL, or cn or intl [cn].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l allow-http -d 'Let --base-url be http:// to another machine, unencrypted.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l ca-file -r -F -d 'Certificates to trust instead of the system\'s.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l api-key-file -r -F -d 'Read the API key from a file.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at batch' -l input-format -x -a 'auto lines jsonl json csv tsv' -d 'A prompt a line, JSON, or a table [auto: by name, then by content].'
complete -c mmpipe -n '__mmpipe_at batch' -s 0 -l null -d 'Records end with NUL, not with a newline.'
complete -c mmpipe -n '__mmpipe_at batch' -l template -x -d 'The prompt; {} is the record, {title} a field of it.'
complete -c mmpipe -n '__mmpipe_at batch' -l id-field -x -d 'The field that is a record\'s id [custom_id or id].'
complete -c mmpipe -n '__mmpipe_at batch' -l encoding -x -a 'utf-8 utf-16 gb18030 gbk big5 shift_jis euc-jp euc-kr latin-1 windows-1252' -d 'Encoding of text inputs, such as gbk [utf-8].'
complete -c mmpipe -n '__mmpipe_at batch' -s s -l system -x -d 'The system message.'
complete -c mmpipe -n '__mmpipe_at batch' -l system-file -r -F -d 'Read the system message from a file.'
complete -c mmpipe -n '__mmpipe_at batch' -l keep-going -d 'Ask the valid records although others are invalid.'
complete -c mmpipe -n '__mmpipe_at batch' -l limit -x -d 'Ask at most N records.'
complete -c mmpipe -n '__mmpipe_at batch' -l shard -x -d 'Only the Ith of N parts (1 to N, or 0 to N-1); without --limiter divides --rpm and --tpm by N.'
complete -c mmpipe -n '__mmpipe_at batch' -l no-dedupe -d 'Send identical requests as often as they occur, not once.'
complete -c mmpipe -n '__mmpipe_at batch' -s m -l model -x -a 'MiniMax-M3 MiniMax-M3.1-Flash MiniMax-M2.7 MiniMax-M2.7-highspeed MiniMax-M2.5 MiniMax-M2.5-highspeed MiniMax-M2.1 MiniMax-M2.1-highspeed MiniMax-M2' -d 'The model to ask [MiniMax-M3].'
complete -c mmpipe -n '__mmpipe_at batch' -l temperature -x -d 'Sampling temperature: 0 to 2 for M3, above 0 to 1 for M2.'
complete -c mmpipe -n '__mmpipe_at batch' -l top-p -x -d 'Nucleus sampling: 0 to 1.'
complete -c mmpipe -n '__mmpipe_at batch' -l max-tokens -x -d 'Most tokens of the answer, thinking included.'
complete -c mmpipe -n '__mmpipe_at batch' -l effort -x -a 'none low medium high xhigh max' -d 'How much the model thinks, by the levels that it has.'
complete -c mmpipe -n '__mmpipe_at batch' -s p -l param -x -d 'Any other field of the request; a value is JSON, or text.'
complete -c mmpipe -n '__mmpipe_at batch' -l native-thinking -d 'Leave reasoning_split away; parse the tags of thinking in the text.'
complete -c mmpipe -n '__mmpipe_at batch' -l no-native-thinking -d 'Send reasoning_split, whatever the configuration says.'
complete -c mmpipe -n '__mmpipe_at batch' -l wire -x -a 'stream whole' -d 'How the API sends the answer; the output stays the same.'
complete -c mmpipe -n '__mmpipe_at batch' -l pieces -x -a 'auto new repeated' -d 'How the server streams: each piece is new text, or repeats all before [auto].'
complete -c mmpipe -n '__mmpipe_at batch' -l set -x -d 'A field of every request, over its record\'s; null removes it.'
complete -c mmpipe -n '__mmpipe_at batch' -s t -l thinking -x -a 'show split hide' -d 'In the content, in a field of its own [split], or not at all.'
complete -c mmpipe -n '__mmpipe_at batch' -s F -l format -x -a 'jsonl openai text csv' -d 'Lines [jsonl], those of the OpenAI Batch API, the answers\' text [on a terminal], or a table.'
complete -c mmpipe -n '__mmpipe_at batch' -s k -l keep-order -d 'In the order of the input; a file is sorted at the end.'
complete -c mmpipe -n '__mmpipe_at batch' -l pass-through -d 'Copy the other fields of a record to its result, under input.'
complete -c mmpipe -n '__mmpipe_at batch' -s o -l output -r -F -d 'Append to FILE, which is the journal too.'
complete -c mmpipe -n '__mmpipe_at batch' -l resume -d 'Ask only the records without a good answer in FILE.'
complete -c mmpipe -n '__mmpipe_at batch' -l overwrite -d 'Replace the content of FILE.'
complete -c mmpipe -n '__mmpipe_at batch' -l allow-truncated -d 'An answer cut off at its token limit is no failure.'
complete -c mmpipe -n '__mmpipe_at batch' -l merge -d 'Ask nothing: join journals, files or folders of them, and check that no record is missing.'
complete -c mmpipe -n '__mmpipe_at batch' -l meta -r -F -d 'Append one JSON line of totals (/dev/fd/3 works).'
complete -c mmpipe -n '__mmpipe_at batch' -l progress -x -a 'auto bar plain none' -d 'A bar [auto: on a terminal], or a line each 30 s.'
complete -c mmpipe -n '__mmpipe_at batch' -l schema -r -F -d 'The answer must be JSON that this JSON Schema accepts.'
complete -c mmpipe -n '__mmpipe_at batch' -l repair -x -d 'How often the model may repair invalid JSON [1].'
complete -c mmpipe -n '__mmpipe_at batch' -l extract -x -a 'code json' -d 'Only the first code block of the answer, or the JSON in it.'
complete -c mmpipe -n '__mmpipe_at batch' -s j -l concurrency -x -d 'Most requests at once [32].'
complete -c mmpipe -n '__mmpipe_at batch' -l rpm -x -d 'Most requests a minute, of all runs here together.'
complete -c mmpipe -n '__mmpipe_at batch' -l tpm -x -d 'Most tokens a minute, in and out, likewise.'
complete -c mmpipe -n '__mmpipe_at batch' -l limiter -x -d 'A Redis server that keeps these limits for all hosts: redis://HOST[:PORT][/DB].'
complete -c mmpipe -n '__mmpipe_at batch' -l max-wait -x -d 'Longest wait for a pause of the service, --rpm and --tpm, --limiter, or workers of --engine ray [600].'
complete -c mmpipe -n '__mmpipe_at batch' -l engine -x -a 'local ray' -d 'Send from this process [local], or from the nodes of a Ray cluster.'
complete -c mmpipe -n '__mmpipe_at batch' -l ray-address -x -d 'The Ray cluster, or auto [RAY_ADDRESS; none: one of this machine, for this run].'
complete -c mmpipe -n '__mmpipe_at batch' -l ray-workers -x -d 'Workers on each node [1; on a cluster for this run: its cores but one].'
complete -c mmpipe -n '__mmpipe_at batch' -l max-errors -x -d 'End the run when more records than this failed.'
complete -c mmpipe -n '__mmpipe_at batch' -l max-cost -x -d 'End the run before its answers cost more; without --max-tokens an estimate.'
complete -c mmpipe -n '__mmpipe_at batch' -l deadline -x -d 'End the run after this time; --max-time limits one record.'
complete -c mmpipe -n '__mmpipe_at batch' -l grace -x -d 'Longest wait for answers in flight when a run ends early [5].'
complete -c mmpipe -n '__mmpipe_at batch' -l dry-run -d 'Ask nothing: check every record, and estimate the cost.'
complete -c mmpipe -n '__mmpipe_at batch' -l assume-tokens -x -d 'Tokens of an answer, thinking included, before any was seen [1024].'
complete -c mmpipe -n '__mmpipe_at batch' -l record -x -a '(__fish_complete_directories)' -d 'Keep requests and answers as files in DIR.'
complete -c mmpipe -n '__mmpipe_at batch' -l replay -x -a '(__fish_complete_directories)' -d 'Answer from DIR, without key and network; a miss is status 6.'
complete -c mmpipe -n '__mmpipe_at batch' -l cache -x -a '(__fish_complete_directories)' -d 'Answer from DIR if it can; else send, and keep the answer.'
complete -c mmpipe -n '__mmpipe_at batch' -s v -l verbose -d 'Report what is chosen and why, ids and timings.'
complete -c mmpipe -n '__mmpipe_at batch' -s q -l quiet -d 'No warnings and no spinner.'
complete -c mmpipe -n '__mmpipe_at batch' -l connect-timeout -x -d 'Longest wait for a connection [10].'
complete -c mmpipe -n '__mmpipe_at batch' -l first-byte-timeout -x -d 'Longest wait for a stream to begin [60].'
complete -c mmpipe -n '__mmpipe_at batch' -l idle-timeout -x -d 'Longest pause in a stream, or wait for a whole answer [120].'
complete -c mmpipe -n '__mmpipe_at batch' -l max-time -x -d 'Longest time for an answer, with retries and tools [600].'
complete -c mmpipe -n '__mmpipe_at batch' -l retries -x -d 'Most retries of a failed request [3].'
complete -c mmpipe -n '__mmpipe_at batch' -l profile -x -a '(__mmpipe_profiles)' -d 'Use [profile.NAME] of the configuration file.'
complete -c mmpipe -n '__mmpipe_at batch' -l base-url -x -a 'cn intl' -d 'Where the API is: a URL, or cn or intl [cn].'
complete -c mmpipe -n '__mmpipe_at batch' -l allow-http -d 'Let --base-url be http:// to another machine, unencrypted.'
complete -c mmpipe -n '__mmpipe_at batch' -l ca-file -r -F -d 'Certificates to trust instead of the system\'s.'
complete -c mmpipe -n '__mmpipe_at batch' -l api-key-file -r -F -d 'Read the API key from a file.'
complete -c mmpipe -n '__mmpipe_at batch' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at batch' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at batch' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at batch' -F -d 'Files of records, also packed (gzip, bzip2, xz); none or `-` is standard input.'
complete -c mmpipe -n '__mmpipe_at models' -s F -l format -x -a 'tsv jsonl' -d 'Format of the list [a table on a terminal, tsv elsewhere].'
complete -c mmpipe -n '__mmpipe_at models' -l json -d 'The same as -F jsonl.'
complete -c mmpipe -n '__mmpipe_at models' -l header -d 'Begin the TSV with a line of column names.'
complete -c mmpipe -n '__mmpipe_at models' -l live -d 'Ask the host, and mark models as served, new or gone.'
complete -c mmpipe -n '__mmpipe_at models' -l check -d 'Check key, host, proxy, connection and model instead; costs nothing.'
complete -c mmpipe -n '__mmpipe_at models' -s v -l verbose -d 'Report what is chosen and why, ids and timings.'
complete -c mmpipe -n '__mmpipe_at models' -s q -l quiet -d 'No warnings and no spinner.'
complete -c mmpipe -n '__mmpipe_at models' -l connect-timeout -x -d 'Longest wait for a connection [10].'
complete -c mmpipe -n '__mmpipe_at models' -l first-byte-timeout -x -d 'Longest wait for a stream to begin [60].'
complete -c mmpipe -n '__mmpipe_at models' -l idle-timeout -x -d 'Longest pause in a stream, or wait for a whole answer [120].'
complete -c mmpipe -n '__mmpipe_at models' -l max-time -x -d 'Longest time for an answer, with retries and tools [600].'
complete -c mmpipe -n '__mmpipe_at models' -l retries -x -d 'Most retries of a failed request [3].'
complete -c mmpipe -n '__mmpipe_at models' -l profile -x -a '(__mmpipe_profiles)' -d 'Use [profile.NAME] of the configuration file.'
complete -c mmpipe -n '__mmpipe_at models' -l base-url -x -a 'cn intl' -d 'Where the API is: a URL, or cn or intl [cn].'
complete -c mmpipe -n '__mmpipe_at models' -l allow-http -d 'Let --base-url be http:// to another machine, unencrypted.'
complete -c mmpipe -n '__mmpipe_at models' -l ca-file -r -F -d 'Certificates to trust instead of the system\'s.'
complete -c mmpipe -n '__mmpipe_at models' -l api-key-file -r -F -d 'Read the API key from a file.'
complete -c mmpipe -n '__mmpipe_at models' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at models' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at models' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at models' -x -a 'MiniMax-M3 MiniMax-M3.1-Flash MiniMax-M2.7 MiniMax-M2.7-highspeed MiniMax-M2.5 MiniMax-M2.5-highspeed MiniMax-M2.1 MiniMax-M2.1-highspeed MiniMax-M2' -d 'Show this model alone.'
complete -c mmpipe -n '__mmpipe_at_runner' -l port -x -d 'Port to listen on [a free one].'
complete -c mmpipe -n '__mmpipe_at_runner' -l tps -x -d 'Tokens each second [as fast as possible].'
complete -c mmpipe -n '__mmpipe_at_runner' -l latency -x -d 'Wait before the first byte.'
complete -c mmpipe -n '__mmpipe_at_runner' -l rpm -x -d 'Refuse more requests a minute (429, 1002).'
complete -c mmpipe -n '__mmpipe_at_runner' -l fail -x -a 'bad-json bad-utf8 blank bom choices-null comments cut cut-at-frame empty error-field filter hang hang-end hang-mid html json-error length no-finish overloaded redirect refusal refuse-late reset retry-lines slow' -d 'Fail with a status, code or kind, as in 500:1/5 or cut:0.02.'
complete -c mmpipe -n '__mmpipe_at_runner' -l dialect -x -a 'incremental cumulative last-frame-message done mirrored leftover-closer no-opening-tag mm-closer several-blocks tag-cut crlf call-at-finish call-cut no-index no-usage reasoning reasoning-content reasoning-types parts mm-opener finish-each null-reason empty-reason pings named-events same-index args-object args-null args-cumulative args-repeated args-placeholder empty-ids repeated-ids usage-in-choice never-stream always-stream gzip text-plain no-content-type no-key no-reasoning-split detail-errors text-errors html-errors' -d 'A way in which this API, or another server, answers.'
complete -c mmpipe -n '__mmpipe_at_runner' -l seed -x -d 'Seed of the probabilities of --fail [0].'
complete -c mmpipe -n '__mmpipe_at_runner' -l log -r -F -d 'Append each request as one JSON line.'
complete -c mmpipe -n '__mmpipe_at_runner' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at_runner' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at_runner' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at_runner' -x -a '(__fish_complete_command)' -d 'Run this against the simulator, and end with its status.'
complete -c mmpipe -n '__mmpipe_at completion' -l install -d 'Write the files for this user; without SHELL those of all shells and of man.'
complete -c mmpipe -n '__mmpipe_at completion' -l uninstall -d 'Remove what --install wrote; other files stay.'
complete -c mmpipe -n '__mmpipe_at completion' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at completion' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at completion' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at completion' -x -a 'bash zsh fish man agent' -d 'bash, zsh or fish; man is the manual page, agent a page for programs.'
