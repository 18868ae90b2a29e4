# Completion of mmpipe in fish. Made by `mmpipe completion fish`; change the program, not this file.

# Whether the command is one of the arguments; an empty one stands for none yet.
function __mmpipe_at
    set -l typed (string match -v -- '-*' (commandline -opc)[2..])
    contains -- "$typed[1]" $argv
end

# Prints the words of the command that `mmpipe sim` is to run; fails as long as there are none.
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

complete -c mmpipe -f
complete -c mmpipe -n '__mmpipe_inner >/dev/null' -a '(__mmpipe_complete_inner)'
complete -c mmpipe -n '__mmpipe_at \'\'' -a chat -d 'Ask one prompt, and write the answer once it is whole.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a stream -d 'Ask one prompt, and write the answer as it arrives.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a models -d 'Show what can be asked, and what it costs.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a sim -d 'Simulate the API on this machine, to try everything without a key.'
complete -c mmpipe -n '__mmpipe_at \'\'' -a completion -d 'Print the completion script of a shell, or the manual page.'
complete -c mmpipe -n '__mmpipe_at \'\'' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at \'\'' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s f -l file -r -F -d 'Add a file to the prompt; `-` is standard input.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s s -l system -x -d 'The system message.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l system-file -r -F -d 'Read the system message from a file.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s n -l no-stdin -d 'Never read standard input (like ssh -n).'
complete -c mmpipe -n '__mmpipe_at chat stream' -l stdin-timeout -x -d 'Fail if standard input has not ended by then.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s m -l model -x -a 'MiniMax-M3 MiniMax-M3.1-Flash MiniMax-M2.7 MiniMax-M2.7-highspeed MiniMax-M2.5 MiniMax-M2.5-highspeed MiniMax-M2.1 MiniMax-M2.1-highspeed MiniMax-M2' -d 'The model to ask [MiniMax-M3].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l temperature -x -d 'Sampling temperature: above 0, at most 1.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l top-p -x -d 'Nucleus sampling: 0 to 1.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l max-tokens -x -d 'Most tokens of the answer, thinking included.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s p -l param -x -d 'Any other field of the request.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l native-thinking -d 'Have the thinking sent as tags in the text, and parse them.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l wire -x -a 'stream whole' -d 'How the API is asked, whatever is written here.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s t -l thinking -x -a 'show split hide' -d 'Thinking before the answer, apart from it, or not at all.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l thinking-file -r -F -d 'Where split thinking goes (/dev/fd/3 works).'
complete -c mmpipe -n '__mmpipe_at chat stream' -s F -l format -x -a 'text json jsonl messages raw' -d 'What is written [text].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l json -d 'The same as -F json.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s o -l output -r -F -d 'Write to FILE, all of the answer or nothing.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l meta -r -F -d 'Append one JSON line about the answer (/dev/fd/3 works).'
complete -c mmpipe -n '__mmpipe_at chat stream' -l allow-truncated -d 'An answer cut at its token limit is no failure.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s v -l verbose -d 'Tell what is chosen and why, ids and timings.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s q -l quiet -d 'No warnings and no spinner.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l connect-timeout -x -d 'Longest wait for a connection [10].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l first-byte-timeout -x -d 'Longest wait for a stream to begin [60].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l idle-timeout -x -d 'Longest pause within an answer [120].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l max-time -x -d 'Longest time for all of the asking [600].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l retries -x -d 'How often to ask again [3].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l profile -x -d 'Use [profile.NAME] of the configuration file.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l base-url -x -a 'cn intl' -d 'Where the API is: a URL, or cn or intl [cn].'
complete -c mmpipe -n '__mmpipe_at chat stream' -l ca-file -r -F -d 'Certificates to trust instead of the system\'s.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l api-key-file -r -F -d 'Read the API key from a file.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at chat stream' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at chat stream' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at models' -s F -l format -x -a 'tsv jsonl' -d 'What is written [a table on a terminal, tsv elsewhere].'
complete -c mmpipe -n '__mmpipe_at models' -l json -d 'The same as -F jsonl.'
complete -c mmpipe -n '__mmpipe_at models' -l header -d 'Begin the tsv with a line of names.'
complete -c mmpipe -n '__mmpipe_at models' -l live -d 'Ask the host, and mark what it serves, what is new and what is gone.'
complete -c mmpipe -n '__mmpipe_at models' -s v -l verbose -d 'Tell what is chosen and why, ids and timings.'
complete -c mmpipe -n '__mmpipe_at models' -s q -l quiet -d 'No warnings and no spinner.'
complete -c mmpipe -n '__mmpipe_at models' -l connect-timeout -x -d 'Longest wait for a connection [10].'
complete -c mmpipe -n '__mmpipe_at models' -l first-byte-timeout -x -d 'Longest wait for a stream to begin [60].'
complete -c mmpipe -n '__mmpipe_at models' -l idle-timeout -x -d 'Longest pause within an answer [120].'
complete -c mmpipe -n '__mmpipe_at models' -l max-time -x -d 'Longest time for all of the asking [600].'
complete -c mmpipe -n '__mmpipe_at models' -l retries -x -d 'How often to ask again [3].'
complete -c mmpipe -n '__mmpipe_at models' -l profile -x -d 'Use [profile.NAME] of the configuration file.'
complete -c mmpipe -n '__mmpipe_at models' -l base-url -x -a 'cn intl' -d 'Where the API is: a URL, or cn or intl [cn].'
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
complete -c mmpipe -n '__mmpipe_at_runner' -l fail -x -a 'bad-json bad-utf8 bom choices-null comments cut cut-at-frame empty filter hang hang-end hang-mid html json-error length no-finish redirect refuse-late reset retry-lines slow' -d 'Fail with a status, code or kind, as in 500:1/5 or cut:0.02.'
complete -c mmpipe -n '__mmpipe_at_runner' -l dialect -x -a 'incremental cumulative last-frame-message done mirrored leftover-closer no-opening-tag mm-closer several-blocks tag-cut crlf no-usage' -d 'A way in which the API has been seen to answer.'
complete -c mmpipe -n '__mmpipe_at_runner' -l seed -x -d 'Seed of the probabilities of --fail [0].'
complete -c mmpipe -n '__mmpipe_at_runner' -l log -r -F -d 'Append each request as one JSON line.'
complete -c mmpipe -n '__mmpipe_at_runner' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at_runner' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at_runner' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at_runner' -x -a '(__fish_complete_command)' -d 'Run this against the simulator, and end with its status.'
complete -c mmpipe -n '__mmpipe_at completion' -l error-json -d 'Errors as one JSON object on stderr.'
complete -c mmpipe -n '__mmpipe_at completion' -s h -l help -d 'Show this and exit.'
complete -c mmpipe -n '__mmpipe_at completion' -l version -d 'Show the version and exit.'
complete -c mmpipe -n '__mmpipe_at completion' -x -a 'bash zsh fish man' -d 'bash, zsh or fish; man prints the manual page.'
