"""The names that other programs have for what mmpipe does: a user who types one is told ours."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Commands: ours is a name of the tree, or starts a line to type.
COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("ask", "prompt", "complete", "completions", "query", "generate", "run", "send"), "chat"
        ),
        **dict.fromkeys(("list", "ls"), "models"),
        **dict.fromkeys(("simulate", "simulator", "serve", "server", "mock"), "sim"),
        **dict.fromkeys(("man", "manual"), "help"),
    }
)

# Options that take a key: curl's, llm's, and those of many clients.
KEYS: Final = frozenset(("--api-key", "--apikey", "--key", "--token", "--api-token", "--auth", "--bearer"))

_PROMPT: Final = 'the prompt is an argument: `mmpipe chat "your question"`'
_FIELD: Final = "-p KEY=VALUE puts a field into the request"
# Options, in small letters and with `-` for `_`. The first of ours that the command has is meant; a text with a blank is
# advice that fits every command.
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(("--prompt", "--message", "--query", "--content"), ("--template", _PROMPT)),
        **dict.fromkeys(("--input", "--in", "--input-file", "--infile"), ("--file", "FILE is an argument")),
        **dict.fromkeys(("--image", "--video", "--attachment", "--at"), ("--attach", "images in a record")),
        **dict.fromkeys(("--out", "--output-file", "--outfile", "--save"), ("--output", "> FILE")),
        **dict.fromkeys(("--system-prompt", "--sys", "--instructions", "--role"), ("--system",)),
        **dict.fromkeys(
            ("--max-completion-tokens", "--max-new-tokens", "--max-output-tokens", "--num-predict"),
            ("--max-tokens",),
        ),
        **dict.fromkeys(("--reasoning-effort", "--reasoning", "--think"), ("--effort",)),
        **dict.fromkeys(
            ("--url", "--api-base", "--api-url", "--endpoint", "--host", "--region"), ("--base-url",)
        ),
        **dict.fromkeys(("--timeout", "--max-timeout"), ("--max-time",)),
        **dict.fromkeys(("--cacert", "--cert", "--insecure"), ("--ca-file",)),
        **dict.fromkeys(
            ("--proxy", "-x"), ("a proxy comes from the environment: HTTPS_PROXY=http://HOST:PORT",)
        ),
        **dict.fromkeys(
            ("--workers", "--parallel", "--threads", "--jobs", "--max-workers"), ("--concurrency",)
        ),
        **dict.fromkeys(("--continue", "--session", "--history", "--chat", "--cid"), ("--conversation",)),
        **dict.fromkeys(("--function", "--functions", "--tool", "-T"), ("--tools",)),
        **dict.fromkeys(("--debug", "--trace", "--log-level"), ("--verbose",)),
        **dict.fromkeys(("--silent", "--no-progress"), ("--quiet",)),
        **dict.fromkeys(("--option", "--extra-body", "--body"), ("--param",)),
        **dict.fromkeys(("--data", "--data-raw", "-d"), (_FIELD,)),
        **dict.fromkeys(("--header", "-H"), ("no header can be set; the key comes from MINIMAX_API_KEY",)),
        **dict.fromkeys(("--stream", "--live"), ("`mmpipe stream` writes the answer as it arrives",)),
        "--no-stream": ("`mmpipe chat` writes the answer when it is complete",),
        "--rate-limit": ("--rpm",),
        "--budget": ("--max-cost",),
        "--check": ("--dry-run",),
        "-V": ("--version",),
        "-k": (
            "it is an option of `mmpipe batch`; a key comes from MINIMAX_API_KEY, or from a file with --api-key-file",
        ),
    }
)
