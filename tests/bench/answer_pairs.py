"""Each answer belongs to its record: `python tests/bench/answer_pairs.py [RECORDS]`; ends with 1 if one does not.

A batch of 200,000 records, 200 in flight, at `pairs_server.py`. Each answer is the hash of its prompt, so that a wrong pair
shows; each record has one line, whose error is the one that its answer deserves.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pairs_server import hash_of
from stub_server import as_id, as_object, as_text, environment, write_lines

SERVER = Path(__file__).with_name("pairs_server.py")
HASH = re.compile("[0-9a-f]{64}")
RECORDS, AT_ONCE, SEED = 200_000, 200, 15
COMMAND = (sys.executable, "-m", "mmpipe", "batch", "-q", "-j", str(AT_ONCE), "--retries", "20")


def judge(line: dict[str, object]) -> str:
    """The kind of a line: `good`, or what is wrong with it."""
    prompt = as_text(int(str(line["id"])[4:]))
    wanted, error = hash_of(prompt), line["error"]
    name = error["name"] if isinstance(error, dict) else "ok"
    match wanted[:2]:
        case "00":
            # The reason is missing where the body was cut; the status decides.
            told = HASH.search(str(error["message"])) if isinstance(error, dict) else None
            right = name == "rejected" and (told is None or told[0] == wanted)
            return "rejected" if right else f"wrong: {name} instead of rejected"
        case "01":
            right = line["content"] == wanted and name == "cut short"
            return "cut short" if right else f"wrong: {name} instead of cut short"
        case _ if name != "ok":
            return f"wrong: {name}"
        case _:
            return "good" if line["content"] == wanted else "wrong pair"


def run(records: int) -> int:
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            (sys.executable, SERVER, str(SEED)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        assert server.stdout is not None
        base_url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        source, journal = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        write_lines(source, as_object, records)
        command = (*COMMAND, "--base-url", base_url, "-o", str(journal), str(source))
        status = subprocess.run(command, check=False, env=environment(folder)).returncode
        seconds = time.monotonic() - began
        done = json.loads(server.communicate()[0])
        lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    kinds = Counter(map(judge, lines))
    lost = {as_id(number) for number in range(records)} - {line["id"] for line in lines}
    print(f"{records} records, {AT_ONCE} in flight: status {status}, {seconds:.0f} s")
    print("the server:", ", ".join(f"{count} {name}" for name, count in sorted(done.items())))
    print("the lines:", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    print(f"{len(lost)} lost, {len(lines) - len({line['id'] for line in lines})} twice")
    is_right = (
        status == 14
        and not lost
        and len(lines) == records
        and kinds.keys() <= {"good", "rejected", "cut short"}
    )
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS))
