"""`batch` from what was typed to the exit status: everything local is checked, then locked, then asked."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mmpipe.api.ask_many import AskManyContext, OpenPool
from mmpipe.api.pools import POOLS
from mmpipe.api.recorded_pool import open_recorded_pool
from mmpipe.api.recordings import open_recordings
from mmpipe.batch.dry_run import Forecast
from mmpipe.batch.event_loop import run
from mmpipe.batch.flow import AskTerms, Flow
from mmpipe.batch.journal.journal import Journal, open_journal, read_journal
from mmpipe.batch.journal.sort import sort_journal
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.concurrency import connection_capacity
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import Limiter, LocalLimiter
from mmpipe.batch.pace.shared_limiter import open_limiter
from mmpipe.batch.preparation import (
    defaults_of,
    outlook,
    source,
    survey_input,
)
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import ends_of
from mmpipe.batch.summary import RunSummary
from mmpipe.config.settings import Settings
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import InputError, Interrupted, MmpipeError, Partial, UsageError
from mmpipe.retrying import announce_endpoint
from mmpipe.structured.constraint import SHOWS_THINKING, OutputConstraint, read_constraint
from mmpipe.unix.files import check_apart, check_unread
from mmpipe.unix.signals import interruptible
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console
from mmpipe.writers.lines import write_line
from mmpipe.writers.meta import open_meta
from mmpipe.writers.progress import choose_progress
from mmpipe.writers.snapshot import Snapshot


def batch(
    options: BatchOptions,
    streams: Streams,
    environment: Mapping[str, str],
    open_pool: OpenPool = POOLS["local"],
) -> None:
    """Ask every record that has no good answer yet; returns only if each has one then.

    Raises Partial if some have none, and whatever ended the run before its end.
    """
    _check_places(options, streams)
    with Console(streams, options.manners, environment) as console:
        one = _Run(options, streams, environment, console)
        with open_meta(options.output.meta, one.tally.line):
            if options.dry_run:
                one.forecast()
            else:
                one.ask_all(open_pool)


def _check_places(options: BatchOptions, streams: Streams) -> None:
    asked, output = options.request, options.output
    written = (output.path or "-", output.meta, "-" if options.dry_run else None)
    check_apart(streams, *written)
    check_unread(streams, written, (*(options.input.files or "-"), asked.system_file, asked.fitting.schema))


@dataclass(frozen=True, slots=True)
class _Run:
    options: BatchOptions
    streams: Streams
    environment: Mapping[str, str]
    console: Console
    tally: RunSummary = field(default_factory=RunSummary)

    def forecast(self) -> None:
        """Tell what there is to be asked, and about what it takes; neither key nor service is needed for that."""
        defaults, _ = self._defaults(self._settings(), self._fitting())
        chosen = self.options.input
        forecast = Forecast(dedupe=chosen.dedupe, limit=chosen.limit)
        with self._earlier() as journal:
            ends = ends_of(chosen.files, self.streams.stdin)
            found = survey_input(self.options, defaults, self.streams, ends, journal, forecast.add)
        line = forecast.line(found, self._own_rates(), self.options.concurrency)
        write_line(self.streams.stdout, line)

    def ask_all(self, open_pool: OpenPool) -> None:
        """The whole of it; a signal that comes while nothing is asked yet ends it too."""
        with interruptible():
            settings, fitting = self._settings(), self._fitting()
            defaults, patience = self._defaults(settings, fitting)
            if not self.options.input.files and self.streams.stdin.is_terminal:
                raise UsageError(
                    "there is nothing to ask: name a file, or give the records on standard input"
                )
            endpoint = None if self._is_replay else announce_endpoint(settings, self.console)
            with self._journal() as journal, self._limiters(endpoint) as limiters:
                if journal is None:
                    self.streams.stdout.check_open()
                concurrency = self._concurrency()
                pool = None if endpoint is None else open_pool(endpoint, patience, concurrency)
                self._resumably(
                    defaults,
                    journal,
                    AskTerms(
                        self._recorded(pool, endpoint),
                        patience,
                        limiters,
                        concurrency,
                        fitting,
                        costs_nothing=self._is_replay,
                    ),
                )

    def _resumably(self, defaults: RequestDefaults, journal: Journal | None, terms: AskTerms) -> None:
        try:
            self._flow(defaults, journal, terms)
            if self.tally.failed:
                raise Partial(
                    f"{self.tally.failed} of {self.tally.done} records failed; each is in the output"
                )
        except (MmpipeError, Interrupted) as error:
            is_over = isinstance(error, InputError | UsageError)
            if journal is not None and not is_over and (self.tally.done or isinstance(error, Interrupted)):
                self.console.hint(f"the same command with --resume goes on with {journal.path}")
            raise

    def _flow(self, defaults: RequestDefaults, journal: Journal | None, terms: AskTerms) -> None:
        known = outlook(self.options, defaults, self.streams, journal, self.console)
        if journal is not None and self.options.output.overwrite:
            journal.clear()
        progress = choose_progress(
            self.options.output.progress, self.streams, self.environment, self.options.manners
        )
        self.console.attach(progress)

        def show(in_flight: int) -> None:
            progress.show(_snapshot(self.tally, known.total, in_flight))

        async def flow() -> None:
            found = source(self.options, defaults, self.streams, journal, known)
            stdout = self.streams.stdout
            await Flow(self.options, found, terms, journal, stdout, self.tally, self.console).whole(show)

        try:
            run(flow())
        finally:
            self.console.summarize(self.tally.sentence())
        if journal is not None and self.options.output.keep_order:
            sort_journal(journal.path)

    def _settings(self) -> Settings:
        return Settings(self.options.settings, self.environment, self.options.profile)

    def _defaults(self, settings: Settings, fitting: OutputConstraint) -> tuple[RequestDefaults, Timeouts]:
        return defaults_of(self.options, settings, fitting.instruction, self.console), settings.patience()

    def _fitting(self) -> OutputConstraint:
        fitting = read_constraint(self.options.request.fitting, self.console.note)
        if fitting.fit is not None and self.options.output.thinking == "show":
            raise UsageError(SHOWS_THINKING)
        return fitting

    @property
    def _is_replay(self) -> bool:
        return self.options.recordings is not None and self.options.recordings.mode == "replay"

    def _recorded(self, pool: AskManyContext | None, endpoint: Endpoint | None) -> AskManyContext:
        """The pool, or the folder that has the answers in front of it; a replay has neither pool nor endpoint."""
        chosen = self.options.recordings
        if chosen is None:
            assert pool is not None  # noqa: S101  only a replay has none
            return pool
        recordings = open_recordings(
            Path(chosen.folder), chosen.mode, None if endpoint is None else endpoint.key
        )
        return open_recorded_pool(recordings, pool)

    def _concurrency(self) -> int:
        wanted = self.options.concurrency
        possible = connection_capacity(wanted)
        if possible < wanted:
            self.console.warn(
                f"-j {wanted} needs more open files than are allowed (ulimit -n): -j is {possible}"
            )
        return possible

    @contextmanager
    def _earlier(self) -> Iterator[Journal | None]:
        """What a run that goes on would find."""
        chosen = self.options.output
        if chosen.path is None or not chosen.resume:
            yield None
            return
        with read_journal(chosen.path) as journal:
            yield journal

    @contextmanager
    def _journal(self) -> Iterator[Journal | None]:
        chosen = self.options.output
        if chosen.path is None:
            if chosen.resume or chosen.overwrite:
                raise UsageError("--resume and --overwrite are about a file: name it with -o")
            yield None
            return
        with open_journal(chosen.path, resume=chosen.resume, overwrite=chosen.overwrite) as journal:
            if journal.repaired is not None:
                self.console.warn(f"{journal.path}: {journal.repaired}")
            yield journal

    @contextmanager
    def _limiters(self, endpoint: Endpoint | None) -> Iterator[Sequence[Limiter]]:
        """The limits of all runs of this key here; and those of a shard, whose brothers may run elsewhere."""
        if endpoint is None:
            yield ()
            return
        with open_limiter(
            self.options.rates,
            base_url=endpoint.base_url,
            key=endpoint.key.value,
            environment=self.environment,
        ) as limiter:
            is_whole = self.options.input.shard is None
            yield (limiter,) if is_whole else (LocalLimiter(self._own_rates()), limiter)

    def _own_rates(self) -> Rates:
        """A shard has its share."""
        shard = self.options.input.shard
        return self.options.rates if shard is None else self.options.rates.divided(shard.count)


def _snapshot(tally: RunSummary, total: int | None, in_flight: int) -> Snapshot:
    return Snapshot(
        done=tally.done,
        failed=tally.failed,
        retried=tally.retries,
        in_flight=in_flight,
        skipped=tally.skipped,
        total=total,
        tokens=tally.tokens["total_tokens"],
        cost=tally.known_cost,
        seconds=tally.seconds,
    )
