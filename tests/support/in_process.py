"""Runs one command inside the tests' own process, from its arguments to its exit status: a table of cases takes seconds."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace

from mmpipe.main import main
from mmpipe.simulator.server import RunningSimulator
from mmpipe.unix.streams import Input, Streams
from support.harness import Finished, environment


def run_in_process(
    *arguments: str,
    server: RunningSimulator | None = None,
    stdin: bytes | int = b"",
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run the command and return the result; `stdin` holds the bytes, or is the descriptor to read from."""
    with closing(Streams.fake(stdin if isinstance(stdin, bytes) else b"")) as fake:
        streams = (
            replace(fake, stdin=Input(stdin, is_terminal=os.isatty(stdin)))
            if isinstance(stdin, int)
            else fake
        )
        with _only(environment(server, env)):
            status = main(arguments, streams)
        return Finished(status, *streams.captured())


@contextmanager
def _only(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
