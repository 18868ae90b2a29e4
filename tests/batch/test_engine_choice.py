"""What the nodes of a cluster cannot have is refused before anything starts."""

import pytest

from support.in_process import run_in_process


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("-", "on standard input"),
        *(
            (path, f"in a descriptor of this process (--api-key-file {path})")
            for path in (
                "/dev/fd/63",
                "/dev//fd/63",
                "/dev/stderr",
                "/proc/self/fd/63",
                "/proc/thread-self/fd/63",
                "/proc/1/task/1/fd/63",
            )
        ),
    ],
)
def test_a_key_that_only_this_process_can_read_is_refused_at_once(path: str, place: str) -> None:
    done = run_in_process("batch", __file__, "--engine", "ray", "--api-key-file", path)
    assert (
        f"mmpipe: usage: --engine ray: the key is {place}, where the nodes cannot read it; "
        "name a file, or set api_key_command in the configuration\n"
    ) == done.stderr_text
    assert (2, b"") == (done.status, done.stdout)
