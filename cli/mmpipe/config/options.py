"""Options of the request and of the service, and the defaults of those that a configuration file may hold too."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from mmpipe.core.effort import Effort
from mmpipe.core.stream_pieces import Pieces
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.grammar import OptionGroup, option
from mmpipe.text.encodings import UTF_8, find_codec, suggest_codec
from mmpipe.text.visible import one_line
from mmpipe.unix.inputs import NamedInput

# FACTS.md, "Hosts and keys". `cn` is the host of the official page.
HOSTS: Final[Mapping[str, str]] = {
    "cn": "https://api.minimaxi.com/v1",
    "intl": "https://api.minimax.io/v1",
}
_HOST: Final = "cn"

# The timeouts are in seconds. The model of the official page was announced to end in November 2026.
DEFAULTS: Final[Mapping[str, object]] = {
    "model": "MiniMax-M3",
    "base_url": HOSTS[_HOST],
    "connect_timeout": 10,
    "first_byte_timeout": 60,
    "idle_timeout": 120,
    "max_time": 600,
    "retries": 3,
}


LIMITER_VARIABLE: Final = "MMPIPE_LIMITER"
_NUMBER: Final = (int, float)
_DURATION: Final = (int, float, str)
# Names in the configuration file, and the types of their values. `params` are further fields of the request, as of `-p`.
FILE_KEYS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "model": str,
    "base_url": str,
    "allow_http": bool,
    "api_key_command": (str, list),
    "api_key_file": str,
    "ca_file": str,
    "thinking": str,
    "markdown": bool,
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "max_tokens": int,
    "effort": str,
    "native_thinking": bool,
    "pieces": str,
    "params": dict,
    "system": str,
    "rpm": _NUMBER,
    "tpm": _NUMBER,
    "limiter": str,
    "max_cost": _NUMBER,
    "connect_timeout": _DURATION,
    "first_byte_timeout": _DURATION,
    "idle_timeout": _DURATION,
    "max_time": _DURATION,
    "retries": int,
}


@dataclass(frozen=True, slots=True)
class SystemMessageOptions(OptionGroup):
    """The system message; at most one of the two is given."""

    title = "Input"

    system: Annotated[str | None, option("-s", "--system", metavar="TEXT", help="The system message.")] = None
    system_file: Annotated[
        str | None,
        option("--system-file", metavar="PATH", help="Read the system message from a file."),
    ] = None

    @property
    def input(self) -> NamedInput | None:
        """The file of the system message."""
        return NamedInput.of("--system-file", self.system_file)

    def __post_init__(self) -> None:
        """Raise UsageError for two system messages."""
        if self.system is not None and self.system_file is not None:
            raise UsageError("--system and --system-file: use only one of them")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Encoding of text files, by the name of its codec, such as `utf-8` or `gbk`."""

    codec: str

    @classmethod
    def parse(cls, word: str) -> "Encoding":
        """Return the encoding of that name, as iconv, browsers or Python have it. Raises UsageError for an unknown one."""
        codec = find_codec(word)
        if codec is None:
            raise UsageError(
                f"--encoding {one_line(word, 40)}: there is no such encoding of text files",
                hint=suggest_codec(word),
            )
        return cls(codec)


@dataclass(frozen=True, slots=True)
class EncodingOptions(OptionGroup):
    """The encoding of text inputs; a byte order mark says more than this option."""

    title = "Input"

    encoding: Annotated[
        Encoding | None,
        option("--encoding", metavar="NAME", help="Encoding of text inputs, such as gbk [utf-8]."),
    ] = None

    @property
    def codec(self) -> str:
        """The name of the codec, for `decode_text`."""
        return UTF_8 if self.encoding is None else self.encoding.codec


@dataclass(frozen=True, slots=True)
class RequestOptions(OptionGroup):
    """The request but for its messages."""

    title = "Request"

    model: Annotated[
        str | None, option("-m", "--model", metavar="MODEL", help=f"The model to ask [{DEFAULTS['model']}].")
    ] = None
    temperature: Annotated[
        float | None,
        option(
            "--temperature", metavar="T", help="Sampling temperature: 0 to 2 for M3, above 0 to 1 for M2."
        ),
    ] = None
    top_p: Annotated[float | None, option("--top-p", metavar="P", help="Nucleus sampling: 0 to 1.")] = None
    max_tokens: Annotated[
        int | None,
        option("--max-tokens", metavar="N", help="Most tokens of the answer, thinking included."),
    ] = None
    effort: Annotated[
        Effort | None,
        option("--effort", help="How much the model thinks, by the levels that it has."),
    ] = None
    param: Annotated[
        tuple[str, ...],
        option(
            "-p",
            "--param",
            metavar="KEY=VALUE",
            help="Any other field of the request; a value is JSON, or text.",
        ),
    ] = ()
    native_thinking: Annotated[
        bool,
        option(
            "--native-thinking", help="Leave reasoning_split away; parse the tags of thinking in the text."
        ),
    ] = False
    no_native_thinking: Annotated[
        bool,
        option("--no-native-thinking", help="Send reasoning_split, whatever the configuration says."),
    ] = False
    wire: Annotated[
        Literal["stream", "whole"] | None,
        option("--wire", help="How the API sends the answer; the output stays the same."),
    ] = None
    pieces: Annotated[
        Pieces | None,
        option(
            "--pieces", help="How the server streams: each piece is new text, or repeats all before [auto]."
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raise UsageError for a switch that is both on and off."""
        if self.native_thinking and self.no_native_thinking:
            raise UsageError("--native-thinking and --no-native-thinking: use only one of them")


@dataclass(frozen=True, slots=True)
class ServiceOptions(OptionGroup):
    """The service, and how long to wait for it."""

    title = "Common"

    connect_timeout: Annotated[
        float | None,
        option(
            "--connect-timeout",
            metavar="DURATION",
            help=f"Longest wait for a connection [{DEFAULTS['connect_timeout']}].",
        ),
    ] = None
    first_byte_timeout: Annotated[
        float | None,
        option(
            "--first-byte-timeout",
            metavar="DURATION",
            help=f"Longest wait for a stream to begin [{DEFAULTS['first_byte_timeout']}].",
        ),
    ] = None
    idle_timeout: Annotated[
        float | None,
        option(
            "--idle-timeout",
            metavar="DURATION",
            help=f"Longest pause in a stream, or wait for a whole answer [{DEFAULTS['idle_timeout']}].",
        ),
    ] = None
    max_time: Annotated[
        float | None,
        option(
            "--max-time",
            metavar="DURATION",
            help=f"Longest time for an answer, with retries and tools [{DEFAULTS['max_time']}].",
        ),
    ] = None
    retries: Annotated[
        int | None,
        option("--retries", metavar="N", help=f"Most retries of a failed request [{DEFAULTS['retries']}]."),
    ] = None
    profile: Annotated[
        str | None,
        option("--profile", metavar="NAME", help="Use [profile.NAME] of the configuration file."),
    ] = None
    base_url: Annotated[
        str | None,
        option("--base-url", metavar="URL", help=f"Where the API is: a URL, or cn or intl [{_HOST}]."),
    ] = None
    allow_http: Annotated[
        bool, option("--allow-http", help="Let --base-url be http:// to another machine, unencrypted.")
    ] = False
    ca_file: Annotated[
        str | None,
        option("--ca-file", metavar="PATH", help="Certificates to trust instead of the system's."),
    ] = None
    api_key_file: Annotated[
        str | None, option("--api-key-file", metavar="PATH", help="Read the API key from a file.")
    ] = None
