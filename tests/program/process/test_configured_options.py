"""Options that the configuration file holds: the typed one wins, and a command without the option is not bothered."""

from pathlib import Path

import pytest

from mmpipe.simulator.server import RunningSimulator
from support.harness import AS_SIM, Finished, bodies, parsed, service
from support.in_process import run_in_process

FILE = Path(".config/mmpipe/config.toml")
# As README and the manual name the settings; each with a value that the service takes.
WHOLE = """
model = "MiniMax-M2.7"
api_key_command = ["echo", "sk-api-of-the-file"]
thinking = "hide"
temperature = 0.5
top_p = 0.9
max_tokens = 100
effort = "high"
native_thinking = false
pieces = "auto"
system = "Be terse."
rpm = 6000
tpm = 10000000
max_cost = 5
connect_timeout = 5
first_byte_timeout = "30s"
idle_timeout = "1m"
max_time = "5m"
retries = 1

[params]
service_tier = "standard"

[profile.careful]
system = "Be careful."
max_cost = 0.5
rpm = 60
"""


def configured(content: str) -> None:
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(content)


def systems(server: RunningSimulator) -> list[object]:
    """The system message of each request, or None."""
    firsts = [body["messages"][0] for body in bodies(server) if isinstance(body["messages"], list)]
    return [first["content"] if first["role"] == "system" else None for first in firsts]


def chat(server: RunningSimulator, *words: str) -> Finished:
    done = run_in_process("chat", "-n", *words, server=server)
    assert 0 == done.status, done.stderr_text
    return done


def test_every_setting_at_once_is_taken_by_each_command_and_named_with_its_place() -> None:
    configured(WHOLE)
    with service() as server:
        # The key of the file is for a host of MiniMax.
        batch = run_in_process("batch", "-v", server=server, stdin=b"sim:echo x\n")
        talk = chat(server, "-v", "sim:echo x")
        assert ["Be terse."] * 2 == systems(server)
        table = run_in_process("models", "--live", "-v", server=server)
    assert [0, 0] == [batch.status, table.status]
    place = FILE.absolute()
    for line in (f"rpm = 6000 ({place})", f"max_cost = 5 ({place})", f"system = Be terse. ({place})"):
        assert line in batch.stderr_text
    assert f"system = Be terse. ({place})" in talk.stderr_text
    for done in (talk, table):
        assert "rpm =" not in done.stderr_text
    assert "system =" not in table.stderr_text


def test_a_profile_and_then_an_option_win() -> None:
    configured(WHOLE)
    with service() as server:
        chat(server, "--profile", "careful", "sim:echo x")
        chat(server, "--profile", "careful", "-s", "Be brief.", "sim:echo x")
        done = run_in_process(
            "batch", "-v", "--profile", "careful", "--rpm", "600", server=server, stdin=b"sim:echo x\n"
        )
        assert ["Be careful.", "Be brief.", "Be careful."] == systems(server)
    assert "rpm = 600.0 (option)" in done.stderr_text
    assert f"max_cost = 0.5 ({FILE.absolute()} [profile.careful])" in done.stderr_text


def test_the_configured_system_message_is_for_conversations_that_begin_without_one() -> None:
    configured('system = "Be terse."')
    own = '{"role": "system", "content": "Mine."}\n{"role": "user", "content": "hi"}\n'
    Path("own.jsonl").write_text(own)
    Path("file.txt").write_text("Of a file.")
    with service() as server:
        chat(server, "-c", "talk.jsonl", "sim:echo 1")
        chat(server, "-c", "talk.jsonl", "sim:echo 2")
        chat(server, "--messages", "own.jsonl")
        chat(server, "--system-file", "file.txt", "sim:echo x")
        run_in_process("batch", server=server, stdin=b'{"prompt": "hi", "system": "Of the record."}\n')
        assert ["Be terse.", "Be terse.", "Mine.", "Of a file.", "Of the record."] == systems(server)
    assert 1 == Path("talk.jsonl").read_text().count("Be terse.")


def test_a_configured_limit_on_the_cost_ends_a_batch() -> None:
    configured("max_cost = 0.000001")
    with service() as server:
        done = run_in_process("batch", server=server, stdin=b"a\nb\n", env=AS_SIM)
    assert 0 != done.status
    assert "--max-cost" in done.stderr_text


def test_another_host_has_prices_and_end_dates_of_its_own() -> None:
    configured("max_cost = 0.000001")
    ended = ("-m", "MiniMax-M2.5")
    with service() as server:
        talk = run_in_process("chat", "-n", "--json", "--meta", "meta", *ended, "hi", server=server)
        done = run_in_process("batch", *ended, server=server, stdin=b"a\nb\n")
        dry = run_in_process("batch", "--dry-run", "-q", *ended, server=server, stdin=b"a\nb\n")
        typed = run_in_process("batch", "--max-cost", "1", server=server, stdin=b"a\nb\n")
        assert 3 == len(server.requests)
    assert [None] * 3 == [
        record["cost"] for record in (talk.record, dry.record, parsed(Path("meta").read_bytes()))
    ]
    assert "" == talk.stderr_text
    assert [0, None, None] == [done.status, *(record["cost"] for record in done.records)]
    warning, summary = done.stderr_text.splitlines()
    unknown = f"the prices of {server.base_url} are not known"
    assert f"mmpipe: warning: {FILE.absolute()}: max_cost does not limit this run: {unknown}" == warning
    assert "$" not in summary
    assert "end date" not in summary
    assert (2, b"") == (typed.status, typed.stdout)
    assert (
        f"usage: --max-cost: {unknown}; leave it out: --limit, --max-tokens and --deadline bound a run too\n"
        in typed.stderr_text
    )


@pytest.mark.parametrize(
    ("setting", "command", "says"),
    [
        ("rpm = 0", "batch", "rpm is 0: it must be at least 1"),
        ("max_cost = -1", "batch", "max_cost is -1: it must be at least 0"),
        ('tpm = "many"', "batch", "tpm has a value of the wrong type: 'many'"),
        ("system = 5", "chat", "system has a value of the wrong type: 5"),
        ("[profile.x]\nrpm = 0.5", "batch", "rpm is 0.5: it must be at least 1"),
    ],
)
def test_a_bad_value_is_named_with_its_file_and_its_name(setting: str, command: str, says: str) -> None:
    configured(setting)
    profile = ("--profile", "x") if "profile" in setting else ()
    with service() as server:
        done = run_in_process(command, *profile, server=server, stdin=b"hi\n")
        assert [] == server.requests
    assert 2 == done.status
    assert f"{FILE.absolute()}" in done.stderr_text
    assert says in done.stderr_text


def test_a_limit_of_batch_does_not_bother_a_chat() -> None:
    configured("rpm = 0\nmax_cost = 0")
    with service() as server:
        chat(server, "sim:echo x")
