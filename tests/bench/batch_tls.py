"""The cost of TLS on loopback, for `batch` and for bare aiohttp: `python tests/bench/batch_tls.py [ROUNDS]`.

Each is measured without and with TLS, in alternated runs. The start is subtracted: a run over 2,000 records, in which all
connections are opened. Each of them is one handshake, so their number is printed beside it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from batch_speed import AIOHTTP, OURS, command
from measure import cost_of
from stub_server import StubServer, environment

FEW, RECORDS, AT_ONCE, ROUNDS = 2_000, 10_000, 64, 3
NAMES = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")


def make_certificate(folder: str) -> str:
    """A certificate of its own with its key, in one file."""
    path, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
    asked = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *NAMES)
    subprocess.run((*asked, "-keyout", key, "-out", path), check=True, stderr=subprocess.DEVNULL)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return str(path)


def run(rounds: int) -> None:
    costs, connections = dict[tuple[str, bool, int], list[float]](), dict[tuple[str, bool], int]()
    with tempfile.TemporaryDirectory() as folder:
        certificate = make_certificate(folder)
        trusting = environment(folder) | {"SSL_CERT_FILE": certificate}
        for _ in range(rounds):
            for name in (AIOHTTP, OURS):
                for secured in (False, True):
                    for records in (FEW, RECORDS):
                        with StubServer(answers=("", "0", certificate) if secured else ()) as answering:
                            cost = cost_of(command(name, answering, folder, records, AT_ONCE), trusting).cpu
                        costs.setdefault((name, secured, records), []).append(cost)
                        connections[name, secured] = answering.connections
    print(f"{RECORDS} records, {AT_ONCE} at once, {rounds} rounds, start-up subtracted:")
    for name in (AIOHTTP, OURS):
        plain: list[float] = []
        for secured in (False, True):
            each = [
                (of(costs[name, secured, RECORDS]) - of(costs[name, secured, FEW])) / (RECORDS - FEW)
                for of in (min, median)
            ]
            plain = plain or each
            print(
                f"  {name:13} {'TLS' if secured else 'plain':5}  CPU {each[0] * 1e3:6.3f} ms a record  {each[0] / plain[0]:4.2f} x"
                f"   median {each[1] * 1e3:6.3f} ms  {each[1] / plain[1]:4.2f} x"
                f"   first {FEW} {min(costs[name, secured, FEW]):5.2f} s   {connections[name, secured]} connections"
            )
    print(f"load {Path('/proc/loadavg').read_text(encoding='ascii').strip()}")


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
