"""Chooses the limiters of a run: those of this machine, or the one of all hosts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.account import name_account
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import LocalLimiter
from mmpipe.batch.pace.permits import OpenPermits, open_permits
from mmpipe.batch.pace.shared_limiter import SharedLimiter, open_limiter
from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.core.endpoint import Endpoint
from mmpipe.errors import UsageError


@contextmanager
def open_limiters(
    options: BatchOptions, environment: Mapping[str, str], endpoint: Endpoint | None
) -> Iterator[OpenPermits]:
    """The limiter that all runs of this key share on this machine; before it, that of the shard. None in a replay.

    Instead of both, the one that all hosts share. Raises UsageError if its client is not installed.
    """
    rates, address = _rates(options), options.pace.limiter
    if endpoint is None:
        yield partial(open_permits, ())
    elif address is not None:
        yield _remote_permits(address, endpoint, rates)
    else:
        with open_limiter(rates, endpoint, environment) as limiter:
            is_whole = options.selection.shard is None
            limiters = (limiter,) if is_whole else (LocalLimiter(shard_rates(options)), limiter)
            yield partial(open_permits, limiters, warning=_warn_of(limiter))


def shard_rates(options: BatchOptions) -> Rates:
    """The rates of this run: a shard has its part, since the other shards may run elsewhere without a common limiter."""
    shard, rates = options.selection.shard, _rates(options)
    return rates if shard is None or options.pace.limiter is not None else rates.divided(shard.count)


def _warn_of(limiter: LocalLimiter) -> str | None:
    """Return a warning of a limit that was typed, and that other runs cannot see."""
    if isinstance(limiter, SharedLimiter) or limiter.rates == Rates():
        return None
    return "--rpm and --tpm hold for this run alone: no folder to share them in; set XDG_RUNTIME_DIR, or use --limiter"


def _rates(options: BatchOptions) -> Rates:
    return Rates(options.pace.rpm, options.pace.tpm)


def _remote_permits(address: LimiterAddress, endpoint: Endpoint, rates: Rates) -> OpenPermits:
    # Loaded only when it is asked for.
    from mmpipe.batch.pace.remote_limiter import RemoteLimiter
    from mmpipe.batch.pace.remote_permits import open_remote_permits

    try:
        from mmpipe.batch.pace.redis_script import RedisScript
    except ModuleNotFoundError as error:
        raise UsageError(
            "--limiter needs the client of Redis, which is not installed", hint="pip install 'mmpipe[redis]'"
        ) from error
    limiter = RemoteLimiter(rates, RedisScript(address, f"mmpipe:limit:{name_account(endpoint)}"))
    return partial(open_remote_permits, limiter, str(address))
