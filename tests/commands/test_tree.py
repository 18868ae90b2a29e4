"""The names that scripts depend on are there, in their groups; and whatever tells of them tells the same."""

import re
from pathlib import Path
from typing import get_args

import pytest

from mmpipe.commands.tree import TREE
from mmpipe.config.options import DEFAULTS, FILE_KEYS
from mmpipe.grammar import Command
from mmpipe.reference.documents import generate_document
from mmpipe.reference.help import PageStyle, format_help
from mmpipe.reference.options import Document, InstalledDocument
from mmpipe.unix.streams import Streams
from mmpipe.writers.terminal import Painter

COMPLETIONS = Path(__file__).parents[2] / "completions"
FILES = {"bash": "mmpipe.bash", "zsh": "_mmpipe", "fish": "mmpipe.fish", "man": "mmpipe.1"}

SERVICE = """-v/--verbose -q/--quiet --connect-timeout --first-byte-timeout --idle-timeout --max-time --retries --profile
--base-url --allow-http --ca-file --api-key-file"""
FITTING = "--schema --repair --extract"
RECORDINGS = "--record --replay --cache"
ABOUT = "--error-json -h/--help --version"
ANSWERING = {
    "Input": """PROMPT -f/--file -a/--attach --messages -c/--conversation --no-wait -s/--system --system-file -n/--no-stdin
        --stdin-timeout --encoding""",
    "Request": "-m/--model --temperature --top-p --max-tokens --effort -p/--param --native-thinking --no-native-thinking --wire --pieces",
    "Thinking": "-t/--thinking --thinking-file",
    "Output": f"-F/--format --json --markdown --no-markdown -o/--output --meta --allow-truncated {FITTING}",
    "Function calling": """--tools --tool-choice --tool-result --run -j/--concurrency --max-rounds --max-calls
        --tool-timeout --confirm --sandbox --tool-dir --tool-env""",
    "Recordings": RECORDINGS,
    "Common": f"{SERVICE} {ABOUT}",
}
# Scripts depend on these names: others may be added, and none ever goes.
PROMISED = {
    "chat": ANSWERING,
    "stream": ANSWERING,
    "batch": {
        "Input": """FILE --input-format -0/--null --template --id-field --encoding -s/--system --system-file --keep-going --limit
            --shard --no-dedupe""",
        "Request": f"{ANSWERING['Request']} --set",
        "Thinking": "-t/--thinking",
        "Output": f"""-F/--format -k/--keep-order --pass-through -o/--output --resume --overwrite
            --allow-truncated --merge --meta --progress {FITTING}""",
        "Pace": "-j/--concurrency --rpm --tpm --limiter --max-wait --engine --ray-address --ray-workers",
        "Bounds": "--max-errors --max-cost --deadline --grace --dry-run --assume-tokens",
        "Recordings": RECORDINGS,
        "Common": f"{SERVICE} {ABOUT}",
    },
    "models": {"Output": "MODEL -F/--format --json --header --live --check", "Common": f"{SERVICE} {ABOUT}"},
    "sim": {
        "Simulator": "COMMAND --port --tps --latency --rpm --fail --dialect --seed --log",
        "Common": ABOUT,
    },
    "completion": {"Output": "SHELL --install --uninstall", "Common": ABOUT},
}
CHOICES = {
    "--thinking": "show|split|hide",
    "--wire": "stream|whole",
    "--format": "text|json|jsonl|messages|raw",
    ("models", "--format"): "tsv|jsonl",
    ("batch", "--format"): "jsonl|openai|text|csv",
    "--extract": "code|json",
    "--effort": "none|low|medium|high|xhigh|max",
    "--pieces": "auto|new|repeated",
    "--input-format": "auto|lines|jsonl|json|csv|tsv",
    "--progress": "auto|bar|plain|none",
    "--engine": "local|ray",
    "SHELL": "bash|zsh|fish|man|agent",
}


def commands() -> tuple[Command, ...]:
    return TREE.commands


def test_commands_and_options_keep_their_names() -> None:
    found = {
        command.name: {
            title: [("/".join(parameter.names) or parameter.metavar) for parameter in group]
            for title, group in command.groups.items()
        }
        for command in commands()
    }
    promised = {
        name: {title: names.split() for title, names in groups.items()} for name, groups in PROMISED.items()
    }
    assert promised == found
    assert list(promised) == list(found)


def test_choices_keep_their_names() -> None:
    for command in commands():
        for parameter in (*command.options, *command.arguments):
            name = parameter.names[-1] if parameter.names else parameter.metavar
            expected = CHOICES.get((command.name, name)) or CHOICES.get(name, "")
            assert expected == "|".join(parameter.choices), (command.name, name)


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_help_shows_every_option_under_its_title(command: Command) -> None:
    page = format_help(TREE, command.name)
    for title, group in command.groups.items():
        part = page.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        for parameter in group:
            assert ", ".join(parameter.names) in part
            assert parameter.metavar in part
            assert parameter.help in " ".join(part.split())


@pytest.mark.parametrize("name", [command.name for command in (TREE.program, *TREE.commands)])
def test_help_fits_eighty_columns_and_has_two_examples(name: str) -> None:
    lines = format_help(TREE, name).splitlines()
    examples = lines[lines.index("Examples:") + 1 :]
    assert max(map(len, lines)) <= 80
    assert [True, False] * 2 == [line.startswith("  # ") for line in examples[:4]]
    assert all("mmpipe" in line for line in examples[1:4:2])


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_help_on_a_terminal_has_the_same_options_and_those_used_most_first(command: Command) -> None:
    plain = format_help(TREE, command.name, PageStyle(live=True))
    shown = re.findall(r"^ {2,6}(-\S.*?)(?=  |$)", plain.partition("\nExamples:")[0], re.MULTILINE)
    names = [label.split(" ")[0].rstrip(",") for label in shown]
    assert sorted(option.names[0] for option in command.options) == sorted(names)
    assert [*command.most_used] == names[: len(command.most_used)]


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize("name", [command.name for command in (TREE.program, *TREE.commands)])
def test_no_sentence_of_help_is_wider_than_the_terminal(name: str, width: int) -> None:
    page = format_help(TREE, name, PageStyle(width=width, live=True)).partition("\nExamples:\n")[0]
    # Choices are one word, and so are some examples of values.
    wide = [line for line in page.splitlines() if len(line) > width and "|" not in line]
    assert [] == wide


def test_colours_change_no_word_of_help() -> None:
    page = format_help(TREE, "chat", PageStyle(painter=Painter(enabled=True), live=True))
    assert "\x1b[1mMost used:\x1b[0m\n" in page
    assert "  \x1b[36m-m, --model\x1b[0m MODEL" in page
    assert format_help(TREE, "chat", PageStyle(live=True)) == re.sub(r"\x1b\[[0-9;]*m", "", page)


@pytest.mark.parametrize(
    ("terminals", "environment", "style"),
    [
        ("", {"TERM": "xterm", "COLUMNS": "40"}, PageStyle()),
        ("stdout", {"TERM": "dumb", "COLUMNS": "40"}, PageStyle()),
        ("stdout", {"TERM": "xterm", "COLUMNS": "40"}, PageStyle(40, Painter(enabled=True), live=True)),
        ("stdout", {"TERM": "xterm", "COLUMNS": "200"}, PageStyle(100, Painter(enabled=True), live=True)),
        ("stdout", {"TERM": "xterm", "NO_COLOR": "1"}, PageStyle(live=True)),
    ],
    ids=["pipe", "dumb", "narrow", "wide", "no colour"],
)
def test_the_terminal_decides_about_the_style_of_help(
    terminals: str, environment: dict[str, str], style: PageStyle
) -> None:
    assert style == PageStyle.of(Streams.fake(terminals=terminals).stdout, environment)


def part(kind: Document, command: Command) -> str:
    """Return the part of a document about one command alone, or about the command and its twins."""
    text = re.sub(r"\\f[BIR]", "", generate_document(kind, TREE).replace("\\-", "-"))
    names = next(names for names, _ in TREE.alike() if command.name in names)
    match kind:
        case "bash":
            return (
                text[text.index("_mmpipe_options()") :]
                .partition(f"        {' | '.join(names)}) ")[2]
                .partition("\n")[0]
            )
        case "zsh":
            return text.partition(f"                {'|'.join(names)})\n")[2].partition(";;")[0]
        case "fish":
            at = "__mmpipe_at_runner" if command.takes_command else f"__mmpipe_at {' '.join(names)}"
            return "\n".join(line for line in text.splitlines() if f"-n '{at}'" in line)
        case _:
            return text.partition(f"\n.SS mmpipe {names[0]} ")[2].partition("\n.S")[0]


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
@pytest.mark.parametrize("kind", get_args(InstalledDocument))
def test_completions_and_manual_know_every_option_of_each_command(command: Command, kind: Document) -> None:
    text = part(kind, command)
    # What an earlier command has too is only named in the manual, by its last name.
    known = {option for other in TREE.commands[: TREE.commands.index(command)] for option in other.options}
    for option in command.options:
        for name in option.names[-1:] if kind == "man" and option in known else option.names:
            # fish has the names without their hyphens, behind -s and -l.
            spelled = (
                name if kind != "fish" else f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
            )
            assert re.search(rf"(?<![\w-]){re.escape(spelled)}(?![\w-])", text), (command.name, name)


@pytest.mark.parametrize("kind", get_args(InstalledDocument))
def test_completions_and_manual_know_every_choice(kind: Document) -> None:
    text = generate_document(kind, TREE)
    for command in commands():
        for parameter in (*command.options, *command.arguments):
            assert (" " if kind != "man" else "|").join(parameter.choices) in text or not parameter.names


def test_the_defaults_that_help_shows_are_those_of_the_settings() -> None:
    shown = {"base_url": "cn"} | {name: f"{value}" for name, value in DEFAULTS.items() if name != "base_url"}
    texts = {option.names[-1]: option.help for option in TREE.commands[0].options}
    assert {} == {
        name: texts[f"--{name.replace('_', '-')}"]
        for name, value in shown.items()
        if f"[{value}]" not in texts[f"--{name.replace('_', '-')}"]
    }


def test_a_setting_of_the_configuration_file_has_the_name_of_its_option() -> None:
    options = {option.field for name in ("chat", "batch") for option in TREE.named(name).options}
    # The command is read from the file only; `params` is a table of what `-p` gives one by one.
    assert {"api_key_command", "params"} == FILE_KEYS.keys() - options


@pytest.mark.parametrize("kind", get_args(InstalledDocument))
def test_the_committed_file_is_what_the_program_prints(kind: Document) -> None:
    """`mmpipe completion KIND > completions/FILE` makes it anew."""
    assert (COMPLETIONS / FILES[kind]).read_text("utf-8") == generate_document(kind, TREE)


def test_nothing_else_is_in_the_folder_of_generated_files() -> None:
    # The picture is checked beside the program that draws it.
    assert {*FILES.values(), "mmpipe.svg"} == {path.name for path in COMPLETIONS.iterdir()}


def test_commands_with_the_same_options_are_described_once() -> None:
    assert ("chat", "stream") in [names for names, _ in TREE.alike()]
