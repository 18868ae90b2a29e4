"""The pool over a cluster, as its users see it; the cluster is in this process, and can be broken."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from mmpipe.api.ask_many import RunSurroundings
from mmpipe.api.attempt import UNOBSERVED, Observer
from mmpipe.api.encoded_request import EncodedRequest
from mmpipe.api.options import EngineOptions
from mmpipe.api.pools import find_pool
from mmpipe.api.ray_pool.cluster_pool import ClusterPool
from mmpipe.api.ray_pool.fleet import FleetLimits
from mmpipe.api.ray_pool.greeting import Greeting, WorkerTerms
from mmpipe.api.ray_pool.pool_times import PoolReports, PoolTimes
from mmpipe.api.ray_pool.transport import (
    EndWorker,
    GroupArrived,
    Report,
    SendGroup,
    StartWorker,
    WorkerGone,
)
from mmpipe.api.ray_pool.values import ClusterRequest, pack_questions
from mmpipe.api.ray_pool.worker import ClusterWorker
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Event, Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import (
    AuthError,
    BrokenPool,
    ExitStatus,
    InputError,
    Internal,
    Interrupted,
    MmpipeError,
    NetworkError,
    NoWorkers,
    QuotaError,
    TimedOut,
    UsageError,
)
from support.cluster_in_process import Answer, ClusterInProcess, ScriptedPool, resolve

ENDPOINT = Endpoint("https://host/v1", Key("sk-api-0123456789-0123456789", "environment"))
SALT = b"salt"
# A tick is short, and silence long enough for a busy machine to be heard.
TIMES = PoolTimes(max_wait=600, tick=0.01, group=0.002, slow=0.2, fleet=FleetLimits(silence=20, start=10_000))
FOREVER = 10**9.0
SILENT = PoolReports(lambda: None, lambda _: None)


async def echo(request: EncodedRequest, node: str, _: Observer) -> Sequence[Event]:
    """Answers with the prompt and the node that has asked."""
    return [Text(f"{json.loads(request.body)['messages'][0]['content']} by {node}")]


def cluster_of(answer: Answer, *nodes: str, endpoint: Endpoint = ENDPOINT) -> ClusterInProcess:
    return ClusterInProcess(answer, WorkerTerms(partial(resolve, endpoint), 8, SALT), list(nodes))


def pool_over(
    cluster: ClusterInProcess, times: PoolTimes = TIMES, reports: PoolReports = SILENT
) -> ClusterPool:
    return ClusterPool(ENDPOINT, Greeting.of(ENDPOINT, SALT), cluster.open, times, reports)


def ask(
    pool: ClusterPool, prompt: str, seconds: float = FOREVER, observer: Observer = UNOBSERVED
) -> Coroutine[Any, Any, Sequence[Event]]:
    request = Request("m", ({"role": "user", "content": prompt},))
    limits = Limits(1, 1, 1, asyncio.get_running_loop().time() + seconds)
    return pool.ask(request, limits, observer)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  a look at what the pool does
        await asyncio.sleep(0.005)


def texts(answers: Sequence[Sequence[Event]]) -> set[str]:
    return {event.text for events in answers for event in events if isinstance(event, Text)}


class Held:
    """An answer that comes when it is let go, node by node."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.open: dict[str, asyncio.Event] = {}

    async def __call__(self, request: EncodedRequest, node: str, observer: Observer) -> Sequence[Event]:
        self.asked.append((node, json.loads(request.body)["messages"][0]["content"]))
        await self.open.setdefault(node, asyncio.Event()).wait()
        return await echo(request, node, observer)

    def let_go(self, node: str) -> None:
        self.open.setdefault(node, asyncio.Event()).set()


def test_the_response_as_it_came_is_shown_to_an_observer_that_records_it() -> None:
    head = ResponseHead(ResponseInfo(request_id="trace"), "application/json")

    async def answer(request: EncodedRequest, node: str, observer: Observer) -> Sequence[Event]:
        for times in (1, 2):  # as if the first answer were in doubt
            observer.began(head)
            observer.received(b"{" * times)
        return await echo(request, node, observer)

    async def scene() -> list[object]:
        seen: list[object] = []
        async with pool_over(cluster_of(answer, "a")) as pool:
            await ask(pool, "x", observer=Observer(began=seen.append, received=seen.append))
        return seen

    assert [head, b"{{"] == asyncio.run(scene())


def test_requests_that_are_ready_together_travel_together_and_evenly() -> None:
    async def scene() -> None:
        cluster = cluster_of(echo, "a", "b")
        async with pool_over(cluster, replace(TIMES, group=0.05)) as pool:
            found = await asyncio.gather(*(ask(pool, str(number)) for number in range(20)))
        assert 20 == len(texts(found))
        assert {"a": 10, "b": 10} == {
            node: sum(f" by {node}" in text for text in texts(found)) for node in ("a", "b")
        }
        # One group there, for each worker.
        assert 2 == sum(isinstance(order, SendGroup) for order in cluster.orders)

    asyncio.run(scene())


def test_the_service_is_asked_for_just_the_bytes_that_a_local_run_sends() -> None:
    bodies: list[EncodedRequest] = []

    async def keep(request: EncodedRequest, node: str, observer: Observer) -> Sequence[Event]:
        bodies.append(request)
        return await echo(request, node, observer)

    async def scene() -> None:
        async with pool_over(cluster_of(keep, "a")) as pool:
            await ask(pool, "\ud800 \u20ac")

    asyncio.run(scene())
    (sent,) = bodies
    assert rb'"content":"\ud800 ' + "\u20ac".encode() in sent.body


def test_an_error_of_the_service_arrives_as_it_was_raised() -> None:
    error = QuotaError("slow down", http=429, api_code=1002, retryable=True, retry_after=3.0)

    async def refuse(*_: object) -> Sequence[Event]:
        raise error

    async def scene() -> None:
        async with pool_over(cluster_of(refuse, "a")) as pool:
            with pytest.raises(QuotaError) as raised:
                await ask(pool, "x")
        assert vars(error) == vars(raised.value)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("raised", "kind", "retryable"),
    [(ZeroDivisionError(), Internal, False), (OSError(24, "Too many open files"), NetworkError, True)],
)
def test_any_other_error_of_a_worker_concerns_one_request(
    raised: Exception, kind: type[MmpipeError], retryable: bool
) -> None:
    async def fail(*_: object) -> Sequence[Event]:
        raise raised

    async def scene() -> None:
        async with pool_over(cluster_of(fail, "a")) as pool:
            with pytest.raises(kind) as found:
                await ask(pool, "x")
        assert retryable == found.value.retryable

    asyncio.run(scene())


def test_a_request_that_holds_the_key_does_not_leave_this_process() -> None:
    async def scene() -> None:
        cluster = cluster_of(echo, "a")
        async with pool_over(cluster) as pool:
            with pytest.raises(InputError):
                await ask(pool, f"my key is {ENDPOINT.key and ENDPOINT.key.value}")
        assert not any(isinstance(order, SendGroup) for order in cluster.orders)

    asyncio.run(scene())


def test_the_requests_of_a_worker_that_ends_fail_as_on_a_broken_network_and_another_is_started() -> None:
    async def scene() -> None:
        held = Held()
        cluster = cluster_of(held, "a")
        async with pool_over(cluster) as pool:
            waiting = asyncio.create_task(ask(pool, "x"))
            await until(lambda: bool(held.asked))
            cluster.lose(0)
            with pytest.raises(NetworkError) as raised:
                await waiting
            assert raised.value.retryable
            assert "the worker on node node-a is lost: it was killed" == raised.value.sentence
            held.let_go("a")
            assert {"x by a"} == texts([await ask(pool, "x")])
        assert [StartWorker(0, "a"), StartWorker(1, "a")] == [
            order for order in cluster.orders if isinstance(order, StartWorker)
        ]

    asyncio.run(scene())


def test_a_worker_that_stops_answering_is_lost_and_what_it_says_later_is_dropped() -> None:
    async def scene() -> None:
        held = Held()
        held.let_go("b")
        cluster = cluster_of(held, "a", "b")
        async with pool_over(cluster) as pool:
            both = [asyncio.create_task(ask(pool, str(number))) for number in range(2)]
            await until(lambda: len(held.asked) == 2)
            cluster.mute.add("a")
            found = await asyncio.gather(*both, return_exceptions=True)
            (lost,) = [one for one in found if isinstance(one, NetworkError)]
            assert lost.retryable
            assert "has stopped answering" in lost.sentence
            assert EndWorker(0) in cluster.orders
            # The node is back, with its answer and a new worker; the request was answered elsewhere.
            held.let_go("a")
            await until(lambda: any(isinstance(one, GroupArrived) for one in cluster.late))
            cluster.hear_again("a")
            again = await asyncio.gather(*(ask(pool, str(number)) for number in range(8)))
            assert 8 == len(texts(again))

    asyncio.run(scene())


def test_a_worker_that_does_not_confirm_its_requests_gets_no_more_until_it_is_heard_of() -> None:
    async def scene() -> None:
        held = Held()
        cluster = cluster_of(held, "a")
        async with pool_over(cluster, replace(TIMES, fleet=FleetLimits(silence=10_000))) as pool:
            assert pool.is_ready
            cluster.mute.add("a")
            first = asyncio.create_task(ask(pool, "x"))
            await until(lambda: not pool.is_ready)
            second = asyncio.create_task(ask(pool, "y"))
            held.let_go("a")
            await until(lambda: bool(cluster.late))
            assert [("a", "x")] == held.asked
            cluster.hear_again("a")
            assert {"x by a", "y by a"} == texts([await first, await second])
            assert pool.is_ready

    asyncio.run(scene())


def test_a_worker_confirms_its_questions_without_an_answer_to_any() -> None:
    async def scene() -> bytes:
        worker = ClusterWorker(
            WorkerTerms(partial(resolve, ENDPOINT), 8, SALT), lambda *_: ScriptedPool(Held(), "a"), FOREVER
        )
        await worker.greet()
        taking = asyncio.create_task(worker.take())
        body = b'{"messages": [{"content": "x"}]}'
        request = EncodedRequest(body, "m", False, "auto")
        (group,) = pack_questions([ClusterRequest(0, request, Limits(1, 1, 1, FOREVER), takes_bytes=False)])
        await worker.submit(group)
        return await taking

    assert b"" == asyncio.run(scene())


@pytest.mark.slow
def test_a_worker_that_has_nothing_to_answer_is_not_lost() -> None:
    async def scene() -> None:
        held = Held()
        cluster = cluster_of(held, "a")
        async with pool_over(cluster) as pool:
            waiting = asyncio.create_task(ask(pool, "x"))
            await asyncio.sleep(TIMES.tick * TIMES.fleet.silence * 2)
            held.let_go("a")
            assert {"x by a"} == texts([await waiting])

    asyncio.run(scene())


@pytest.mark.slow
def test_after_a_pause_of_this_process_no_worker_seems_to_have_been_silent() -> None:
    async def scene() -> None:
        cluster = cluster_of(echo, "a")
        async with pool_over(cluster) as pool:
            # As after Ctrl-Z: nothing here runs meanwhile.
            time.sleep(TIMES.tick * TIMES.fleet.silence * 2)  # noqa: ASYNC251
            assert {"x by a"} == texts([await ask(pool, "x")])
        assert not any(isinstance(order, EndWorker) for order in cluster.orders)

    asyncio.run(scene())


def test_a_node_that_joins_gets_a_worker_and_one_that_leaves_loses_its_requests() -> None:
    async def scene() -> None:
        held = Held()
        held.let_go("b")
        cluster = cluster_of(held, "a")
        async with pool_over(cluster) as pool:
            waiting = asyncio.create_task(ask(pool, "x"))
            await until(lambda: bool(held.asked))
            cluster.see("b")
            with pytest.raises(NetworkError, match="the node is gone"):
                await waiting
            assert {"x by b"} == texts([await ask(pool, "x")])

    asyncio.run(scene())


def test_without_any_worker_for_the_longest_wait_the_run_ends() -> None:
    async def scene() -> None:
        cluster = cluster_of(echo, "a")
        async with pool_over(cluster, replace(TIMES, max_wait=0.2)) as pool:
            cluster.see()
            await until(lambda: EndWorker(0) in cluster.orders)
            with pytest.raises(
                NoWorkers,
                match=r"no worker of the cluster for 0.2 s \(--max-wait\): the worker on node node-a is lost: the node is gone",
            ):
                await ask(pool, "x")
            # So does whatever is asked after that.
            with pytest.raises(NoWorkers):
                await ask(pool, "y")

    asyncio.run(scene())


def test_a_cluster_whose_workers_never_begin_ends_the_run_with_the_reason() -> None:
    async def scene() -> list[str]:
        losses: list[str] = []
        cluster = replace(cluster_of(echo, "a"), mute={"a"})
        fleet = FleetLimits(start=5, rest=1)
        times = replace(TIMES, max_wait=0.1, start=0.3, fleet=fleet)
        reason = "the worker on node node-a is lost: it does not begin"
        with pytest.raises(NoWorkers) as raised:
            await begins(cluster, times, PoolReports(lambda: None, losses.append))
        assert f"no worker of the cluster for 0.3 s: {reason}" == raised.value.message
        assert 1 < sum(isinstance(order, StartWorker) for order in cluster.orders)
        return losses

    assert ["the worker on node node-a is lost: it does not begin"] == asyncio.run(scene())


BUGS = (GroupArrived(0, b"no group"), WorkerGone(0, "KeyError: 'x'", is_bug=True))


@pytest.mark.parametrize("report", BUGS)
def test_a_bug_of_the_pool_ends_the_run_as_a_bug(report: Report) -> None:
    async def scene() -> None:
        held = Held()
        cluster = cluster_of(held, "a")
        async with pool_over(cluster) as pool:
            waiting = asyncio.create_task(ask(pool, "x"))
            await until(lambda: bool(held.asked))
            cluster.report(report)
            for asked in (waiting, ask(pool, "y")):
                with pytest.raises(BrokenPool, match="a bug in mmpipe") as raised:
                    await asked
                assert ExitStatus.INTERNAL == raised.value.status

    asyncio.run(scene())


def test_a_bug_of_a_worker_that_begins_ends_the_run_as_a_bug() -> None:
    async def scene() -> str:
        cluster = replace(cluster_of(echo, "a"), mute={"a"})
        beginning = asyncio.create_task(begins(cluster))
        await until(lambda: StartWorker(0, "a") in cluster.orders)
        cluster.report(WorkerGone(0, "KeyError: 'x'", is_bug=True))
        with pytest.raises(BrokenPool) as raised:
            await beginning
        return raised.value.message

    assert "a bug in mmpipe, on node node-a: KeyError: 'x'" == asyncio.run(scene())


def test_a_cluster_that_takes_long_to_start_is_reported_once() -> None:
    async def scene(mute: set[str], reported: float) -> int:
        reports: list[str] = []
        cluster = replace(cluster_of(echo, "a", "b"), mute=mute)
        times = replace(TIMES, reported=reported)
        async with pool_over(
            cluster, times, PoolReports(lambda: reports.append("waiting"), lambda _: None)
        ) as pool:
            await ask(pool, "x")
        return len(reports)

    assert [1, 0, 0] == [
        asyncio.run(scene(mute, reported)) for mute, reported in (({"b"}, 0.01), ({"b"}, 60), (set(), 60))
    ]


def test_a_request_waits_for_a_worker_no_longer_than_its_own_limit() -> None:
    async def scene() -> None:
        cluster = cluster_of(echo, "a")
        async with pool_over(cluster) as pool:
            cluster.see()
            await until(lambda: EndWorker(0) in cluster.orders)
            with pytest.raises(TimedOut, match="--max-time"):
                await ask(pool, "x", seconds=0.1)

    asyncio.run(scene())


def test_a_cluster_that_is_lost_is_joined_again() -> None:
    async def scene() -> None:
        held = Held()
        cluster = cluster_of(held, "a")
        async with pool_over(cluster) as pool:
            waiting = asyncio.create_task(ask(pool, "x"))
            await until(lambda: bool(held.asked))
            cluster.break_off(NetworkError("Ray has ended", retryable=True))
            with pytest.raises(NetworkError, match="Ray has ended"):
                await waiting
            held.let_go("a")
            assert {"x by a"} == texts([await ask(pool, "x")])

    asyncio.run(scene())


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), NetworkError("no Ray cluster answers")]
)
def test_a_run_that_cannot_join_the_cluster_again_retries_until_its_longest_wait(failure: Exception) -> None:
    async def scene() -> None:
        losses: list[str] = []
        cluster = cluster_of(echo, "a")
        times = replace(TIMES, max_wait=0.3)
        async with pool_over(cluster, times, PoolReports(lambda: None, losses.append)) as pool:
            cluster.failure = failure
            cluster.break_off(NetworkError("Ray has ended", retryable=True))
            await until(lambda: len(losses) > 2)
            cluster.failure = None
            assert {"x by a"} == texts([await ask(pool, "x")])
            cluster.failure = failure
            cluster.break_off(NetworkError("Ray has ended", retryable=True))
            reason = f"the cluster is lost: {failure}"
            with pytest.raises(NoWorkers) as raised:
                await ask(pool, "y")
        assert f"no worker of the cluster for 0.3 s (--max-wait): {reason}" == raised.value.message
        parted = [
            "the worker on node node-a is lost: Ray has ended",
            "the cluster is lost: Ray has ended",
            reason,
        ]
        assert parted * 2 == losses

    asyncio.run(scene())


async def begins(cluster: ClusterInProcess, times: PoolTimes = TIMES, reports: PoolReports = SILENT) -> None:
    async with pool_over(cluster, times, reports):
        pass


def refused(cluster: ClusterInProcess, kind: type[MmpipeError]) -> str:
    """The error with which a run ends before anything is asked."""

    async def scene() -> str:
        with pytest.raises(kind) as raised:
            await begins(cluster)
        return raised.value.message

    return asyncio.run(scene())


OTHER = Endpoint("https://host/v1", Key("sk-api-another-another-another", "OPENAI_*"))


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        (OTHER, "the API key of node node-a (OPENAI_*) is not the key of this run (environment)"),
        (
            Endpoint("https://host/v1", None),
            "node node-a has no API key; this run has one (environment)",
        ),
        (
            Endpoint("https://other/v1", ENDPOINT.key),
            "node node-a would ask https://other/v1, and not https://host/v1; set the base URL there as it is set here, or type --base-url",
        ),
    ],
)
def test_a_node_with_another_account_or_host_ends_the_run(endpoint: Endpoint, message: str) -> None:
    assert message == refused(cluster_of(echo, "a", endpoint=endpoint), AuthError)


def test_a_node_with_a_key_is_no_node_for_a_run_without_one() -> None:
    keyless = Greeting.of(Endpoint("https://host/v1", None), SALT)
    with pytest.raises(AuthError) as raised:
        Greeting.of(ENDPOINT, SALT).check(keyless, "a")
    assert "node a has an API key (environment); this run has none" == raised.value.message


def test_a_node_without_a_key_ends_the_run_with_what_it_says() -> None:
    def no_key() -> Endpoint:
        raise AuthError("no API key", hint="set one")

    cluster = ClusterInProcess(echo, WorkerTerms(no_key, 8, SALT))
    assert "node node-a: no API key; set one" == refused(cluster, AuthError)


@pytest.mark.parametrize(
    ("raised", "kind"), [(ValueError("odd"), Internal), (OSError(24, "Too many open files"), NetworkError)]
)
def test_any_other_error_of_a_worker_that_looks_for_its_key_ends_the_run_with_what_it_says(
    raised: Exception, kind: type[MmpipeError]
) -> None:
    def fail() -> Endpoint:
        raise raised

    said = refused(ClusterInProcess(echo, WorkerTerms(fail, 8, SALT)), kind)
    assert said.startswith("node node-a: ")
    assert str(raised) in said


def test_a_node_that_cannot_run_a_worker_ends_the_run_before_anything_is_asked() -> None:
    cluster = replace(cluster_of(echo, "a", "b"), unfit={"b": "it has no module msgspec"})
    assert "node node-b cannot run a worker: it has no module msgspec" == refused(cluster, UsageError)


def test_a_node_that_joins_unfit_is_left_out() -> None:
    async def scene() -> None:
        cluster = replace(cluster_of(echo, "a"), unfit={"b": "it has no module msgspec"})
        async with pool_over(cluster) as pool:
            cluster.see("a", "b")
            await until(
                lambda: any(isinstance(order, StartWorker) and order.node == "b" for order in cluster.orders)
            )
            assert {"x by a"} == texts([await ask(pool, "x")])

    asyncio.run(scene())


def test_a_cluster_that_cannot_be_reached_ends_the_run_at_once() -> None:
    cluster = replace(cluster_of(echo, "a"), failure=NetworkError("no Ray cluster answers at x:1"))
    assert "no Ray cluster answers at x:1" == refused(cluster, NetworkError)


@pytest.mark.parametrize("failure", [OSError(24, "Too many open files"), Interrupted(15)])
def test_what_concerns_the_process_ends_the_run_as_it_is(failure: BaseException) -> None:
    async def scene() -> None:
        with pytest.raises(type(failure)):
            await begins(replace(cluster_of(echo, "a"), failure=failure))

    asyncio.run(scene())


def test_a_slow_node_does_not_keep_the_others_from_beginning() -> None:
    async def scene() -> None:
        cluster = replace(cluster_of(echo, "a", "b"), mute={"b"})
        async with pool_over(cluster) as pool:
            assert {"x by a"} == texts([await ask(pool, "x")])

    asyncio.run(scene())


def test_nobody_can_tell_the_key_from_the_digest_of_another_run() -> None:
    digests = {Greeting.of(ENDPOINT, salt).digest for salt in (b"1", b"2")}
    assert 2 == len(digests)
    assert ENDPOINT.key is not None
    assert ENDPOINT.key.value.encode() not in Greeting.of(ENDPOINT, SALT).pack()


def chosen(environment: dict[str, str], **typed: object) -> object:
    options = EngineOptions("ray", **typed)  # type: ignore[arg-type]
    return find_pool(options, RunSurroundings(environment, 600, partial(resolve, ENDPOINT), print, print))


def test_without_ray_the_run_ends_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # As for a package that is not there.
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError) as raised:
        chosen({})
    assert "--engine ray needs Ray, which is not installed; pip install 'mmpipe[ray]'" == raised.value.message


@pytest.mark.parametrize("name", ["ray_address", "ray_workers"])
def test_an_option_of_ray_needs_the_engine(name: str) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} needs --engine ray"):
        EngineOptions(**{name: 1})  # type: ignore[arg-type]


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray, as far as this process looks at it."""
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    sys.modules["ray"].__spec__ = ModuleSpec("ray", None)


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "host:99999", "host:0", "host:", "host:\u0661"])
def test_an_address_of_the_environment_that_is_none_is_named(address: str) -> None:
    with pytest.raises(UsageError) as raised:
        chosen({"RAY_ADDRESS": address})
    assert f"RAY_ADDRESS (environment) is {address}: it must be HOST:PORT" in raised.value.sentence


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("address", ["", "auto", "local", "host:65535", "[::1]:6379"])
def test_an_address_is_a_host_with_its_port_or_a_word(address: str) -> None:
    assert chosen({"RAY_ADDRESS": address})


@pytest.mark.usefixtures("_installed")
def test_the_cores_are_counted_also_where_a_process_has_no_part_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As on macOS.
    monkeypatch.delattr("os.sched_getaffinity")
    assert chosen({})
