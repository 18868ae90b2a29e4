"""Mistakes of new users: each is reported in one line, which leads to the next step."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.simulator.server import RunningSimulator
from support.harness import AS_SIM, service
from support.in_process import run_in_process

USAGE, AUTH, INPUT = ExitStatus.USAGE, ExitStatus.AUTH, ExitStatus.INPUT


@dataclass(frozen=True)
class Mistake:
    """The words after `mmpipe`, the status, the parts of the message, and the surroundings."""

    words: tuple[str, ...]
    status: int
    says: tuple[str, ...]
    never_says: tuple[str, ...] = ()
    stdin: bytes = b""
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join(self.words)


def usage(*words: str, says: str | tuple[str, ...], never_says: tuple[str, ...] = ()) -> Mistake:
    return Mistake(words, USAGE, (says,) if isinstance(says, str) else says, never_says)


NO_KEY_OPTION = ("set MINIMAX_API_KEY", "--api-key-file")
TYPED = [
    # No command, or none of that name.
    usage("hello", says="hello; did you mean `mmpipe chat hello`?"),
    usage("What is 2 + 2?", says="did you mean `mmpipe chat 'What is 2 + 2?'`?"),
    usage("what", "is", "this", says="did you mean `mmpipe chat what is this`?"),
    usage("ask", "hi", says="did you mean `mmpipe chat hi`?"),
    usage("strem", "hi", "-o", "x y", says="did you mean `mmpipe stream hi -o 'x y'`?"),
    usage("Chat", "hi", says="did you mean `mmpipe chat hi`?"),
    usage("modles", says="did you mean `mmpipe models`?"),
    usage("man", "chat", says="did you mean `mmpipe help chat`?"),
    usage("--", "hello", says="did you mean `mmpipe chat hello`?"),
    usage("word " * 100, says="did you mean `mmpipe chat ...`?"),
    usage("hi", "--api-key", "a-secret", says="`mmpipe chat hi ... ...`", never_says=("a-secret",)),
    usage("aks", "hi", says="did you mean `mmpipe chat hi`?"),
    usage("many", "hi", says="did you mean `mmpipe chat many hi`?"),
    usage("caht", "a\nb", says="did you mean `mmpipe chat $'a\\012b'`?"),
    usage("caht", "-H", "Authorization: Bearer shhh", "hi", says="`mmpipe chat -H ... hi`", never_says=("shhh",)),
    usage("caht", "-H", "Authorization:", "Bearer", "shhh", says="`mmpipe chat -H Authorization: ... ...`", never_says=("shhh",)),
    usage("caht", "-p", "authorization=shhh", "hi", says="`mmpipe chat -p ... hi`", never_says=("shhh",)),
    usage("caht", "--password", "shhh", "hi", says="`mmpipe chat --password ... hi`", never_says=("shhh",)),
    usage("caht", "--max-tokens", "9", "explain token limits", says="`mmpipe chat --max-tokens 9 'explain token limits'`"),
    usage('{"x-api-key": "shhh"}', says="did you mean `mmpipe chat ...`?", never_says=("shhh",)),
    usage("sk-api-123", says="did you mean `mmpipe chat ...`?", never_says=("sk-api-123",)),
    Mistake((), USAGE, ('`echo "your question" | mmpipe chat`', "`mmpipe --help`"), stdin=b"hi\n"),
    # Options before the command.
    usage("-m", "X", "chat", "hi", says="-m is an option of `mmpipe chat`, and follows it; type `mmpipe chat -m X hi`"),
    usage("--model=X", "stream", "hi", says="`mmpipe stream --model=X hi`"),
    usage("--json", "hi", says="`mmpipe chat --json hi`"),
    usage("--verbose", "chat", "hi", says="`mmpipe chat --verbose hi`"),
    usage("--rpm", "60", "in.txt", says="`mmpipe batch --rpm 60 in.txt`"),
    usage("--modle", "X", "batch", says=("`mmpipe batch [OPTIONS] ...`", "did you mean --model?")),
    usage("--api-key=a-secret", "chat", "hi", says=NO_KEY_OPTION, never_says=("a-secret",)),
    usage("-V", says="did you mean --version?"),
    # Options that a command does not have.
    usage("chat", "--temprature", "1", says="did you mean --temperature?"),
    usage("chat", "--Max_Tokens", "9", says="did you mean --max-tokens?"),
    usage("chat", "--max-completion-tokens=9", says="did you mean --max-tokens?"),
    usage("batch", "--json", says="did you mean -F jsonl?"),
    usage("models", "--jsonl", says="did you mean -F jsonl?"),
    usage("chat", "--stream", "hi", says="`mmpipe stream` writes the answer as it arrives"),
    usage("chat", "--no-stream", "hi", says="`mmpipe chat` writes the answer when it is complete"),
    usage("chat", "--input", "f", says="did you mean --file?"),
    usage("batch", "--input", "f", says="FILE is an argument"),
    usage("chat", "--prompt", "hi", says='`mmpipe chat "your question"`'),
    usage("batch", "--prompt", "hi {}", says="did you mean --template?"),
    usage("chat", "--rpm", "60", says="it is an option of `mmpipe batch`"),
    usage("chat", "--seed", "4", says="did you mean -p seed=VALUE?"),
    usage("chat", "-d", "{}", says="-p KEY=VALUE puts a field into the request"),
    usage("chat", "-H", "X: y", says="the key comes from MINIMAX_API_KEY"),
    usage("chat", "--proxy", "p:1", says="HTTPS_PROXY=http://HOST:PORT"),
    usage("chat", "-V", says="did you mean --version?"),
    usage("chat", "--no-such-thing-at-all", says="see `mmpipe chat --help`"),
    *(
        usage("chat", *typed, "hi", says=NO_KEY_OPTION, never_says=("a-secret",))
        for typed in (("--api-key", "a-secret"), ("--api_key=a-secret",), ("--key", "a-secret"))
    ),
    # Values.
    usage("chat", "-5 degrees", says="`mmpipe chat -- '-5 degrees'`"),
    usage("chat", "--not a prompt", says="`mmpipe chat -- '--not a prompt'`"),
    usage("chat", "hi", "-m", says="-m has no value; --model MODEL: the model to ask"),
    usage("chat", "hi", "--model=", says="--model: the name of the model is empty"),
    usage("chat", "-j", "hi", says=("'hi' is not a whole number, such as 10", "--concurrency N: most tools")),
    usage("chat", "--max-tokens=", says=("not a whole number, such as 10", "most tokens of the answer")),
    usage("batch", "--rpm", "fast", says=("not a number, such as 10;", "most requests a minute")),
    usage("sim", "--tps", "fast", says="not a number, such as 10 or 0.5;"),
    usage("chat", "--temperature", "hot", says="not a number, such as 0.5;"),
    usage("batch", "--deadline", "soon", says="not a duration, such as 90, 90s, 15m or 2h"),
    usage("chat", "-n", "-s", "ONE", "--system", "TWO", "hi", says="-s / --system is given twice, with different values; keep one"),
    usage("batch", "-o", "a", "-o", "b", says="-o / --output is given twice"),
    usage("chat", "-k", "abc", says=("an option of `mmpipe batch`", "MINIMAX_API_KEY, or from a file with --api-key-file")),
    usage("batch", "--max-cost", "five", says="not an amount, such as 5 or '$5'"),
    usage("batch", "--rpm", "0", says="--rpm is 0: it must be at least 1"),
    usage("chat", "-F", "jsn", says="did you mean json?"),
    usage("completion", says="SHELL is missing: bash, zsh, fish, man"),
    usage("models", "a", "b", says="see `mmpipe models --help`"),
]  # fmt: skip


CONFIG = ".config/mmpipe/config.toml"
M2 = ("-m", "MiniMax-M2.1")
PLATFORMS = (
    "set MINIMAX_API_KEY",
    "https://platform.minimaxi.com",
    "https://platform.minimax.io",
    "`mmpipe sim`",
)
UNKEYED = [
    Mistake(("chat", "-n", "--api-key-file", "sk-a-secret", "hi"), AUTH, ("it wants the path of a file",), ("sk-a-secret",)),
    Mistake(("chat", "-n", "hi"), AUTH, PLATFORMS),
    Mistake(("chat", "-n", "hi"), AUTH, ("api_key_command (nosuch)", CONFIG), files={CONFIG: 'api_key_command = "nosuch x"'}),
    Mistake(("chat", "-n", "hi"), USAGE, ("did you mean model?", CONFIG), files={CONFIG: 'modle = "x"'}),
    Mistake(
        ("chat", "-n", "hi"), USAGE, ("api_key_file = ", "api_key_command", "MINIMAX_API_KEY"), ("a-secret",),
        files={CONFIG: 'api_key = "a-secret"'},
    ),
    Mistake(
        ("chat", "-n", "--base-url", "http://127.0.0.1:9/v1", "--api-key-file", "key", "hi"), AUTH,
        ("is written as an assignment: give the key alone",), ("a-secret",), files={"key": "export MINIMAX_API_KEY='a-secret'\n"},
    ),
]  # fmt: skip
SENT = [
    Mistake(("chat", "-n", "-m", "a", "-m", "MiniMax-M3", "-s", "Be.", "-s", "Be.", "sim:echo x"), 0, (), ("twice",)),
    Mistake(("chat", "-n"), INPUT, ("type `mmpipe chat -n",)),
    Mistake(("chat", ""), INPUT, ("type `mmpipe chat", ), stdin=b" "),
    Mistake(("batch", "."), INPUT, ("cannot read .: Is a directory; name the files in it, as DIR/* does",)),
    Mistake(("chat", "-n", "--schema", "a.csv", "hi"), INPUT, ("a.csv is not JSON; --schema wants a JSON Schema",), ("Expecting",), files={"a.csv": "a,b"}),
    Mistake(("chat", "-n", "--schema", "a", "hi"), INPUT, ("a is not JSON: Expecting property name enclosed in double quotes at character 2;",), files={"a": "{a"}),
    Mistake(("chat", "-n", "--temperature", "3", "hi"), USAGE, ("temperature is 3: ",), env=AS_SIM),
    Mistake(("chat", "-n", "--profile", "locl", "hi"), USAGE, ("there is no configuration file /",)),
    Mistake(("chat", "-n", "--profile", "locl", "hi"), USAGE, ("did you mean local?; the profiles are local, far",), files={CONFIG: "[profile.local]\n[profile.far]\n"}),
    Mistake(("chat", "-n", "-m", "minimax-m2.1", "hi"), ExitStatus.REJECTED, ("did you mean MiniMax-M2.1?",)),
    Mistake(("chat", "-n", "--max-tokens", "1", "hi"), ExitStatus.CUT_SHORT, ("before its first word (thinking counts too)", "raise --max-tokens")),
    Mistake(("chat", "-n", *M2, "--temperature", "0", "hi"), USAGE, ("above 0 and at most 1", "0.01 is nearly 0")),
    Mistake(("chat",), INPUT, ("the prompt is empty", "did the program before mmpipe in the pipe fail?")),
    Mistake(("chat", "-n", "-s", "@sys.txt", "sim:echo x"), 0, ("--system-file sys.txt",), files={"sys.txt": "Be terse."}),
    Mistake(("chat", "-n", "-s", "@my sys.txt", "sim:echo x"), 0, ("--system-file 'my sys.txt' reads",), files={"my sys.txt": "Be terse."}),
    Mistake(("chat", "-n", "-p", "modle=x", "sim:echo x"), 0, ("warning: -p modle is sent", "did you mean model?")),
    Mistake(("batch", "a.txt", "--template", "Mood: {review}"), INPUT, ("it has tabs: --input-format tsv",), files={"a.txt": "id\treview\n1\tGood.\n"}),
    Mistake(("batch", "a.csv", "--template", "{review}"), INPUT, ("put the line sep=| before",), files={"a.csv": "id|review\n1|Good.\n"}),
    Mistake(
        ("batch", "--dry-run", "a.csv", "--template", "{id} {{review}}"), 0, ("a field is {review}, in single braces (1 request)",),
        files={"a.csv": "id,review\n1,Good.\n"},
    ),
    Mistake(("batch", "in.jsonl"), INPUT, ("in.jsonl, line 1: it is not JSON", "`jq -c . FILE`"), files={"in.jsonl": '{\n  "prompt": "x"\n}\n'}),
    Mistake(("chat", "hi", "-f", "missing.txt"), INPUT, ("cannot read missing.txt: No such file",)),
    Mistake(
        ("chat", "-n", *M2, "-f", "long.txt"), ExitStatus.REJECTED,
        ("the window of MiniMax-M2.1 is 204,800 tokens", "shorten the prompt"), files={"long.txt": "word " * 400_000},
    ),
    Mistake(
        ("chat", "-n", *M2, "-f", "long.txt"), INPUT,
        ("the prompt has about 1,000,000 tokens, and the window of MiniMax-M2.1 is 204,800: it is not sent", "shorten the prompt"),
        files={"long.txt": "word " * 800_000}, env=AS_SIM,
    ),
    Mistake(
        ("batch", "--dry-run", *M2, "long.jsonl"), 0, ("longer than the window of its model, and may be refused (1 request)",),
        files={"long.jsonl": f'{{"prompt": "{"word " * 200_000}"}}\n"short"\n'}, env=AS_SIM,
    ),
]  # fmt: skip


def check(mistake: Mistake, server: RunningSimulator | None = None) -> None:
    for name, content in mistake.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content)
    pipe, feed = os.pipe()
    os.write(feed, mistake.stdin)
    os.close(feed)
    done = run_in_process(*mistake.words, server=server, stdin=pipe, env=mistake.env)
    os.close(pipe)
    assert mistake.status == done.status, done.stderr_text
    assert [] == [part for part in mistake.says if part not in done.stderr_text], done.stderr_text
    assert [] == [part for part in mistake.never_says if part in done.stderr_text]
    assert min(1, len(mistake.says)) == done.stderr_text.count("\n"), done.stderr_text


@pytest.mark.parametrize("mistake", TYPED, ids=str)
def test_what_is_mistyped_is_answered_with_what_to_type(mistake: Mistake) -> None:
    check(mistake)


@pytest.mark.parametrize("mistake", UNKEYED, ids=str)
def test_a_missing_key_or_a_bad_setting_is_answered_with_where_to_go(mistake: Mistake) -> None:
    check(mistake)


@pytest.mark.parametrize("mistake", SENT, ids=str)
def test_what_a_request_meets_is_answered_with_what_to_change(mistake: Mistake) -> None:
    with service() as server:
        check(mistake, server)


@pytest.mark.parametrize("words", [("help",), ("help", "chat")])
def test_help_as_a_command_shows_the_help(words: tuple[str, ...]) -> None:
    done, shown = run_in_process(*words), run_in_process(*words[1:], "--help")
    assert (0, b"", shown.stdout) == (done.status, done.stderr, done.stdout)
