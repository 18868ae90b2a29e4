"""Options of recordings (`--record`, `--replay`, `--cache`), and of the engine that sends the requests of a batch."""

from typing import Annotated, Literal

from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.grammar import OptionGroup, option

# `record` asks and writes; `replay` answers from the folder only; `cache` answers from the folder if it can.
RecordingMode = Literal["record", "replay", "cache"]
# The requests of a batch go out from this process, or from the nodes of a Ray cluster.
EngineName = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class RecordingOptions(OptionGroup):
    """Folders of recorded answers; at most one of them is given."""

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
        option("--cache", metavar="DIR", help="Answer from DIR if it can; else send, and keep the answer."),
    ] = None

    def __post_init__(self) -> None:
        """Raise UsageError for two folders."""
        if len(self._given) > 1:
            (first, _), (second, _), *_ = self._given
            raise UsageError(f"--{first} and --{second}: use only one of them", hint="--cache does both")

    @property
    def chosen(self) -> tuple[RecordingMode, str] | None:
        """The mode and its folder, if any."""
        return self._given[0] if self._given else None

    @property
    def is_replay(self) -> bool:
        """True if no request is sent."""
        return self.replay is not None

    @property
    def _given(self) -> list[tuple[RecordingMode, str]]:
        folders: dict[RecordingMode, str | None] = {
            "record": self.record,
            "replay": self.replay,
            "cache": self.cache,
        }
        return [(mode, folder) for mode, folder in folders.items() if folder is not None]


@dataclass(frozen=True, slots=True)
class EngineOptions(OptionGroup):
    """The place from which the requests of a batch are sent."""

    title = "Pace"

    engine: Annotated[
        EngineName,
        option("--engine", help="Send from this process [{default}], or from the nodes of a Ray cluster."),
    ] = "local"
    ray_address: Annotated[
        str | None,
        option(
            "--ray-address",
            metavar="HOST:PORT",
            help="The Ray cluster, or auto [RAY_ADDRESS; none: one of this machine, for this run].",
        ),
    ] = None
    ray_workers: Annotated[
        int | None,
        option(
            "--ray-workers",
            metavar="N",
            at_least=1,
            help="Workers on each node [1; on a cluster for this run: its cores but one].",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raise UsageError for an option of Ray without Ray."""
        for option_name, value in (("--ray-address", self.ray_address), ("--ray-workers", self.ray_workers)):
            if value is not None and self.engine != "ray":
                raise UsageError(f"{option_name} needs --engine ray")
