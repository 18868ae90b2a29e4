"""TAB in real shells, with the committed scripts: the right words, exactly quoted, and mmpipe is never started."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmpipe.core.catalogue import load_models
from support.harness import mmpipe
from support.interactive_shells import Shell, interactive

COMPLETIONS = Path(__file__).parents[3] / "completions"
SCRIPTS = {
    "bash": COMPLETIONS / "mmpipe.bash",
    "zsh": COMPLETIONS / "_mmpipe",
    "fish": COMPLETIONS / "mmpipe.fish",
}
MODELS = sorted(model.id for model in load_models())


@pytest.fixture(scope="module", params=list(SCRIPTS))
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, needs: Callable[[str], None]
) -> Iterator[Shell]:
    """A shell at its prompt, in a folder with some files."""
    needs(request.param)
    folder = tmp_path_factory.mktemp("folder")
    (folder / "notes.txt").touch()
    (folder / "my file.txt").touch()
    (folder / "answers").mkdir()
    (folder / "old answers").mkdir()
    (folder / "tools.json").write_text('[{"name": "multiply"}, {"function": {"name" : "divide"}}]')
    with interactive(request.param, SCRIPTS[request.param], folder) as shell:
        config = shell.own / "mmpipe" / "config.toml"
        config.parent.mkdir()
        config.write_text(
            'model = "x"\n[profile.local]\nmodel = "y"\n[ profile . "work" ]\n[profile.work.params]\n'
        )
        yield shell
        assert not shell.started


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("mmpipe ch", "mmpipe chat "),
        ("mmpipe --ver", "mmpipe --version "),
        ("mmpipe chat --no-s", "mmpipe chat --no-stdin "),
        ("mmpipe stream --native", "mmpipe stream --native-thinking "),
        ("mmpipe chat -F me", "mmpipe chat -F messages "),
        ("mmpipe chat --format me", "mmpipe chat --format messages "),
        ("mmpipe chat --format=me", "mmpipe chat --format=messages "),
        ("mmpipe chat -Fme", "mmpipe chat -Fmessages "),
        ("mmpipe chat -nqF me", "mmpipe chat -nqF messages "),
        ("mmpipe chat -t sp", "mmpipe chat -t split "),
        ("mmpipe chat --base-url in", "mmpipe chat --base-url intl "),
        ("mmpipe chat -m MiniMax-M3.", "mmpipe chat -m MiniMax-M3.1-Flash "),
        ('mmpipe chat -m "MiniMax-M3.', 'mmpipe chat -m "MiniMax-M3.1-Flash" '),
        ("mmpipe chat -m 'MiniMax-M3.", "mmpipe chat -m 'MiniMax-M3.1-Flash' "),
        ("mmpipe models --json MiniMax-M3.", "mmpipe models --json MiniMax-M3.1-Flash "),
        ("mmpipe chat -f no", "mmpipe chat -f notes.txt "),
        ("mmpipe chat -f my", "mmpipe chat -f my\\ file.txt "),
        ('mmpipe chat -f "my', 'mmpipe chat -f "my file.txt" '),
        ("mmpipe chat -f 'my", "mmpipe chat -f 'my file.txt' "),
        ("mmpipe chat --file=my", "mmpipe chat --file=my\\ file.txt "),
        ("mmpipe chat -f ~/no", "mmpipe chat -f ~/notes.txt "),
        ("mmpipe chat -o ans", "mmpipe chat -o answers/"),
        ('mmpipe chat "two words" --no-s', 'mmpipe chat "two words" --no-stdin '),
        ("mmpipe chat -s --quiet --no-s", "mmpipe chat -s --quiet --no-stdin "),
        ("mmpipe sim --fail ht", "mmpipe sim --fail html "),
        ("mmpipe sim --dialect cumu", "mmpipe sim --dialect cumulative "),
        ("mmpipe completion z", "mmpipe completion zsh "),
        # The command line within the command line.
        ("mmpipe sim -- mmpipe chat --no-s", "mmpipe sim -- mmpipe chat --no-stdin "),
        ("mmpipe sim --tps 3 -- mmpipe ch", "mmpipe sim --tps 3 -- mmpipe chat "),
        ("mmpipe sim mmpipe chat -F me", "mmpipe sim mmpipe chat -F messages "),
        ("mmpipe sim -- cat no", "mmpipe sim -- cat notes.txt "),
        ("mmpipe sim -- mmpi", "mmpipe sim -- mmpipe "),
        # Each of several files.
        ("mmpipe batch no", "mmpipe batch notes.txt "),
        ("mmpipe batch notes.txt my", "mmpipe batch notes.txt my\\ file.txt "),
        (
            "mmpipe batch -k notes.txt -j 4 notes.txt no",
            "mmpipe batch -k notes.txt -j 4 notes.txt notes.txt ",
        ),
        ("mmpipe batch -o x notes.txt -- no", "mmpipe batch -o x notes.txt -- notes.txt "),
        ("mmpipe sim -- mmpipe batch notes.txt my", "mmpipe sim -- mmpipe batch notes.txt my\\ file.txt "),
        # Folders alone.
        ("mmpipe chat --record an", "mmpipe chat --record answers/"),
        ("mmpipe chat --record old", "mmpipe chat --record old\\ answers/"),
        ("mmpipe chat --cache=old", "mmpipe chat --cache=old\\ answers/"),
        ("mmpipe chat --tool-dir no", "mmpipe chat --tool-dir no"),
        ("mmpipe chat --profile lo", "mmpipe chat --profile local "),
        ("mmpipe batch --profile=lo", "mmpipe batch --profile=local "),
        ("mmpipe chat --encoding gb1", "mmpipe chat --encoding gb18030 "),
        ("mmpipe chat --tool-env ZDOT", "mmpipe chat --tool-env ZDOTDIR "),
        # The file of a result, the tool of a command, and the command.
        ("mmpipe chat --tool-result call_1=@no", "mmpipe chat --tool-result call_1=@notes.txt "),
        ("mmpipe chat --tool-result call_1=no", "mmpipe chat --tool-result call_1=no"),
        ("mmpipe chat --tools tools.json --run mu", "mmpipe chat --tools tools.json --run multiply="),
        ("mmpipe chat --run mu", "mmpipe chat --run mu"),
        (
            "mmpipe chat --tools tools.json --run multiply=mmpi",
            "mmpipe chat --tools tools.json --run multiply=mmpipe ",
        ),
        # Nothing is guessed where anything may stand.
        ("mmpipe chat no", "mmpipe chat no"),
        ("mmpipe chat -s no", "mmpipe chat -s no"),
        ("mmpipe chat --temperature ", "mmpipe chat --temperature "),
        ("mmpipe chat -- --no-s", "mmpipe chat -- --no-s"),
        ("mmpipe nonsense --no-s", "mmpipe nonsense --no-s"),
    ],
)
def test_tab_completes(shell: Shell, line: str, completed: str) -> None:
    assert completed == shell.press_tab(line)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mmpipe ", ["batch", "chat", "completion", "models", "sim", "stream"]),
        ("mmpipe chat -t ", ["hide", "show", "split"]),
        ("mmpipe chat --thinking=s", ["--thinking=show", "--thinking=split"]),
        ("mmpipe chat -m ", MODELS),
        ("mmpipe models ", MODELS),
        ("mmpipe chat -f ", ["answers", "my\\ file.txt", "notes.txt", "old\\ answers", "tools.json"]),
        ("mmpipe batch notes.txt ", ["answers", "my\\ file.txt", "notes.txt", "old\\ answers", "tools.json"]),
        ("mmpipe chat --replay ", ["answers", "old\\ answers"]),
        ("mmpipe chat --profile ", ["local", "work"]),
        ("mmpipe models MiniMax-M3 --profile ", ["local", "work"]),
        ("mmpipe completion ", ["agent", "bash", "fish", "man", "zsh"]),
        ("mmpipe chat --top-p ", []),
        ("mmpipe chat -- -", []),
    ],
)
def test_tab_offers(shell: Shell, line: str, offered: list[str]) -> None:
    assert offered == [word.removesuffix("/") for word in shell.offers(line)]


def test_tab_offers_the_options_of_the_command_alone(shell: Shell) -> None:
    # zsh shows that a value is to follow.
    offered = [word.rstrip("=") for word in shell.offers("mmpipe models --")]
    assert {"--header", "--json", "--base-url"} <= set(offered)
    assert not {"--file", "--tps", "--thinking"} & set(offered)


def test_bash_completes_where_the_equals_sign_is_part_of_a_word(
    tmp_path: Path, needs: Callable[[str], None]
) -> None:
    """Other people's scripts take it out of COMP_WORDBREAKS."""
    needs("bash")
    script = tmp_path / "both.bash"
    script.write_text(f'COMP_WORDBREAKS=${{COMP_WORDBREAKS//=}}\n. "{SCRIPTS["bash"]}"\n')
    (tmp_path / "my file.txt").touch()
    (tmp_path / "answers").mkdir()
    with interactive("bash", script, tmp_path) as shell:
        assert "mmpipe chat --format=messages " == shell.press_tab("mmpipe chat --format=me")
        assert "mmpipe chat --file=my\\ file.txt " == shell.press_tab("mmpipe chat --file=my")
        assert "mmpipe chat --output=answers/" == shell.press_tab("mmpipe chat --output=ans")
        assert "mmpipe chat --format=json --no-stdin " == shell.press_tab("mmpipe chat --format=json --no-s")


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("mmpipe chat -fmy", "mmpipe chat -fmy\\ file.txt "),
        ("mmpipe chat -fmy\\ f", "mmpipe chat -fmy\\ file.txt "),
        ("mmpipe chat -nfmy", "mmpipe chat -nfmy\\ file.txt "),
        ("mmpipe chat -f'my", "mmpipe chat -f'my file.txt' "),
        ('mmpipe chat -f"my', 'mmpipe chat -f"my file.txt" '),
        ('mmpipe chat --file="my', 'mmpipe chat --file="my file.txt" '),
        ("mmpipe chat -fcost", "mmpipe chat -fcost\\$now.txt "),
        ("mmpipe chat --file=cost", "mmpipe chat --file=cost\\$now.txt "),
        ("mmpipe chat -F'me", "mmpipe chat -F'messages' "),
        # Words that bash takes apart.
        ("mmpipe sim --fail 500:1/5 --dia", "mmpipe sim --fail 500:1/5 --dialect "),
        ("mmpipe sim --fail 500:1/5 -- mmpipe ch", "mmpipe sim --fail 500:1/5 -- mmpipe chat "),
        ("mmpipe models --base-url https://x/v1 MiniMax-M3.", None),
        ("mmpipe chat -p a=b --no-s", "mmpipe chat -p a=b --no-stdin "),
        # Redirections are not the command's words.
        ("mmpipe chat hi > my", "mmpipe chat hi > my\\ file.txt "),
        ("mmpipe chat hi 2>my", "mmpipe chat hi 2>my\\ file.txt "),
        ("mmpipe chat < my", "mmpipe chat < my\\ file.txt "),
        ("mmpipe > x ch", "mmpipe > x chat "),
        ("mmpipe models 2>/dev/null MiniMax-M3.", None),
        ("mmpipe sim --log x > y -- mmpipe ch", "mmpipe sim --log x > y -- mmpipe chat "),
        ('mmpipe chat "x > y" --no-s', 'mmpipe chat "x > y" --no-stdin '),
    ],
)
def test_bash_completes_what_only_bash_makes_difficult(
    line: str, completed: str | None, tmp_path: Path, needs: Callable[[str], None]
) -> None:
    needs("bash")
    (tmp_path / "my file.txt").touch()
    (tmp_path / "cost$now.txt").touch()
    with interactive("bash", SCRIPTS["bash"], tmp_path) as shell:
        assert (completed or f"{line}1-Flash ") == shell.press_tab(line)


def test_bash_gives_a_path_that_a_program_can_open(tmp_path: Path, needs: Callable[[str], None]) -> None:
    """No shell expands a tilde behind `--file=`."""
    needs("bash")
    (tmp_path / "notes.txt").touch()
    with interactive("bash", SCRIPTS["bash"], tmp_path) as shell:
        assert f"mmpipe chat --file={tmp_path}/notes.txt " == shell.press_tab("mmpipe chat --file=~/no")
        assert f"mmpipe chat -f{tmp_path}/notes.txt " == shell.press_tab("mmpipe chat -f~/no")


@pytest.mark.parametrize(
    "setting", ["set -e", "set -u", "shopt -s nocasematch", "IFS=m", "shopt -s failglob"]
)
def test_bash_completes_whatever_its_user_has_set(
    setting: str, tmp_path: Path, needs: Callable[[str], None]
) -> None:
    needs("bash")
    script = tmp_path / "both.bash"
    script.write_text(f'. "{SCRIPTS["bash"]}"\n{setting}\n')
    with interactive("bash", script, tmp_path) as shell:
        assert "mmpipe chat " == shell.press_tab("mmpipe ch")
        assert "mmpipe chat -F messages " == shell.press_tab("mmpipe chat -F me")
        assert "mmpipe sim -- mmpipe chat " == shell.press_tab("mmpipe sim -- mmpipe ch")
        assert "mmpipe chat hi" == shell.press_tab("mmpipe chat hi")


def test_zsh_completes_when_the_script_is_sourced(tmp_path: Path, needs: Callable[[str], None]) -> None:
    needs("zsh")
    elsewhere = tmp_path / "elsewhere" / "nothing"
    elsewhere.parent.mkdir()
    with interactive("zsh", elsewhere, tmp_path) as shell:
        assert "mmpipe cha" == shell.press_tab("mmpipe cha")
        shell.screen.type(f". {SCRIPTS['zsh']}\r")
        assert "mmpipe chat " == shell.press_tab("mmpipe cha")


@pytest.mark.parametrize("wish", ["complete_bash", "source_zsh", "nonsense"])
def test_no_variable_of_the_environment_turns_a_command_into_completion(wish: str) -> None:
    done = mmpipe("--version", env={"_MMPIPE_COMPLETE": wish})
    assert (0, b"mmpipe 0.") == (done.status, done.stdout[:9])
