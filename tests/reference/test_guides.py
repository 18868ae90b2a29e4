"""Every command and every file of the guides works as it stands."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mmpipe.config.config_file import read_config
from mmpipe.errors import ExitStatus
from mmpipe.reference.guide_text import GUIDES, Code, read_guide
from support.harness import LIMIT, put_on_path
from support.readme import run_lines

NAMES = sorted(path.stem for path in GUIDES.iterdir())
pytestmark = [pytest.mark.slow]


def shell_lines(name: str) -> str:
    return "\n".join(line for code in blocks(name) if code.file is None for line in code.lines)


def file_of(name: str, file: str) -> str:
    (found,) = (code for code in blocks(name) if code.file == file)
    return "\n".join(found.lines[1:]) + "\n"


def blocks(name: str) -> list[Code]:
    return [block for block in read_guide(name).blocks if isinstance(block, Code)]


@pytest.fixture
def works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: Callable[[str], None]
) -> Callable[[str], str]:
    """Runs a script of bash in a folder with some inputs; each line has to succeed, and what they print is returned."""
    for program in ("bash", "jq", "parallel"):
        needs(program)
    monkeypatch.chdir(tmp_path)
    put_on_path(tmp_path)
    (tmp_path / "topics.txt").write_text("tea\ncoffee\nwater\nmilk\n")
    (tmp_path / "key").write_text("sk-of-no-account-at-all-1\n")
    (tmp_path / "key").chmod(0o600)

    return lambda script: run_lines(script, unwanted="warning")


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("journal", "limiter", "cluster", "slurm", "kubernetes")]
)
def test_the_commands_of_a_guide_work_one_after_the_other(name: str, works: Callable[[str], str]) -> None:
    before = set(Path.cwd().iterdir())
    printed = works(shell_lines(name))
    assert printed or set(Path.cwd().iterdir()) > before


def test_a_journal_is_healed_and_joined_as_its_guide_says(works: Callable[[str], str]) -> None:
    lines = [{"id": "a", "error": {"code": 7}}, {"id": "a", "error": None, "content": "good"}]
    lines += [{"id": "a", "error": {"code": 4}}, {"custom_id": "b", "error": {"code": 5}}]
    lines += [{"custom_id": "b", "error": {"code": 6}}]
    torn = '{"id":"c","error":nu'
    Path("answers.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + torn)
    (heal,) = (line for line in shell_lines("journal").splitlines() if "clean.jsonl" in line)
    works(heal)
    healed = [json.loads(line) for line in Path("clean.jsonl").read_text().splitlines()]
    assert [lines[1], lines[4]] == healed
    Path("answers.jsonl").unlink()
    joined = works(shell_lines("journal"))
    assert ["a", "b"] == [json.loads(line)["id"] for line in joined.splitlines()]
    assert all(json.loads(line)["answer"].startswith("This is a simulated") for line in joined.splitlines())
    assert 4 == len(Path("whole.jsonl").read_text().splitlines())


def test_the_line_of_the_crontab_works_in_a_bare_environment(works: Callable[[str], str]) -> None:
    crontab = file_of("timers", "crontab -e").split(maxsplit=5)[5]
    line = crontab.replace("/home/me/.local/bin/mmpipe", "$PWD/bin/mmpipe").replace("/home/me", "$PWD")
    # The server of the test in place of the service.
    line = line.replace(" chat ", ' chat --base-url "$SERVER" ', 1)
    bare = 'env -i SERVER="$MINIMAX_BASE_URL" sh -c'
    works(f"mkdir -p .config/mmpipe; mv key .config/mmpipe/key; {bare} {shlex.quote(line)}")
    assert Path("digest.txt").read_text().startswith("This is a simulated")


def test_systemd_accepts_the_units(tmp_path: Path, needs: Callable[[str], None]) -> None:
    needs("systemd-analyze")
    for unit in ("digest.service", "digest.timer", "nightly.service"):
        text = file_of("timers", f"~/.config/systemd/user/{unit}")
        # The program of the unit has to exist.
        (tmp_path / unit).write_text(text.replace("%h/.local/bin/mmpipe", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *map(str, tmp_path.iterdir())],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_the_service_of_a_batch_takes_the_deadline_and_a_run_before_it_for_no_failure(
    works: Callable[[str], str],
) -> None:
    unit = file_of("timers", "~/.config/systemd/user/nightly.service")
    success = re.search(r"^SuccessExitStatus=(.*)$", unit, re.MULTILINE)
    command = re.search(r"^ExecStart=%h/.local/bin/(.*)$", unit, re.MULTILINE)
    assert success
    assert command
    assert [ExitStatus.TIMEOUT, ExitStatus.BUSY] == [*map(int, success[1].split())]
    # The server of the test in place of the service.
    line = (
        command[1].replace("%h/.config/mmpipe/key", 'key --base-url "$MINIMAX_BASE_URL"').replace("%h/", "")
    )
    ended = line.replace("50m", "0")
    works(f"{ended} || [ $? = {int(ExitStatus.TIMEOUT)} ]\n{line}\n{line}")
    assert 4 == len(Path("nightly.jsonl").read_text().splitlines())


def test_an_array_of_slurm_asks_each_record_once(works: Callable[[str], str]) -> None:
    """Also if it counts from 0; tests/interop/run_clusters.py runs it under a real Slurm."""
    script = file_of("slurm", "batch.sbatch")
    assert "#SBATCH --array=1-4%2\n" in script
    works(f"for SLURM_ARRAY_TASK_ID in 0 1 2 3; do export SLURM_ARRAY_TASK_ID; ({script}); done")
    works(shell_lines("slurm"))
    assert 4 == len(Path("slurm.jsonl").read_text().splitlines())


def test_an_indexed_job_of_kubernetes_asks_each_record_once(works: Callable[[str], str]) -> None:
    """tests/interop/run_clusters.py checks the manifests against the schemas of Kubernetes."""
    claim, job = yaml.safe_load_all(file_of("kubernetes", "job.yaml"))
    spec = job["spec"]
    template = spec["template"]["spec"]
    (container,), volumes = template["containers"], {volume["name"]: volume for volume in template["volumes"]}
    assert ("Indexed", 4, "Never") == (spec["completionMode"], spec["completions"], template["restartPolicy"])
    assert claim["metadata"]["name"] == volumes["data"]["persistentVolumeClaim"]["claimName"]
    rules = {
        rule["action"]: rule.get("onExitCodes", {}).get("values")
        for rule in spec["podFailurePolicy"]["rules"]
    }
    in_all_pods = [ExitStatus.USAGE, ExitStatus.AUTH, ExitStatus.INPUT]
    assert {"Ignore": None, "FailJob": in_all_pods, "FailIndex": [ExitStatus.PARTIAL]} == rules
    mount_secret(Path("secret"), Path("key").read_text(), volumes["key"]["secret"]["defaultMode"])
    words = [*container["command"], *container["args"]]
    # The server of the test in place of the service.
    base_url = '--base-url "$MINIMAX_BASE_URL"'
    assert f"`{base_url}`" in (GUIDES / "kubernetes.txt").read_text("utf-8")
    here = {"/etc/mmpipe": str(Path("secret").resolve()), " batch ": f" batch {base_url} "}
    for word, other in here.items():
        words = [part.replace(word, other) for part in words]
    pod = shlex.join(words)
    works(
        f"mkdir pods\nfor pod in 0 1 2 3; do JOB_COMPLETION_INDEX=$pod {pod}; done\n{shell_lines('kubernetes')}"
    )
    assert 4 == len(Path("pods.jsonl").read_text().splitlines())


def mount_secret(folder: Path, key: str, mode: int) -> None:
    """A Secret as a pod finds it: behind two links."""
    (folder / "..version").mkdir(parents=True)
    (folder / "..data").symlink_to("..version")
    (folder / "api-key").symlink_to("..data/api-key")
    (folder / "..data" / "api-key").write_text(key)
    (folder / "..data" / "api-key").chmod(mode)


def test_the_profile_of_a_server_is_a_valid_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(file_of("servers", "~/.config/mmpipe/config.toml"))
    assert {name for name, _ in read_config(path, "gpu")} == set(
        tomllib.loads(path.read_text())["profile"]["gpu"]
    )


def test_every_guide_is_in_the_manual() -> None:
    page = (Path(__file__).parents[2] / "completions" / "mmpipe.1").read_text("utf-8")
    assert [] == [name for name in NAMES if f".SH {read_guide(name).title}\n" not in page]
