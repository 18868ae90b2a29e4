"""What README and manual page both tell, of exit statuses and environment, and the files that are read."""

from collections.abc import Sequence

from mmpipe.config.settings import FILE_KEYS
from mmpipe.errors import ExitStatus

# Status, and when; backticks set off what is typed or sent.
EXIT_STATUSES: Sequence[tuple[ExitStatus, str]] = (
    (ExitStatus.OK, "the whole answer came and every byte was written; nothing else exits 0"),
    (ExitStatus.INTERNAL, "a bug in mmpipe"),
    (ExitStatus.USAGE, "bad option, configuration or base URL"),
    (ExitStatus.AUTH, "no key, or the host refuses it"),
    (ExitStatus.QUOTA, "rate limit after the retries, balance, plan; says when to come back, if known"),
    (ExitStatus.TIMEOUT, "connect, first byte, idle or total limit"),
    (ExitStatus.NETWORK, "DNS, refused, reset, TLS, proxy"),
    (ExitStatus.SERVER, "the service failed, also in the middle of a stream"),
    (
        ExitStatus.BAD_RESPONSE,
        "truncated, not JSON, not UTF-8, over a size limit, not what `--schema` asks for",
    ),
    (ExitStatus.REJECTED, "the service refuses the request as it is"),
    (ExitStatus.FILTERED, "moderation of prompt or answer"),
    (ExitStatus.CUT_SHORT, "the answer reached its token limit (`--allow-truncated` accepts that)"),
    (ExitStatus.INPUT, "unreadable, empty, not UTF-8, bad records, an id twice"),
    (ExitStatus.OUTPUT, "disk full, I/O error, closed stdout"),
    (ExitStatus.PARTIAL, "the batch ended and some records failed (each is in the output)"),
    (ExitStatus.BUSY, "another run holds the journal or the conversation"),
    (ExitStatus.TOOL, "a call that nobody runs, is not allowed or over the limits; `-c` keeps it"),
)
SIGNALS = ("129 130 131 141 143", "ended by SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM")

ENVIRONMENT: Sequence[tuple[str, str]] = (
    ("`MINIMAX_API_KEY`", "the key"),
    (
        "`MINIMAX_BASE_URL`",
        "where it belongs: a URL, or `cn` (default, api.minimaxi.com) or `intl` (api.minimax.io)",
    ),
    (
        "`OPENAI_API_KEY`, `OPENAI_BASE_URL`",
        "the pair of the official quick start; used together or not at all",
    ),
    ("`XDG_CONFIG_HOME`", "where `mmpipe/config.toml` is (default `~/.config`)"),
    (
        "`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`",
        "proxies and certificates, as other programs have them",
    ),
    ("`NO_COLOR`, `TERM=dumb`, `COLUMNS`", "no colour; `TERM=dumb` also no spinner; how wide a table is"),
)

FILES: Sequence[tuple[str, str]] = (
    (
        "`~/.config/mmpipe/config.toml`",
        f"settings, also under `[profile.NAME]`: {', '.join(f'`{name}`' for name in FILE_KEYS)}",
    ),
)
