"""Tables of the man page; README has those of exit statuses and environment too."""

from collections.abc import Sequence

from mmpipe.config.options import FILE_KEYS
from mmpipe.errors import ExitStatus

# Exit statuses and their causes; backticks mark what is typed or sent.
EXIT_STATUSES: Sequence[tuple[ExitStatus, str]] = (
    (ExitStatus.OK, "the whole answer came and every byte was written; nothing else exits 0"),
    (ExitStatus.INTERNAL, "a bug in mmpipe"),
    (ExitStatus.USAGE, "bad option, configuration or base URL"),
    (ExitStatus.AUTH, "no key, or the host refuses it"),
    (
        ExitStatus.QUOTA,
        "rate limit after the retries, balance, plan (says when to come back, if known); `--max-cost` is reached",
    ),
    (ExitStatus.TIMEOUT, "connect, first byte, idle or total limit"),
    (ExitStatus.NETWORK, "DNS, refused, reset, TLS, proxy"),
    (ExitStatus.SERVER, "the service failed, also in the middle of a stream"),
    (
        ExitStatus.BAD_RESPONSE,
        "truncated, empty (thinking alone is 0, with a warning), too large, not JSON, not UTF-8, not as `--schema` asks, unknown finish reason",
    ),
    (ExitStatus.REJECTED, "the service refuses the request as it is"),
    (ExitStatus.FILTERED, "moderation of prompt or answer, or the model refuses"),
    (ExitStatus.CUT_SHORT, "the answer reached its token limit (`--allow-truncated` accepts that)"),
    (
        ExitStatus.INPUT,
        "unreadable, empty (of `batch`: 0, with a warning), not UTF-8, bad records, an id twice",
    ),
    (ExitStatus.OUTPUT, "disk full, I/O error, closed stdout"),
    (ExitStatus.PARTIAL, "the batch ended and some records failed (each is in the output)"),
    (ExitStatus.BUSY, "another run holds the journal or the conversation"),
    (ExitStatus.TOOL, "a tool call without `--run`, not allowed or over the limits; `-c` keeps it"),
)
SIGNALS = ("129 130 131 141 143", "ended by HUP, INT, QUIT, PIPE, TERM")

# The objects that scripts read, and their fields.
JSON_OUTPUT: Sequence[tuple[str, str]] = (
    (
        "`-F json`",
        (
            "the answer: `id`, `model`, `content`, `thinking` (not with `-t hide`), `tool_calls`, `finish_reason`, `usage`, "
            "`cost` (dollars at the list price of MiniMax; null if unknown, as of any other host but `mmpipe sim`), `message`, `request_id`, `attempts`, `elapsed_ms`. The `message` is the assistant message as the API gave it, "
            "ready to be sent back"
        ),
    ),
    (
        "`-F jsonl`",
        (
            "one event a line, by `type`: `start` (`id`, `model`), `thinking` and `text` (`text`), `tool_call` (`index`, `id`, "
            "`name`, `arguments`), `tool_result`, `usage`, `end` (`finish_reason`, `message`). After a failure the last line "
            "has the type `error`"
        ),
    ),
    (
        "`batch`",
        (
            "the answer's fields, with `response_id` in place of its id. Also `id` (or `custom_id`) and `index` of the record, "
            "`error`, `input` (with `--pass-through`; of the row of a table, always; then `id_field` is the NAME of `--id-field`), `same_as` (the id whose request was "
            "the same), and for `--resume`: `request_sha256`, `attempt`, `host` (the base URL, or `mmpipe sim`), and `has_own_id` "
            "(false if the record is named by its index)"
        ),
    ),
    (
        "`batch -F text`, `-F csv`",
        (
            "for standard output and for `--merge`. Text is the good answers alone; the first failed records are named on stderr. "
            "A table has the columns of the input (for lines: the `id`), then `content` or the fields of `--schema`, then `error`, "
            "which is empty for a good answer. A name of the answer that is taken gets the prefix `answer_`. `--merge` has the columns that `--pass-through` kept, and takes `--schema` too"
        ),
    ),
    (
        "`batch -F openai`",
        (
            "a line of the output file of the OpenAI Batch API: `id`, `custom_id`, `response` or `error`. An answer that was "
            "cut short or filtered is a `response` with its `finish_reason`. Then `incomplete` is the error, and `--resume` asks "
            "the record again. The `content` of the message is what `--thinking`, `--schema` and `--extract` leave of it"
        ),
    ),
    (
        "`batch --dry-run`",
        (
            "`records`, `taken` (by this shard), `bad`, `answered` (by an earlier run), `requests`, `prompt_tokens` and "
            "`completion_tokens` (estimates), `cost` and `seconds` (null if unknown), `assumed_tokens` (of an answer without a lower "
            "limit; `--assume-tokens`), `models` (requests of each), `unknown_models` (outside of the catalogue), `warnings` and "
            "`faults` (each sentence with its number of requests or bad records), `other_models` and `other_warnings` (those beyond "
            "the first 1,000, together). After it, bad records and, on hosts of MiniMax, "
            "unknown models end the run with 12, unless `--keep-going` accepts them"
        ),
    ),
    (
        "`--meta`",
        (
            "of `chat` and `stream`, after a line for each tool that ran: `id`, `model`, `finish_reason`, `usage`, `cost`, `turns`, `attempts`, `first_byte_ms`, "
            "`elapsed_ms`, `request_id`, `exit_status`, `error`. Of `batch`: `good`, `failed`, `causes` (failed records by the name "
            "of their error), `skipped` (answered before), `copied`, `unwritten`, `requests`, `retries`, `usage`, `cost`, "
            "`earlier_cost`, `elapsed_ms`, `exit_status`, `error`"
        ),
    ),
    (
        "`usage`",
        (
            "`prompt_tokens`, `completion_tokens`, `total_tokens`, `reasoning_tokens`, `cached_tokens`; null if the service did "
            "not report them"
        ),
    ),
    (
        "`error`",
        (
            "null, or `code` (the exit status), `name`, `http`, `api_code`, `message`, `retryable`, `retry_after` (seconds), "
            "`request_id`; also the object of `--error-json`"
        ),
    ),
)

# The fields of records and requests; batch/records/.
RECORDS: Sequence[tuple[str, str]] = (
    (
        "`--template` TEXT",
        (
            "`{}` is the whole record. `{NAME}` is the field whose key is NAME as it stands, with dots, spaces and any letters; in "
            "an array NAME is an index (`{turns.0}`, from the end `{turns.-1}`). Without such a key, NAME is a path: its longest "
            "beginning that is a key, a dot, and the name of what is inside. A brace is written twice, in the text and in a "
            "name. The record is then data: none of its fields is a parameter of the request, but for those in an object "
            "`parameters`, which may also have a `model` and a `system`"
        ),
    ),
    (
        "`--id-field` NAME",
        (
            "The record's id is the field of this name, found as a template finds it: a number or a string. A record without it is "
            "bad. Otherwise the id is the field `custom_id` or `id`, or else the place of the record"
        ),
    ),
    (
        "`-p` KEY=VALUE, `--set` KEY=VALUE",
        (
            "The value is JSON if it is a number, true, false or null, or begins with `{`, `[` or a double quote; otherwise it is a "
            "string. In `batch`, `-m`, `-p` and the other options are the defaults of records without such fields. `--set` replaces "
            "the field in every request, and with null removes it"
        ),
    ),
)

# Servers of the user's own; FACTS.md, "Fields that other servers refuse or ignore".
SELF_HOSTED: Sequence[tuple[str, str]] = (
    (
        "`--base-url` URL",
        (
            "Typed, or `base_url` in the configuration file, the URL of a server such as vLLM, SGLang, llama.cpp or Ollama "
            "needs no key. Without a key no Authorization header is sent, and `-v` says so. A typed URL gets the key of "
            "`MINIMAX_API_KEY`, unless that is empty. A profile with a URL takes no key from elsewhere"
        ),
    ),
    (
        "`--allow-http`",
        (
            "Permits http:// to another machine. The request and the key are then sent unencrypted. In the configuration "
            "file write `allow_http = true` into the table of the `base_url`; a URL from elsewhere is not permitted by it. "
            "Without this, http:// works on this machine only; it never works for the hosts of MiniMax"
        ),
    ),
    (
        "`-p max_tokens=`N",
        (
            "In place of `--max-tokens`, for servers that know only this name and ignore the other, such as Ollama. The "
            "limits of the records of a batch then have this name too. In the configuration file write `params = {max_tokens = `N`}`: "
            "`--max-tokens` is then sent under this name"
        ),
    ),
    (
        "DURATION",
        "Seconds, or with units: `90`, `90s`, `15m`, `2h`, `1d`, `1h30m`",
    ),
    (
        "`--effort` LEVEL",
        (
            "How much the model thinks. `none` switches the thinking off where the model can do that; a model without the level "
            "is asked without it, with a warning. A model outside of the catalogue gets the field `reasoning_effort`. In the "
            'configuration file: `effort = "low"`'
        ),
    ),
    (
        "`--native-thinking`",
        (
            "For servers that refuse the field `reasoning_split`. Thinking is then found between tags in the text. In the "
            "configuration file: `native_thinking = true`, which `--no-native-thinking` switches off"
        ),
    ),
    (
        "`--markdown`",
        (
            "On a terminal, headings, lists, tables and code are written as each is whole, code line by line. Links show their "
            "targets. Code stands at the left edge and is never wrapped, so that it can be copied. With `NO_COLOR` the marks "
            "of Markdown stay; with `TERM=dumb`, and off a terminal, nothing is changed. In the configuration file: "
            "`markdown = true`, which `--no-markdown` switches off"
        ),
    ),
    (
        "`--pieces` HOW",
        (
            "The pieces of a stream are `new` text, or each has `repeated` all text before it. By default, `auto`, a stream is "
            "taken for repeated once a text has grown three times from its first piece without an exception. In the "
            'configuration file: `pieces = "new"`'
        ),
    ),
    (
        "`--temperature` T",
        "Must be what the catalogue gives for the model; the temperature of any other model is not judged",
    ),
)

ENVIRONMENT: Sequence[tuple[str, str]] = (
    ("`MINIMAX_API_KEY`", "the key"),
    (
        "`MINIMAX_BASE_URL`",
        "the host of the key: a URL, or `cn` (default, api.minimaxi.com) or `intl` (api.minimax.io)",
    ),
    (
        "`OPENAI_API_KEY`, `OPENAI_BASE_URL`",
        "the pair of the official quick start; used together or not at all",
    ),
    ("`MMPIPE_LIMITER`", "the URL of `--limiter`; see ONE LIMIT FOR MANY HOSTS"),
    ("`RAY_ADDRESS`", "the address of `--ray-address`, for `--engine ray`; see A CLUSTER OF RAY"),
    ("`XDG_CONFIG_HOME`", "where `mmpipe/config.toml` is (default `~/.config`)"),
    (
        "`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`",
        (
            "the proxy for https://, for http://, for both: an http://, https://, socks5:// or socks4:// URL, perhaps with user "
            "and password. Lower case wins. The proxy looks up the name of the host. SOCKS needs `pip install 'mmpipe[socks]'`"
        ),
    ),
    (
        "`NO_PROXY`",
        (
            "hosts that are asked directly, as this machine always is: `name` (with its subdomains), `*.name`, `*`, an address, a "
            "network (`10.0.0.0/8`), each perhaps with `:port`; parted by commas or spaces"
        ),
    ),
    ("`SSL_CERT_FILE`, `SSL_CERT_DIR`", "the certificates to trust instead of the system's"),
    ("`NO_COLOR`, `TERM=dumb`, `COLUMNS`", "no colour; `TERM=dumb` also no spinner; the width of tables"),
)

FILES: Sequence[tuple[str, str]] = (
    (
        "`~/.config/mmpipe/config.toml`",
        (
            f"settings, also under `[profile.NAME]`: {', '.join(f'`{name}`' for name in FILE_KEYS)}. `params` is a table of "
            "further fields of each request, as of `-p`"
        ),
    ),
)
