"""Starts what clusters are made of: Slurm's own daemons, a node of Ray, and hosts that are network namespaces."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from processes import LIMIT, Unavailable, find_program, wait_for_port

from mmpipe.api.ray_pool.session import kill_session
from mmpipe.reference.guide_text import Code, read_guide

_SLURM_CONF = """\
ClusterName=recipes
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def shell_lines(guide: str) -> str:
    """The lines of a guide that are for a shell."""
    codes = [block for block in read_guide(guide).blocks if isinstance(block, Code)]
    return "\n".join(line for code in codes if code.file is None for line in code.lines)


def file_of(guide: str, file: str) -> str:
    """A file that stands in a guide."""
    codes = [block for block in read_guide(guide).blocks if isinstance(block, Code)]
    (found,) = (code for code in codes if code.file == file)
    return "\n".join(found.lines[1:]) + "\n"


@contextmanager
def daemon(command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a daemon in the foreground while the context lasts."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(env or {})}
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Return when it is so. Raises Unavailable with the reason `otherwise` if that takes too long."""
    end = time.monotonic() + LIMIT
    while not is_so():
        if time.monotonic() > end:
            raise Unavailable(otherwise)
        time.sleep(0.2)


@contextmanager
def slurm(folder: Path, ports: tuple[int, int]) -> Iterator[Mapping[str, str]]:
    """A cluster of one node with four processors; yields the variables of its commands. Raises Unavailable."""
    programs = [find_program(name) for name in ("munged", "slurmctld", "slurmd", "sinfo", "sbatch")]
    if os.geteuid():
        raise Unavailable("its node runs jobs as root alone")
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    key, conf = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    conf.write_text(_SLURM_CONF.format(host=host, folder=folder, controller=ports[0], node=ports[1]))
    env = {"SLURM_CONF": str(conf)}
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munged = [programs[0], "--foreground", "--force"]
    munged += [f"--{option}={folder}/munge.{ending}" for option, ending in files.items()]
    with ExitStack() as stack:
        stack.enter_context(daemon(munged, folder / "munged.out"))
        wait_until((folder / "munge.socket").exists, "munged opens no socket")
        stack.enter_context(daemon((programs[1], "-D", "-c"), folder / "slurmctld.out", env))
        stack.enter_context(daemon((programs[2], "-D"), folder / "slurmd.out", env))

        def is_idle() -> bool:
            shown = subprocess.run(
                (programs[3], "-h", "-o", "%T"),
                env={**os.environ, **env},
                capture_output=True,
                text=True,
                check=False,
            )
            return shown.stdout.split() == ["idle"]

        wait_until(is_idle, "its node does not become idle")
        yield env


@contextmanager
def ray_head(program: Path, folder: Path, ports: tuple[int, int], env: Mapping[str, str]) -> Iterator[None]:
    """The head of a cluster of Ray, with its server of jobs at the second port. Raises Unavailable."""
    words = ["start", "--head", "--block", "--disable-usage-stats", f"--temp-dir={folder}/files"]
    words += [f"--port={ports[0]}", f"--dashboard-port={ports[1]}", "--num-cpus=2"]
    log = folder / "ray.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            (program, *words),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_for_port(ports[1], process, log)
        yield
    finally:
        # `ray stop` would end the clusters of others, too.
        kill_session(process.pid)
        process.wait()


@contextmanager
def namespaces(names: Sequence[str]) -> Iterator[None]:
    """Hosts of these names: network namespaces with nothing but a loopback of their own. Raises Unavailable."""
    ip = find_program("ip")
    with ExitStack() as stack:
        for name in names:
            for words in (("netns", "add", name), ("-n", name, "link", "set", "lo", "up")):
                done = subprocess.run((ip, *words), capture_output=True, text=True, check=False)
                if done.returncode:
                    raise Unavailable(f"ip {' '.join(words)}: {done.stderr.strip()}")
                if "add" in words:
                    stack.callback(subprocess.run, (ip, "netns", "del", name), check=False)
        yield


@contextmanager
def simulator_in(namespace: str, port: int, folder: Path) -> Iterator[None]:
    """Run `mmpipe sim` on a host; its requests are in NAMESPACE.log."""
    command = ("ip", "netns", "exec", namespace, sys.executable, "-m", "mmpipe", "sim", "--port", str(port))
    printed = folder / f"{namespace}.out"
    with daemon((*command, "--log", str(folder / f"{namespace}.log")), printed):
        wait_until(lambda: str(port) in printed.read_text(), f"no simulator listens in {namespace}")
        yield
