"""`--limiter`: runs share the limit of a Redis server, send nothing without a permit of it, and never show its password."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmpipe.reference.guide_text import Code, read_guide
from mmpipe.simulator.server import RunningSimulator
from support.harness import KEY, MMPIPE, Finished, eventually, finished, read_until, service, started
from support.in_process import run_in_process
from support.redis_server import RedisServer, need_redis, redis_server

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("redis")]

PASSWORD = "geheim-9f3a/#"
TYPED = "geheim-9f3a%2F%23"
STATE = re.compile(r"\d+\.\d{6} (\d+) [\d.]+ [\d.]+ [\d.]+")


@pytest.fixture(scope="module")
def running(needs: Callable[[str], None]) -> Iterator[RedisServer]:
    need_redis(needs)
    with redis_server() as server:
        yield server


@pytest.fixture
def redis(running: RedisServer) -> RedisServer:
    """The server, without what an earlier test has done to it."""
    with running.client() as client:
        client.flushall()
    return running


def batch(server: RunningSimulator, *options: str, stdin: bytes = b"a\nb\nc\n", **env: str) -> Finished:
    return run_in_process("batch", *options, server=server, stdin=stdin, env=env)


def steps(redis: RedisServer) -> int:
    """The number of steps over the state; there is one key, which expires and tells nothing of the API's key."""
    with redis.client() as client:
        (name,) = client.keys()
        assert re.fullmatch("mmpipe:limit:[0-9a-f]{32}", name)
        found = STATE.fullmatch(client.get(name))
        assert found
        assert 0 < client.ttl(name) <= 700
    return int(found[1])


def test_runs_of_all_places_step_over_one_state(redis: RedisServer) -> None:
    with service() as server:
        typed = batch(server, "-v", "--rpm", "6000", "--limiter", redis.url)
        first = steps(redis)
        # Of another machine: the file of this one is elsewhere.
        named = batch(
            server, "-v", "--rpm", "6000", MMPIPE_LIMITER=redis.url, XDG_RUNTIME_DIR=str(Path.cwd())
        )
        second = steps(redis)
        Path(".config/mmpipe").mkdir(parents=True)
        Path(".config/mmpipe/config.toml").write_text(f'limiter = "{redis.url}"\nrpm = 6000\n')
        configured = batch(server, "-v")
        third = steps(redis)
        assert 9 == len(server.requests)
    assert [0, 0, 0] == [done.status for done in (typed, named, configured)], configured.stderr_text
    assert 1 <= first < second < third <= 12
    place = Path(".config/mmpipe/config.toml").absolute()
    for done, source in ((typed, "option"), (named, "environment"), (configured, str(place))):
        assert f"limiter = {redis.url}?db=0 ({source})" in done.stderr_text
    assert not Path("mmpipe").exists()


def test_the_rights_of_the_guide_are_enough(redis: RedisServer) -> None:
    (line,) = [
        line
        for block in read_guide("limiter").blocks
        if isinstance(block, Code)
        for line in block.lines
        if "ACL SETUSER" in line
    ]
    with redis.client() as client:
        client.execute_command(*shlex.split(line)[1:])
        client.acl_setuser("default", enabled=True, categories=["+@all"])
        with service() as server:
            url = redis.url.replace("unix://", "unix://mmpipe:secret@") + "?db=1"
            done = batch(server, "--rpm", "6000", "--limiter", url)
        client.acl_deluser("mmpipe")
    assert (0, "mmpipe: 3 good") == (done.status, done.stderr_text[:14])


def test_shards_are_not_divided_and_a_dry_run_asks_no_server() -> None:
    with service() as server:
        done = batch(
            server,
            "--rpm",
            "6",
            "--shard",
            "1/3",
            "--dry-run",
            "--limiter",
            "redis://127.0.0.1:1",
            stdin=b"a\n" * 9,
        )
    assert 0 == done.status
    # A third of the records are one request, and six a minute are allowed.
    assert 10 == done.record["seconds"]


@pytest.mark.parametrize(
    ("fault", "repair", "reason"),
    [
        (["CONFIG", "SET", "requirepass", "x"], [], "invalid username-password pair"),
        (["CONFIG", "SET", "requirepass", ""], [], "it has no password, and one is given"),
        (
            ["ACL", "SETUSER", "default", "-set"],
            ["ACL", "SETUSER", "default", "+@all"],
            "can't run this command",
        ),
        (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"], "read only replica"),
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "maxmemory"),
        (["SET", "mmpipe", "1"], [], ""),
    ],
)
def test_a_server_that_gives_no_permits_ends_the_run_with_6_and_nothing_was_sent(
    fault: list[str], repair: list[str], reason: str, redis: RedisServer
) -> None:
    url = redis.url.replace("unix://", f"unix://:{TYPED}@") if "requirepass" in fault else redis.url
    out = Path("out.jsonl")
    with redis.client() as client, service() as server:
        if not reason:
            redis.kill()
            reason = "No such file or directory|Connection refused"
        else:
            client.execute_command(*fault)
        try:
            done = batch(server, "-v", "--limiter", url, "--max-wait", "0", "-o", str(out))
            dry = batch(server, "-v", "--limiter", url, "--dry-run")
        finally:
            if fault[0] == "SET":
                redis.start()
            elif "requirepass" in fault:
                with redis.client(password=fault[-1] or None) as inside:
                    inside.config_set("requirepass", "")
            else:
                client.execute_command(*repair)
        assert [] == server.requests
        assert (6, b"") == (done.status, out.read_bytes())
        error = done.stderr_text.splitlines()[-1]
        assert re.search(
            rf"^mmpipe: network: the limiter {re.escape(redis.url)}\?db=0 has given no permits for --max-wait 0: .*({reason})",
            error,
        ), error
        assert "geheim" not in done.stderr_text + dry.stderr_text + dry.stdout.decode()
        resumed = batch(server, "--limiter", redis.url, "-o", str(out), "--resume")
        assert (0, 3) == (resumed.status, len(server.requests))


def test_a_server_that_asks_for_a_password_is_said_to_do_so(redis: RedisServer) -> None:
    with redis.client() as client, service() as server:
        client.config_set("requirepass", "x")
        try:
            done = batch(server, "--limiter", redis.url, "--max-wait", "0")
        finally:
            with redis.client(password="x") as inside:
                inside.config_set("requirepass", "")
    assert 6 == done.status
    assert "it asks for a password: redis://:PASSWORD@HOST" in done.stderr_text


def answered(out: Path) -> list[object]:
    return sorted(json.loads(line)["id"] for line in out.read_bytes().splitlines())


def test_a_server_that_is_killed_and_started_again_costs_time_alone(redis: RedisServer) -> None:
    Path("in.txt").write_text("".join(f"{number}\n" for number in range(60)))
    command = ("batch", "in.txt", "-o", "out.jsonl", "--rpm", "600", "--limiter", redis.url)
    with service() as server, started((*MMPIPE, *command), server) as run:
        eventually(lambda: len(server.requests) > 5, "some requests")
        with redis.client() as client:
            client.script_flush()
            client.client_kill_filter(_type="normal", skipme=True)
        eventually(lambda: len(server.requests) > 10, "more requests")
        redis.kill()
        said = read_until(run.stderr, b"no permits from the limiter")
        before = len(server.requests)
        redis.start()
        done = finished(run)
        assert (0, 60) == (done.status, len(server.requests))
        assert before < 60
    assert 1 == said.count(b"no permits")
    assert b"gives permits again" in done.stderr
    assert b"no permits" not in done.stderr
    assert sorted(map(str, range(60))) == answered(Path("out.jsonl"))


def test_a_run_that_waited_in_vain_is_continued_by_resume(redis: RedisServer) -> None:
    Path("in.txt").write_text("".join(f"{number}\n" for number in range(30)))
    url = redis.url.replace("unix://", f"unix://:{TYPED}@")
    command = ("batch", "in.txt", "-o", "out.jsonl", "--rpm", "400", "--max-wait", "0.5", "--limiter", url)
    with redis.client() as client:
        client.config_set("requirepass", PASSWORD)
    with service() as server:
        with started((*MMPIPE, *command), server) as run:
            eventually(lambda: len(server.requests) > 5, "some requests")
            redis.kill()
            done = finished(run)
        assert 6 == done.status
        assert len(server.requests) == len(answered(Path("out.jsonl"))) < 30
        assert b"to continue: run the same command with --resume" in done.stderr
        assert b"geheim" not in done.stderr
        redis.start()
        resumed = run_in_process(*command[:-1], redis.url, "--resume", server=server)
        assert (0, 30) == (resumed.status, len(server.requests)), resumed.stderr_text
    assert sorted(map(str, range(30))) == answered(Path("out.jsonl"))
    assert b"geheim" not in Path("out.jsonl").read_bytes()


def test_without_the_client_of_redis_one_line_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "mmpipe.batch.pace.redis_script", raising=False)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with service() as server:
        done = batch(server, "--limiter", "redis://127.0.0.1:1", "-o", "out.jsonl")
        assert [] == server.requests
    assert 2 == done.status
    assert (
        "mmpipe: usage: --limiter needs the client of Redis, which is not installed; pip install 'mmpipe[redis]'\n"
        == done.stderr_text
    )
    assert not Path("out.jsonl").exists()
    assert KEY not in done.stderr_text
