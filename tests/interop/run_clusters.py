"""Runs the recipes for clusters as the guides have them: `python tests/interop/run_clusters.py [NAME]...`.

`slurm` starts munged, slurmctld and slurmd in a temporary folder, and runs an array of jobs. `kubernetes` checks the
manifests against the schemas of Kubernetes, from a package of the registry. `parallel` divides a batch among hosts that are
network namespaces, reached by a program in place of ssh. `ray` submits jobs to a cluster with Ray's own server of jobs, which
is installed from the registry. One line for each check: the recipe, the check, and `ok` or the reason. What cannot be started
is `not here` with the reason. The status is 1 if a check fails.

Slurm and namespaces need root. On Debian: `apt-get install slurmctld slurmd slurm-client munge parallel iproute2`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from checks import Wrong, result_of, working_folder
from clusters import file_of, namespaces, ray_head, shell_lines, simulator_in, slurm
from processes import LIMIT, Unavailable, find_free_port, find_program, make_environment, simulator

# Yields the name of each check with its result.
Suite = Callable[[Path], Iterator[tuple[str, str]]]

HOSTS = ("host1", "host2", "host3")
TOPICS = [f"topic {number}" for number in range(60)]
KEY = "sk-of-no-account-at-all-1"
_SSH = """\
#!/bin/sh
host=$1; shift
[ "$1" != -- ] || shift
# As sshd does.
export SHELL=/bin/sh
exec ip netns exec "$host" sh -c "$*"
"""


def variables(port: int, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a recipe: `mmpipe` is on the PATH, and asks the simulator at this port."""
    put_on_path(Path.cwd())
    service = {"MINIMAX_BASE_URL": f"http://127.0.0.1:{port}/v1", "MINIMAX_API_KEY": KEY}
    return {
        "PATH": f"{Path.cwd()}/bin:{os.environ['PATH']}",
        "HOME": str(Path.cwd()),
        **service,
        **(more or {}),
    }


def put_on_path(folder: Path) -> None:
    script = folder / "bin" / "mmpipe"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mmpipe "$@"\n')
    script.chmod(0o755)


def run(script: str, env: Mapping[str, str]) -> tuple[int, str]:
    """Run lines of a guide; returns the status, and all that they print."""
    done = subprocess.run(
        ("bash", "-euo", "pipefail", "-c", script),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    return done.returncode, done.stdout.strip()


def check_run(script: str, env: Mapping[str, str]) -> None:
    """Run lines of a guide. Raises Wrong with what they print unless they end with 0."""
    status, printed = run(script, env)
    if status:
        raise Wrong(f"status {status}: {printed}")


def check_whole(path: str) -> None:
    """Raise Wrong unless the file has one good answer to each topic."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    if sorted(line["index"] for line in lines) != [*range(len(TOPICS))] or any(
        line["error"] for line in lines
    ):
        raise Wrong(f"{path} has not each topic once, with a good answer")


def run_slurm(folder: Path) -> Iterator[tuple[str, str]]:
    Path("batch.sbatch").write_text(file_of("slurm", "batch.sbatch"))
    ports = find_free_port(), find_free_port()
    with simulator(folder) as port, slurm(folder / "cluster", ports) as cluster:
        env = variables(port, cluster)
        # As root, the batch shell of slurmd has the variables of sbatch.
        yield "slurm, an array of jobs", result_of(partial(check_run, "sbatch --wait batch.sbatch", env))
        yield "slurm, --merge", result_of(partial(check_merged, env))
        yield "slurm, one shard run again", result_of(partial(check_run_again, env))


def check_run_again(env: Mapping[str, str]) -> None:
    """Lose a journal, run its shard again as --merge advises, and merge."""
    Path("slurm/3.jsonl").unlink()
    merging = f"{shell_lines('slurm')} --overwrite"
    status, printed = run(merging, env)
    if status != 12 or not printed.endswith("run shard 3 of 4 with --resume"):
        raise Wrong(f"status {status}: {printed}")
    check_run(f"sbatch --wait --array=3 batch.sbatch && {merging}", env)
    check_whole("slurm.jsonl")


def check_merged(env: Mapping[str, str]) -> None:
    """Merge as the guide has it. Raises Wrong unless the result has one good answer to each topic."""
    check_run(shell_lines("slurm"), env)
    check_whole("slurm.jsonl")


def run_kubernetes(folder: Path) -> Iterator[tuple[str, str]]:
    Path("job.yaml").write_text(file_of("kubernetes", "job.yaml"))
    validate = make_environment(folder / "kubernetes", "kubernetes-validate") / "kubernetes-validate"
    for version in ("1.29", "1.33"):
        command = f"{validate} --strict -k {version} job.yaml"
        yield f"kubernetes {version}, the manifests", result_of(partial(check_run, command, os.environ))


def run_parallel(folder: Path) -> Iterator[tuple[str, str]]:
    find_program("parallel")
    ssh, port = folder / "ssh", find_free_port()
    ssh.write_text(_SSH)
    ssh.chmod(0o755)
    env = variables(port, {"PARALLEL_SSH": str(ssh)})
    with ExitStack() as stack:
        stack.enter_context(namespaces(HOSTS))
        for host in HOSTS:
            stack.enter_context(simulator_in(host, port, folder))
        yield "parallel, 12 shards on 3 hosts", result_of(partial(check_divided, env))
        asked = [len((folder / f"{host}.log").read_text().splitlines()) for host in HOSTS]
        is_divided = all(asked) and sum(asked) == len(TOPICS)
        yield "parallel, each host asks its part", "ok" if is_divided else f"they were asked {asked}"


def check_divided(env: Mapping[str, str]) -> None:
    check_run(file_of("shards", "over-ssh.sh"), env)
    check_run("mmpipe batch --merge parts -o parallel.jsonl", env)
    check_whole("parallel.jsonl")


def run_ray(folder: Path) -> Iterator[tuple[str, str]]:
    """The key is in the environment of the node alone."""
    project = Path(__file__).resolve().parents[2]
    programs = make_environment(folder / "environment", f"{project}[ray]", "ray[default]")
    own = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder)}
    ports = find_free_port(), find_free_port()
    with simulator(folder) as port:
        node = {name: value for name, value in variables(port).items() if name.startswith("MINIMAX")}
        with ray_head(programs / "ray", folder, ports, {**own, **node}):
            script = file_of("cluster", "submit.sh").replace("/data", str(folder))
            script = script.replace("http://10.0.0.5:8265", f"http://127.0.0.1:{ports[1]}")
            yield "ray job submit, a batch", result_of(partial(check_job, script, own))
            yield "ray job submit, --resume", result_of(partial(check_job, script, own, kept=20))
            yield "ray job submit, a failure", result_of(partial(check_failed_job, script, own))


def check_job(script: str, env: Mapping[str, str], kept: int = 0) -> None:
    """Submit as the guide has it, with so many lines of an earlier run. Raises Wrong unless each topic has its answer."""
    out = Path("out.jsonl")
    if kept:
        out.write_text("".join(out.read_text().splitlines(keepends=True)[:kept]))
    check_run(script, env)
    check_whole(str(out))


def check_failed_job(script: str, env: Mapping[str, str]) -> None:
    status, printed = run(script.replace(" --resume", ""), env)
    if status != 1 or "mmpipe: usage: " not in printed or "exit code 2" not in printed:
        raise Wrong(f"status {status}: {printed}")


SUITES: Mapping[str, Suite] = {
    "slurm": run_slurm,
    "kubernetes": run_kubernetes,
    "parallel": run_parallel,
    "ray": run_ray,
}


def main(names: list[str]) -> int:
    failed = 0
    # Daemons and namespaces end with the program, whatever ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as temporary:
        for name in names or SUITES:
            folder = Path(temporary) / name
            folder.mkdir()
            with working_folder(folder):
                Path("topics.txt").write_text("".join(f"{topic}\n" for topic in TOPICS))
                try:
                    for check, result in SUITES[name](folder):
                        print(f"{check:40} {result}", flush=True)
                        failed += result != "ok"
                except Unavailable as error:
                    print(f"{name:40} not here: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
