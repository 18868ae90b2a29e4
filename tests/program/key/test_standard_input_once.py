"""Whatever standard input is and is called, it is read for one purpose; a key in it reaches no request and no file."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.simulator.server import RunningSimulator
from support.harness import Finished, bodies, service, shell
from support.hidden_key import KEY, shows, where_it_shows
from support.in_process import run_in_process

pytestmark = pytest.mark.keys

NAMES = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
PROMPT = "sim:echo hello"


@pytest.fixture(autouse=True)
def files() -> None:
    Path("secret").mkdir()
    Path("secret/key").write_text(f"{KEY}\n")
    Path("secret/key").chmod(0o600)
    Path("link").symlink_to("/proc/self/fd/0")
    Path("prompts").write_text(f"{PROMPT}\n")


def run_all(scripts: Sequence[str], server: RunningSimulator) -> list[Finished]:
    """Run the scripts in bash, two at once; URL in them is the host, and the key is piped into each."""

    def run(script: str) -> Finished:
        return shell(script.replace("URL", server.base_url), program="bash", stdin=f"{KEY}\n".encode())

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, scripts))


SCRIPTS = (
    f"mmpipe chat --base-url URL --api-key-file - '{PROMPT}' -c talk.jsonl",
    f"mmpipe chat --base-url URL --api-key-file /dev/stdin '{PROMPT}' --meta meta.jsonl <secret/key",
    f"mmpipe stream --base-url URL --api-key-file /dev/fd/0 -v '{PROMPT}' < <(cat secret/key)",
    f"mmpipe stream --base-url URL --api-key-file link '{PROMPT}' <<<$(cat secret/key)",
    f"mmpipe chat --base-url URL --api-key-file <(cat secret/key) '{PROMPT}' </dev/null",
    "mmpipe batch --base-url URL --api-key-file secret/key prompts -o out.jsonl --record kept <secret/key",
)


def test_a_key_on_standard_input_is_the_key_and_nothing_else() -> None:
    with service() as server:
        done = run_all(SCRIPTS, server)
        for command in ("chat", "stream", "batch"):
            for name in (*NAMES, "link", "secret/key"):
                with Path("secret/key").open("rb") as key, as_standard_input(key.fileno()):
                    words = ("prompts",) if command == "batch" else (PROMPT,)
                    host = ("--base-url", server.base_url, "--api-key-file", name)
                    done.append(run_in_process(command, *host, *words, stdin=0))
        assert [0] * len(done) == [one.status for one in done], [one.stderr for one in done]
        assert {f"Bearer {KEY}"} == set(server.authorizations)
        assert len(done) == len(bodies(server))
        for body in bodies(server):
            assert [{"role": "user", "content": PROMPT}] == body["messages"]
    assert [] == where_it_shows(*done)


REFUSED = (
    # The key is standard input, and another input is too.
    "chat --api-key-file - hi -",
    "chat --api-key-file - hi -f /dev/stdin",
    "stream --api-key-file secret/key -",
    "chat --api-key-file secret/key -f /proc/self/fd/0",
    "chat --api-key-file /dev/stdin hi --system-file -",
    "chat --api-key-file /dev/fd/0 hi --schema /dev/stdin",
    "chat --api-key-file - hi --tools secret/key",
    "stream --api-key-file - --messages secret/key",
    "chat --api-key-file - --messages prompts --tool-result c=@/dev/fd/0",
    "chat --api-key-file secret/key hi -c secret/key",
    "batch --api-key-file -",
    "batch --api-key-file secret/key",
    "batch --api-key-file secret/key /dev/stdin",
    "batch --api-key-file secret/key secret/key",
    "batch --api-key-file secret/key prompts secret/link",
    "batch --api-key-file /dev/stdin prompts --system-file secret/key",
    "batch --dry-run --api-key-file secret/key",
    # The configuration names the key file.
    "chat hi -f secret/key",
    "chat hi -",
    "batch",
)


def test_a_key_is_refused_wherever_it_would_be_read_as_something_else() -> None:
    Path("secret/mmpipe").mkdir()
    Path("secret/mmpipe/config.toml").write_text(f"api_key_file = '{Path('secret/key').resolve()}'\n")
    Path("secret/link").symlink_to("key")
    env = {"XDG_CONFIG_HOME": str(Path("secret").resolve())}
    with service() as server:
        for command in REFUSED:
            with Path("secret/key").open("rb") as key, as_standard_input(key.fileno()):
                done = run_in_process(*command.split(), "--base-url", server.base_url, stdin=0, env=env)
            assert (ExitStatus.USAGE, b"") == (done.status, done.stdout), (command, done.stderr_text)
            (line,) = done.stderr_text.splitlines()
            assert " is read as the key (" in line, command
            assert not shows(done.stderr), command
        assert [] == server.requests
    assert [] == where_it_shows()


def test_a_prompt_of_its_own_does_without_a_key_file_that_is_standard_input() -> None:
    """As in a loop over lines of that file; and without a prompt the reason is named."""
    with service() as server:
        for command in (("chat", "--api-key-file", "secret/key"), ("stream", "--api-key-file", "-")):
            with Path("secret/key").open("rb") as key, as_standard_input(key.fileno()):
                done = run_in_process(*command, "--base-url", server.base_url, stdin=0)
            assert ExitStatus.INPUT == done.status
            assert "no prompt: standard input is for --api-key-file" in done.stderr_text
        assert [] == server.requests


@contextmanager
def as_standard_input(descriptor: int) -> Iterator[None]:
    """Descriptor 0 of the tests' own process, for the names that mean it."""
    saved = os.dup(0)
    os.dup2(descriptor, 0)
    try:
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)


SCHEMA = b'{"type": "object", "title": "SECOND"}'
TOOLS = b'[{"type": "function", "function": {"name": "f", "description": "SECOND"}}]'
CALL = '{"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}'
# The options that read a file, its content, and what else the command needs.
PURPOSES = {
    "--system-file {}": (b"SECOND", "hi"),
    "--schema {}": (SCHEMA, "hi --repair 0"),
    "--tools {}": (TOOLS, "hi -F json"),
    "--messages {}": (b'{"role": "user", "content": "SECOND"}', "hi"),
    "--messages talk --tool-result c=@{}": (b"SECOND", ""),
    "-f {}": (b"SECOND", "hi"),
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_read_for_one_purpose_is_sent_once(purpose: str) -> None:
    Path("talk").write_text(f'{{"role": "user", "content": "hi"}}\n{CALL}\n')
    content, more = PURPOSES[purpose]
    Path("named").write_bytes(content)
    commands = ["chat", "stream"]
    if purpose.startswith(("--system-file", "--schema")):
        commands.append("batch")
    for command in commands:
        for name in (*NAMES, "link", "named"):
            words = purpose.format(name).split()
            rest = ["prompts"] if command == "batch" else more.split()
            with (
                service() as server,
                Path("named").open("rb") as named,
                as_standard_input(named.fileno()),
            ):
                done = run_in_process(command, "-m", "MiniMax-M3", *words, *rest, server=server, stdin=0)
                sent = bodies(server)
            assert sent, done.stderr_text
            # A repair of the answer sends it anew.
            assert {1} == {str(body).count("SECOND") for body in sent}, (command, name, sent)


def test_two_uses_of_standard_input_are_refused_before_it_is_awaited() -> None:
    places = (
        "--system-file {}",
        "--schema {}",
        "--tools {}",
        "--messages {}",
        "--tool-result c=@{}",
        "-f {}",
    )
    reading, writing = os.pipe()
    with service() as server, as_standard_input(reading):
        for number, (one, other) in enumerate((a, b) for a in places for b in places if a < b):
            names = NAMES[number % 4], NAMES[(number // 4) % 4]
            words = [*one.format(names[0]).split(), *other.format(names[1]).split()]
            done = run_in_process("chat", *words, "hi", server=server, stdin=0)
            assert ExitStatus.USAGE == done.status
            (line,) = done.stderr_text.splitlines()
            assert "standard input can be read once only: " in line
            assert all(place.split()[0] in line for place in (one, other)), line
        for command in ("batch --schema - -", "batch /dev/stdin -", "batch --system-file /dev/fd/0"):
            done = run_in_process(*command.split(), server=server, stdin=0)
            assert (ExitStatus.USAGE, b"") == (done.status, done.stdout), command
            assert "standard input can be read once only: " in done.stderr_text
        assert [] == server.requests
    os.close(reading)
    os.close(writing)
