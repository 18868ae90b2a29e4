"""The sections of options that several commands share; those of one command are in its own room."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from mmpipe.errors import UsageError
from mmpipe.grammar import Section, option

if TYPE_CHECKING:
    from mmpipe.api.options import RecordingMode, RecordingOptions
    from mmpipe.structured.constraint import ConstraintOptions
    from mmpipe.writers.console import Verbosity


@dataclass(frozen=True, slots=True)
class SystemMessage(Section):
    """What the model is told before the prompt."""

    title = "Input"

    system: Annotated[str | None, option("-s", "--system", metavar="TEXT", help="The system message.")] = None
    system_file: Annotated[
        str | None,
        option("--system-file", metavar="PATH", help="Read the system message from a file."),
    ] = None


@dataclass(frozen=True, slots=True)
class Request(Section):
    """What is asked for."""

    title = "Request"

    model: Annotated[
        str | None, option("-m", "--model", metavar="MODEL", help="The model to ask [MiniMax-M3].")
    ] = None
    temperature: Annotated[
        float | None,
        option("--temperature", metavar="T", help="Sampling temperature: above 0, at most 1."),
    ] = None
    top_p: Annotated[float | None, option("--top-p", metavar="P", help="Nucleus sampling: 0 to 1.")] = None
    max_tokens: Annotated[
        int | None,
        option("--max-tokens", metavar="N", help="Most tokens of the answer, thinking included."),
    ] = None
    param: Annotated[
        list[str] | None,
        option("-p", "--param", metavar="KEY=JSON", help="Any other field of the request."),
    ] = None
    native_thinking: Annotated[
        bool,
        option("--native-thinking", help="Have the thinking sent as tags in the text, and parse them."),
    ] = False
    wire: Annotated[
        Literal["stream", "whole"] | None,
        option("--wire", help="How the API is asked, whatever is written here."),
    ] = None


@dataclass(frozen=True, slots=True)
class Thinking(Section):
    """What becomes of the model's thinking."""

    title = "Thinking"

    thinking: Annotated[
        Literal["show", "split", "hide"] | None,
        option("-t", "--thinking", help="Thinking before the answer, apart from it, or not at all."),
    ] = None
    thinking_file: Annotated[
        str | None,
        option("--thinking-file", metavar="PATH", help="Where split thinking goes (/dev/fd/3 works)."),
    ] = None


@dataclass(frozen=True, slots=True)
class Fitting(Section):
    """What the text of an answer must be."""

    title = "Output"

    schema: Annotated[
        str | None,
        option("--schema", metavar="FILE", help="The answer must be JSON that this JSON Schema accepts."),
    ] = None
    repair: Annotated[
        int | None,
        option("--repair", metavar="N", help="How often the model may mend JSON that is not accepted [1]."),
    ] = None
    extract: Annotated[
        Literal["code", "json"] | None,
        option("--extract", help="Only the first code block of the answer, or the JSON in it."),
    ] = None


@dataclass(frozen=True, slots=True)
class Kept(Section):
    """Answers that are kept as files, to be had again."""

    title = "Recordings"

    record: Annotated[
        str | None, option("--record", metavar="DIR", help="Keep requests and answers as files in DIR.")
    ] = None
    replay: Annotated[
        str | None,
        option(
            "--replay", metavar="DIR", help="Answer from DIR, without key and network; a miss is status 6."
        ),
    ] = None
    cache: Annotated[
        str | None,
        option("--cache", metavar="DIR", help="Answer from DIR what is there; ask and keep what is not."),
    ] = None


@dataclass(frozen=True, slots=True)
class Talk(Section):
    """How much is said."""

    title = "Common"

    verbose: Annotated[
        bool, option("-v", "--verbose", help="Tell what is chosen and why, ids and timings.")
    ] = False
    quiet: Annotated[bool, option("-q", "--quiet", help="No warnings and no spinner.")] = False


@dataclass(frozen=True, slots=True)
class Service(Section):
    """Where the service is, and how patient to be with it."""

    title = "Common"

    connect_timeout: Annotated[
        float | None,
        option("--connect-timeout", metavar="SECONDS", help="Longest wait for a connection [10]."),
    ] = None
    first_byte_timeout: Annotated[
        float | None,
        option("--first-byte-timeout", metavar="SECONDS", help="Longest wait for a stream to begin [60]."),
    ] = None
    idle_timeout: Annotated[
        float | None,
        option("--idle-timeout", metavar="SECONDS", help="Longest pause within an answer [120]."),
    ] = None
    max_time: Annotated[
        float | None,
        option("--max-time", metavar="SECONDS", help="Longest time for all of the asking [600]."),
    ] = None
    retries: Annotated[int | None, option("--retries", metavar="N", help="How often to ask again [3].")] = (
        None
    )
    profile: Annotated[
        str | None,
        option("--profile", metavar="NAME", help="Use [profile.NAME] of the configuration file."),
    ] = None
    base_url: Annotated[
        str | None,
        option("--base-url", metavar="URL", help="Where the API is: a URL, or cn or intl [cn]."),
    ] = None
    ca_file: Annotated[
        str | None,
        option("--ca-file", metavar="PATH", help="Certificates to trust instead of the system's."),
    ] = None
    api_key_file: Annotated[
        str | None, option("--api-key-file", metavar="PATH", help="Read the API key from a file.")
    ] = None


@dataclass(frozen=True, slots=True)
class Errors(Section):
    """How every command tells its errors; main looks for it by itself, since parsing may fail."""

    title = "Common"

    error_json: Annotated[bool, option("--error-json", help="Errors as one JSON object on stderr.")] = False


@dataclass(frozen=True, slots=True)
class About(Section):
    """What the program has without any command."""

    title = "Common"

    help: Annotated[
        bool,
        option("-h", "--help", help="Show this and exit."),
    ] = False
    version: Annotated[
        bool,
        option("--version", help="Show the version and exit."),
    ] = False


# What every command has, without a part in its work.
COMMON = (Errors, About)
_TYPED_ONLY = ("param", "native_thinking", "wire", "thinking_file", "profile")


def manners(talk: Talk) -> "Verbosity":
    """How the console is to behave."""
    from mmpipe.writers.console import Verbosity

    return Verbosity(verbose=talk.verbose, quiet=talk.quiet)


def fitting(section: Fitting) -> "ConstraintOptions":
    """What the text of an answer must be."""
    from mmpipe.structured.constraint import ConstraintOptions

    return ConstraintOptions(section.schema, section.repair, section.extract)


def recordings(section: Kept) -> "RecordingOptions | None":
    """Where answers are kept; raises UsageError for two places."""
    modes: tuple[tuple[RecordingMode, str | None], ...] = (
        ("record", section.record),
        ("replay", section.replay),
        ("cache", section.cache),
    )
    named = [(mode, folder) for mode, folder in modes if folder is not None]
    if not named:
        return None
    if len(named) > 1:
        raise UsageError(f"--{named[0][0]} and --{named[1][0]}: one of them; --cache does both")
    from mmpipe.api.options import RecordingOptions

    mode, folder = named[0]
    return RecordingOptions(folder, mode)


def settings(*sections: Request | Thinking | Service) -> dict[str, object]:
    """What was typed of what a configuration file may hold too; None where nothing was."""
    typed = {name: value for section in sections for name, value in asdict(section).items()}
    return {name: value for name, value in typed.items() if name not in _TYPED_ONLY}
