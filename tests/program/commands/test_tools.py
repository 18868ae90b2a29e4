"""Tools are commands: they run when the user named them, with what the model says, inside walls, and not for ever."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.harness import (
    KEY,
    LIMIT,
    Finished,
    Record,
    eventually,
    mmpipe,
    parsed,
    run,
    service,
    shell,
    started,
)
from support.tool_conversations import (
    TOOLS,
    TWO_ROUNDS,
    WEATHER,
    command,
    messages,
    results,
    roles,
    runs,
    tools_file,
    transcript,
)

pytestmark = pytest.mark.tools

ALWAYS = f"{WEATHER}\nsim:again"


# Becomes mmpipe with the terminal as the one that it can ask on.
ON_TERMINAL = """
import fcntl, os, sys, termios
terminal = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "mmpipe", *sys.argv[2:]])
"""


@contextmanager
def own_terminal() -> Iterator[tuple[int, str]]:
    """The keyboard of a terminal, and its name."""
    keyboard, slave = os.openpty()
    try:
        yield keyboard, os.ttyname(slave)
    finally:
        os.close(slave)
        os.close(keyboard)


def yes() -> int:
    """Standard input that is full of yes."""
    Path("yes").write_text("y\n" * 999)
    return os.open("yes", os.O_RDONLY)


def has_ended(file: str) -> bool:
    """Return whether the process whose number is in the file has ended; a zombie has."""
    try:
        return ") Z " in Path(f"/proc/{Path(file).read_text().strip()}/stat").read_text()
    except FileNotFoundError:
        return True


def asked(
    prompt: str, *options: str, script: str | None = None, faults: tuple[str, ...] = ()
) -> tuple[Finished, list[object]]:
    """Run a prompt that calls a tool with this script; return the result, and the tool results that the model was sent."""
    tool = command("weather", script or "cat")
    named = ["--tools", tools_file(), "--run", f"get_weather={tool}"]
    with service(*faults) as server:
        done = mmpipe("chat", "-n", *named, *options, prompt, server=server)
        return done, results(server, -1)


@pytest.mark.parametrize("program", ["chat", "stream"])
def test_the_answer_follows_the_results_of_two_rounds(program: str) -> None:
    with service() as server:
        done = mmpipe(program, "-n", *runs(), TWO_ROUNDS, server=server)
    assert (0, "") == (done.status, done.stderr_text)
    # What the model said between the calls is a line of its own.
    first, rest = done.stdout.decode().split("\n", 1)
    assert "Once more, to be sure." == first
    assert "simulated answer" in rest
    assert ["user", "assistant", "tool", "tool", "assistant", "tool"] == roles(server, 2)
    assert '18 degrees for {"city":"Paris"}' in str(results(server, 2)[0])


def test_events_tell_of_calls_and_results_in_their_order() -> None:
    with service() as server:
        done = mmpipe("stream", "-n", "-F", "jsonl", "-t", "hide", *runs(), WEATHER, server=server)
    types = [record["type"] for record in done.records]
    first = ["start", "tool_call", "usage", "end", "tool_result", "start"]
    assert first == types[:6]
    assert ["usage", "end"] == types[-2:]
    assert done.records[1]["id"] == done.records[4]["id"]


def test_a_record_has_the_usage_of_all_turns() -> None:
    with service() as server:
        one = mmpipe("chat", "-n", "--json", "--meta", "meta", *runs(), TWO_ROUNDS, server=server).record
        lone = mmpipe("chat", "-n", "--json", "Hi", server=server).record
    assert isinstance(one["usage"], dict)
    assert isinstance(lone["usage"], dict)
    assert one["usage"]["total_tokens"] > 2 * lone["usage"]["total_tokens"]
    *executions, answer = map(parsed, Path("meta").read_bytes().splitlines())
    assert (3, 3) == (answer["turns"], answer["attempts"])
    assert one["usage"] == answer["usage"]
    assert ["get_weather", "get_time", "get_time"] == [execution["tool"] for execution in executions]


def test_every_execution_is_a_line_of_meta() -> None:
    asked(WEATHER, "--meta", "meta", script="echo 18; exit 3")
    execution = parsed(Path("meta").read_bytes().splitlines()[0])
    path = str(Path("weather").absolute())
    assert {"tool": "get_weather", "argv": [path], "status": 3, "signal": None, "killed": None} == {
        name: execution[name] for name in ("tool", "argv", "status", "signal", "killed")
    }
    assert (3, False) == (execution["bytes"], execution["cut"])
    assert isinstance(execution["elapsed_ms"], int)


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "messages"])
def test_calls_of_tools_without_run_are_written_and_kept(form: str) -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "-c", "talk", "-F", form, "--tools", tools_file(), WEATHER, server=server)
    assert (16 if form == "text" else 0) == done.status
    assert "call_function_" in done.stdout.decode()
    assert ["user", "assistant"] == [message["role"] for message in transcript("talk")]


@pytest.mark.parametrize("program", ["chat", "stream", "batch"])
@pytest.mark.parametrize("form", ["text", "json", "messages"])
def test_an_invalid_call_is_not_an_answer(program: str, form: str) -> None:
    prompt = 'sim:tool get_weather {"city":'
    tools = json.dumps(TOOLS[:1])
    options = (
        ["-p", f"tools={tools}"] if program == "batch" else ["-n", "-F", form, "-p", f"tools={tools}", prompt]
    )
    with service() as server:
        done = mmpipe(program, *options, server=server, stdin=prompt.encode())
    if program == "batch":
        error = done.record["error"]
        assert isinstance(error, dict)
        assert (14, 8) == (done.status, error["code"])
    else:
        assert (8, b"") == (done.status, done.stdout)
    assert "arguments that are not JSON" in done.stderr_text + done.stdout.decode()


def test_a_tool_that_no_run_names_ends_it_before_anything_is_run() -> None:
    command("weather", "touch ran")
    options = ("--tools", tools_file(), "--run", "get_weather=./weather")
    with service() as server:
        done = mmpipe("chat", "-n", "-c", "talk", *options, TWO_ROUNDS, server=server)
    assert (16, b"") == (done.status, done.stdout)
    assert "'get_time', which no --run names" in done.stderr_text
    assert not Path("ran").exists()
    assert ["user", "assistant"] == [message["role"] for message in transcript("talk")]


def test_a_conversation_that_ended_with_calls_is_taken_up_by_running_them() -> None:
    with service() as server:
        mmpipe("chat", "-n", "-c", "talk", "--tools", tools_file(), WEATHER, server=server)
        done = mmpipe("chat", "-n", "-c", "talk", *runs(), server=server)
    assert 0 == done.status, done.stderr_text
    assert ["user", "assistant", "tool"] == roles(server, 1)
    assert ["user", "assistant", "tool", "assistant"] == [message["role"] for message in transcript("talk")]


def test_a_tool_that_does_not_exist_is_reported_to_the_model() -> None:
    done, outputs = asked("sim:tool get_wether {}")
    assert 0 == done.status, done.stderr_text
    assert ["[there is no tool 'get_wether'; there are: get_weather]"] == outputs


@pytest.mark.parametrize(
    ("arguments", "words"),
    [('{"city": 7}', "$.city"), ("{}", "city"), ('{"city": "Paris", "zip": 1}', "zip"), ("[]", "object")],
)
def test_arguments_that_do_not_fit_are_not_run(arguments: str, words: str) -> None:
    done, outputs = asked(f"sim:tool get_weather {arguments}", script="touch ran")
    assert 0 == done.status, done.stderr_text
    assert str(outputs[0]).startswith("[not run: ")
    assert words in str(outputs[0])
    assert not Path("ran").exists()


def test_invalid_json_is_reported_once_and_then_is_status_8() -> None:
    done, outputs = asked('sim:tool get_weather {"city":', script="touch ran")
    assert 0 == done.status, done.stderr_text
    assert str(outputs[0]).startswith("[not run: the arguments are not JSON")
    done, outputs = asked('sim:tool get_weather {"city":\nsim:again', script="touch ran")
    assert (8, b"") == (done.status, done.stdout)
    assert 1 == len(outputs)
    assert "'get_weather' with arguments that are not JSON" in done.stderr_text
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("options", "ran", "words"),
    [
        ([], 2, "for the third time"),
        (["--max-rounds", "1"], 1, "more than 1 round (--max-rounds)"),
        (["--max-calls", "1"], 1, "more than 1 time (--max-calls)"),
    ],
)
def test_a_model_that_calls_for_ever_is_ended_with_the_transcript_kept(
    options: list[str], ran: int, words: str
) -> None:
    done, outputs = asked(ALWAYS, "-c", "talk", "-F", "messages", *options)
    assert (16, ran) == (done.status, len(outputs))
    assert words in done.stderr_text
    turns = transcript("talk")
    assert turns == done.records
    assert ["assistant", "assistant"] == [turns[1]["role"], turns[-1]["role"]]


def test_results_of_tools_are_kept_when_a_later_request_fails() -> None:
    done, _ = asked(WEATHER, "-c", "talk", "--retries", "0", faults=("500:#2",))
    assert 7 == done.status
    assert ["user", "assistant", "tool"] == [message["role"] for message in transcript("talk")]
    with service() as server:
        # Without a prompt it goes on from there.
        assert 0 == mmpipe("chat", "-n", "-c", "talk", server=server).status
    assert ["user", "assistant", "tool", "assistant"] == [message["role"] for message in transcript("talk")]


def test_a_failure_is_reported_to_the_model() -> None:
    done, outputs = asked(WEATHER, "-v", script="echo some; echo 'no network' >&2; exit 3")
    assert 0 == done.status, done.stderr_text
    assert ["some\n[exit status 3]\n[the end of its standard error:]\nno network"] == outputs
    assert "tool get_weather: exit status 3" in done.stderr_text
    assert ["[the tool died by signal 9]"] == asked(WEATHER, script="kill -9 $$")[1]
    assert ["[no output]"] == asked(WEATHER, script=":")[1]


def test_words_for_a_shell_are_only_words() -> None:
    hostile = json.dumps({"city": "$(touch pwned); `touch pwned` --rm -rf / \n'\"\\ | & > pwned"})
    tool = command("weather", 'printf "%s\\n" "$@"; cat')
    run_it = f"get_weather={tool} '$(touch pwned)' ';' -- --flag \"a b\" '*'"
    with service() as server:
        done = mmpipe(
            "chat",
            "-n",
            "--tools",
            tools_file(),
            "--run",
            run_it,
            f"sim:tool get_weather {hostile}",
            server=server,
        )
    assert 0 == done.status, done.stderr_text
    *words, given = str(results(server, 1)[0]).splitlines()
    assert ["$(touch pwned)", ";", "--", "--flag", "a b", "*"] == words
    assert json.loads(hostile) == json.loads(given)
    assert not Path("pwned").exists()


def test_ten_megabytes_of_output_are_cut_and_the_cut_is_reported() -> None:
    done, outputs = asked(WEATHER, "--meta", "meta", script="head -c 10000000 /dev/zero | tr '\\0' x")
    assert 0 == done.status
    assert "10000000 bytes" in done.stderr_text
    assert "the model is given the first 65536 bytes" in done.stderr_text
    assert len(str(outputs[0])) < 66_000
    assert str(outputs[0]).endswith("[cut off here: 65536 of 10000000 bytes are shown]")
    execution = parsed(Path("meta").read_bytes().splitlines()[0])
    assert (10_000_000, True) == (execution["bytes"], execution["cut"])


def test_bytes_that_are_no_utf8_are_repaired() -> None:
    assert ["caf\ufffd"] == asked(WEATHER, script="printf 'caf\\351'")[1]


def test_a_tool_that_sleeps_is_killed_with_its_children_and_reported() -> None:
    done, outputs = asked(WEATHER, "--tool-timeout", "1", script="sleep 30.5 & echo $! > child; sleep 30.5")
    assert 0 == done.status
    assert "warning: tool get_weather: the tool was killed: it ran longer than 1 s" in done.stderr_text
    assert ["[the tool was killed: it ran longer than 1 s]"] == outputs
    eventually(lambda: has_ended("child"), "the child of the tool ends")


def test_tools_of_one_round_run_side_by_side_and_answer_in_order() -> None:
    # Each waits for the other: one after the other they would not end in time.
    meet = "mkfifo -m 600 meet 2> /dev/null; "
    first = command("weather", f"{meet} echo a > meet; echo weather")
    second = command("time", f"{meet} read -r line < meet; echo time $line")
    options = ("--tools", tools_file(), "--run", f"get_weather={first}", "--run", f"get_time={second}")
    with service() as server:
        done = mmpipe(
            "chat", "-n", "--tool-timeout", "9", *options, f"{WEATHER}\nsim:tool get_time {{}}", server=server
        )
    assert 0 == done.status, done.stderr_text
    assert ["weather", "time a"] == [str(result).strip() for result in results(server, 1)]


def test_the_key_is_in_nothing_that_a_tool_can_see() -> None:
    done, outputs = asked(
        WEATHER, script="env; cat /proc/self/environ | tr '\\0' '\\n'; tr '\\0' ' ' < /proc/$PPID/cmdline"
    )
    assert 0 == done.status, done.stderr_text
    assert "PATH=" in str(outputs[0])
    assert KEY not in str(outputs[0])
    assert "MINIMAX" not in str(outputs[0])


def test_a_tool_cannot_read_the_environment_of_its_parent(needs: Callable[[str], None]) -> None:
    # Root may read everything; without its capabilities it is as any user.
    needs("setpriv")
    unprivileged = ["setpriv", "--bounding-set=-all"] if os.getuid() == 0 else []
    tool = command(
        "weather", "cat /proc/$PPID/environ | tr '\\0' '\\n'; echo \"status $?\"; cat /proc/$PPID/stat"
    )
    options = ["--tools", tools_file(), "--run", f"get_weather={tool}", WEATHER]
    with service() as server:
        done = run([*unprivileged, sys.executable, "-m", "mmpipe", "chat", "-n", *options], server)
    assert 0 == done.status, done.stderr_text
    outputs = str(results(server, 1)[0])
    # It was its parent that it looked at.
    assert "Permission denied" in outputs or "python" in outputs
    assert KEY not in outputs


def test_variables_reach_a_tool_only_by_name() -> None:
    tool = command("weather", 'echo "$CITY_TOKEN-$OTHER"')
    options = ("--tools", tools_file(), "--run", f"get_weather={tool}")
    with service() as server:
        for more in ((), ("--tool-env", "CITY_TOKEN")):
            env = {"CITY_TOKEN": "t", "OTHER": "o"}
            mmpipe("chat", "-n", *options, *more, WEATHER, server=server, env=env)
        refused = mmpipe("chat", "-n", *options, "--tool-env", "MINIMAX_API_KEY", "a", server=server)
    assert ["-", "t-"] == [str(results(server, request)[0]).strip() for request in (1, 3)]
    assert 2 == refused.status


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--run", "get_weather=true"], "--run needs --tools"),
        (["--tools", "tools.json", "--run", "x=true"], "--tools defines no tool of that name"),
        (["--tools", "tools.json", "--run", "get_weather"], "must look like NAME=COMMAND"),
        (["--tools", "tools.json", "--run", "get_weather='"], "--run get_weather"),
        (["--tools", "tools.json", "--run", "get_weather=./no-such"], "no executable program './no-such'"),
        (["--tools", "tools.json", "--run", "get_weather="], "there is no command"),
        (["--tools", "tools.json", "--tool-choice", "x"], "or the name of a tool"),
        (["--tools", "tools.json", "--sandbox"], "need --run"),
        (["--tools", "tools.json", "-p", "tools=[]"], "-p tools and --tools"),
        (["--tools", "tools.json", "--run", "get_time=true", "--tool-timeout", "0"], "--tool-timeout"),
        (["--tools", "tools.json", "--run", "get_time=true", "--tool-dir", "no"], "no such folder"),
    ],
)
def test_a_bad_use_of_tools_is_refused_before_any_request(options: list[str], words: str) -> None:
    tools_file()
    with service() as server:
        done = mmpipe("chat", "-n", *options, "a", server=server)
        assert [] == server.requests
    assert (2, b"") == (done.status, done.stdout)
    assert words in done.stderr_text


def test_parameters_that_are_missing_are_filled_in() -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "--tools", tools_file(), "--tool-choice", "get_time", "Hi", server=server)
        body = server.requests[0]["body"]
    assert 0 == done.status, done.stderr_text
    assert isinstance(body, dict)
    assert {"type": "object", "properties": {}} == body["tools"][1]["function"]["parameters"]
    assert {"type": "function", "function": {"name": "get_time"}} == body["tool_choice"]


def test_a_required_tool_call_is_not_required_after_its_result() -> None:
    with service() as server:
        mmpipe("chat", "-n", *runs(), "--tool-choice", "required", WEATHER, server=server)
        bodies = [request["body"] for request in server.requests]
    assert ["required", None] == [body.get("tool_choice") for body in bodies if isinstance(body, dict)]


def test_without_a_terminal_no_tool_is_confirmed() -> None:
    tool = command("rm", "touch ran")
    options = f"--tools {tools_file()} --run get_weather={tool} --confirm"
    with service() as server:
        # Neither standard input nor a terminal that the tests may have.
        done = shell(f"yes y | setsid -w mmpipe chat {options} -n '{WEATHER}'", server)
        piped = shell(f"yes y | head -n 99 | setsid -w mmpipe chat {options} '{WEATHER}\nsim:say'", server)
        # It is known before anything is paid.
        assert [] == server.requests
    assert (16, 16) == (done.status, piped.status)
    assert "--confirm needs a terminal" in done.stderr_text
    assert not Path("ran").exists()


def test_a_later_turn_is_asked_again_though_the_first_is_written() -> None:
    with service("500:#2") as server:
        done = mmpipe("stream", "-n", *runs(), f"sim:say Look.\n{WEATHER}", server=server)
    assert 0 == done.status, done.stderr_text
    assert done.stdout.startswith(b"Look.\n")
    assert ["user", "assistant", "tool"] == [message["role"] for message in messages(server, 2)]


@pytest.mark.parametrize(("typed", "ran"), [(b"y\n", True), (b"n\n", False), (b"\n", False)])
def test_a_yes_on_the_terminal_lets_a_tool_run_and_a_no_is_reported_to_the_model(
    typed: bytes, ran: bool
) -> None:
    tool = command("weather", "touch ran; cat")
    options = ["chat", "-n", "--confirm", "--tools", tools_file(), "--run", f"get_weather={tool}", WEATHER]
    with service() as server, own_terminal() as (keyboard, name):
        # Standard input says yes all the time.
        stdin = yes()
        with started((sys.executable, "-c", ON_TERMINAL, name, *options), server, stdin=stdin) as process:
            os.close(stdin)
            seen = b""
            while b"[y/N] " not in seen:
                seen += os.read(keyboard, 4096)
            assert not Path("ran").exists()
            os.write(keyboard, typed)
            assert 0 == process.wait(LIMIT)
        outputs = str(results(server, 1)[0])
    assert b'{"city":"Paris"}' in seen
    assert ran is Path("ran").exists()
    assert ran is ("Paris" in outputs)
    assert ran is not ("did not allow" in outputs)


def ended_while_the_second_tool_runs(prompt: str) -> list[Record]:
    """Return the transcript of a run that ends while its second tool runs."""
    first = command("weather", "echo done >> effect")
    second = command("time", "echo $$ > pid; exec sleep 30.75")
    options = f"--tools {tools_file()} --run get_weather={first} --run get_time={second} -c talk -j 1"
    with (
        service() as server,
        started(("sh", "-c", f"exec mmpipe chat -n {options} '{prompt}'"), server) as process,
    ):
        eventually(Path("pid").exists, "the second tool runs")
        process.terminate()
        assert -15 == process.wait(LIMIT)
    return transcript("talk")


def test_of_a_round_that_is_cut_short_is_kept_what_was_done() -> None:
    turns = ended_while_the_second_tool_runs(f"{WEATHER}\nsim:tool get_time {{}}")
    assert ["user", "assistant", "tool", "tool"] == [message["role"] for message in turns]
    assert "[no output]" == turns[2]["content"]
    assert "was cancelled" in str(turns[3]["content"])


def test_a_tool_that_cannot_be_started_does_not_have_the_others_run_twice() -> None:
    Path("work").mkdir()
    first = command("weather", "echo done >> ../effect; rmdir ../work")
    options = ("--tools", tools_file(), "--run", f"get_weather={first}", "--run", "get_time=date")
    with service() as server:
        done = mmpipe(
            "chat", "-n", *options, "-c", "talk", "-j", "1", "--tool-dir", "work",
            f"{WEATHER}\nsim:tool get_time {{}}", server=server,
        )  # fmt: skip
        assert 16 == done.status
        again = mmpipe("chat", "-n", *options, "-c", "talk", server=server)
    assert 0 == again.status, again.stderr_text
    assert "done\n" == Path("effect").read_text()
    assert "[not run: all was ended before its turn]" == transcript("talk")[3]["content"]


def test_a_signal_in_a_later_round_keeps_the_rounds_before() -> None:
    turns = ended_while_the_second_tool_runs(f"{WEATHER}\nsim:then\nsim:tool get_time {{}}")
    assert ["user", "assistant", "tool"] == [message["role"] for message in turns][:3]


def test_the_total_limit_holds_over_tools() -> None:
    done, _ = asked(WEATHER, "--max-time", "8", "-c", "talk", script="echo $$ > pid; exec sleep 60.5")
    assert 5 == done.status
    assert "(--max-time)" in done.stderr_text
    assert "was cancelled" in str(transcript("talk")[-1]["content"])
    eventually(lambda: has_ended("pid"), "the tool ends")


def test_tools_end_with_their_parent() -> None:
    tool = command("weather", "echo $$ > pid; exec sleep 31.25")
    options = f"--tools {tools_file()} --run get_weather={tool}"
    with (
        service() as server,
        started(("sh", "-c", f"exec mmpipe chat -n {options} '{WEATHER}'"), server) as process,
    ):
        eventually(lambda: Path("pid").exists() and Path("pid").read_text().strip(), "the tool runs")
        process.kill()
        process.wait(LIMIT)
    eventually(lambda: has_ended("pid"), "the tool ends")


def test_bad_json_after_good_calls_leaves_a_conversation_that_can_go_on() -> None:
    bad = 'sim:tool get_weather {"city":'
    done, _ = asked(f"{WEATHER}\nsim:then\n{bad}\nsim:then\n{bad}", "-c", "talk")
    assert 8 == done.status
    assert ["user", "assistant", "tool", "assistant", "tool"] == [
        message["role"] for message in transcript("talk")
    ]
    with service() as server:
        assert 0 == mmpipe("chat", "-n", "-c", "talk", "And now?", server=server).status


def test_two_bad_calls_of_one_round_are_reported_together() -> None:
    bad = 'sim:tool get_weather {"city":'
    done, outputs = asked(f"{bad}\n{bad}")
    assert (0, 2) == (done.status, len(outputs)), done.stderr_text


def test_the_same_bad_arguments_for_the_third_time_end_it() -> None:
    done, _ = asked("sim:tool get_weather {}\nsim:again")
    assert 16 == done.status
    assert "for the third time" in done.stderr_text


def test_a_transcript_on_stdout_holds_messages_only() -> None:
    with service() as server:
        mmpipe("chat", "-n", "-c", "talk", "--tools", tools_file(), WEATHER, server=server)
        done = mmpipe(
            "chat", "-n", "-c", "talk", "-F", "messages", "--max-rounds", "0", *runs(), server=server
        )
    assert 16 == done.status
    assert transcript("talk") == done.records


def test_a_system_message_waits_for_the_results_of_calls() -> None:
    with service() as server:
        mmpipe("chat", "-n", "-c", "talk", "--tools", tools_file(), WEATHER, server=server)
        done = mmpipe("chat", "-n", "-c", "talk", "-s", "Be brief.", *runs(), server=server)
    assert 2 == done.status
    assert "come first" in done.stderr_text


def test_the_key_file_is_empty_to_a_tool_in_the_sandbox(needs: Callable[[str], None]) -> None:
    needs("bwrap")
    Path("key").write_text(KEY)
    tool = command("weather", "cat key; echo .; ls")
    options = ("--tools", tools_file(), "--run", f"get_weather={tool}", "--api-key-file", "key")
    with service() as server:
        for sandbox in ((), ("--sandbox",)):
            host = ("--base-url", server.base_url)
            # The folder is shown, as one that is not in a home.
            env = {"HOME": "/nowhere"}
            done = mmpipe("chat", "-n", *options, *host, *sandbox, WEATHER, server=server, env=env)
            # Without walls a tool can read what its user can; the model gets none of it.
            assert (0 if sandbox else 12) == done.status, done.stderr_text
            assert bool(sandbox) is ("the request holds the API key" not in done.stderr_text)
    assert 3 == len(server.requests)
    assert KEY not in str(server.requests)
    assert "key\n" in str(results(server, 2)[0])


def test_no_file_that_leads_to_a_key_is_seen_in_the_sandbox(
    needs: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("bwrap")
    project = Path("project").absolute()
    (project / "mmpipe").mkdir(parents=True)
    monkeypatch.chdir(project)
    names = ("key", "other", "printed", "mmpipe/config.toml")
    for name in names:
        Path(name).write_text(KEY)
    Path("mmpipe/config.toml").write_text(
        f'api_key_file = "~/project/key"\n[profile.a]\napi_key_file = "{project}/other"\n'
        '[profile.b]\napi_key_command = ["sh", "-c", "cat ~/project/printed"]\n'
    )
    tool = command("weather", f"cat {' '.join(names)}; echo seen: $?")
    options = ("--tools", tools_file(), "--run", f"get_weather={tool}", "--sandbox")
    with service() as server:
        host = ("--base-url", server.base_url, "--api-key-file", "./key")
        env = {"HOME": str(project.parent), "XDG_CONFIG_HOME": str(project)}
        done = mmpipe("chat", "-n", *options, *host, WEATHER, server=server, env=env)
        assert 0 == done.status, done.stderr_text
    assert "seen: 0" == str(results(server, 1)[0]).strip()


@pytest.mark.parametrize("is_boxed", [True, False])
def test_a_sandboxed_tool_cannot_make_a_set_id_file(is_boxed: bool, needs: Callable[[str], None]) -> None:
    needs("bwrap")
    Path("work").mkdir()
    tool = command(
        "weather", "cp /bin/true work/made 2> /dev/null || cp /bin/true made; chmod 6755 *made work/made"
    )
    options = ("--tools", tools_file(), "--run", f"get_weather={Path(tool).absolute()}", "--tool-dir", "work")
    with service() as server:
        done = mmpipe("chat", "-n", *options, *(["--sandbox"] if is_boxed else []), WEATHER, server=server)
    assert 0 == done.status, done.stderr_text
    assert (0o755 if is_boxed else 0o6755) == Path("work/made").stat().st_mode & 0o7777
    assert "" == done.stderr_text


def test_a_required_tool_call_is_not_met_by_an_earlier_answer() -> None:
    Path("talk").write_text('{"role":"user","content":"a"}\n{"role":"assistant","content":"b"}\n')
    options = ("--messages", "talk", "--tools", tools_file(), "--tool-choice", "required")
    with service() as server:
        mmpipe("chat", "-n", *options, "c", server=server)
        (body,) = (request["body"] for request in server.requests)
    assert isinstance(body, dict)
    assert "required" == body["tool_choice"]


def test_the_repair_of_an_answer_does_not_require_a_tool_call() -> None:
    Path("schema.json").write_text('{"type": "object"}')
    options = ("--tools", tools_file(), "--tool-choice", "required", "--schema", "schema.json")
    with service() as server:
        done = mmpipe("chat", "-n", *options, "sim:turns no|||{}", server=server)
        bodies = [request["body"] for request in server.requests]
    assert (0, b"{}\n") == (done.status, done.stdout), done.stderr_text
    assert ["required", None] == [body.get("tool_choice") for body in bodies if isinstance(body, dict)]
