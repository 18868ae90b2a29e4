"""A tool gets no key, neither in its environment nor from the environment of its parent."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.errors import UsageError
from mmpipe.tools.environment import check_key, select_environment

pytestmark = pytest.mark.tools

KEY = "sk-api-4f2c-not-a-real-one-91ab"


def test_a_tool_gets_the_usual_variables_and_no_other() -> None:
    full = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "TZ": "UTC", "AWS_SECRET": "s", "LD_PRELOAD": "x"}
    assert {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "TZ": "UTC"} == select_environment(full, [])


def test_a_variable_that_the_user_names_is_given_if_there_is_one() -> None:
    assert {"PATH": "/bin", "DB": "x"} == select_environment({"PATH": "/bin", "DB": "x"}, ["DB", "NONE"])


def test_without_a_path_programs_are_found_all_the_same() -> None:
    assert "/usr/bin" in select_environment({}, [])["PATH"].split(":")


@pytest.mark.parametrize("name", ["MINIMAX_API_KEY", "OPENAI_API_KEY", "COPY", "HEADER", "PADDED"])
def test_a_key_is_given_under_no_name(name: str) -> None:
    full = {"MINIMAX_API_KEY": KEY, "COPY": KEY, "HEADER": f"Bearer {KEY}", "PADDED": f" {KEY}\n"}
    with pytest.raises(UsageError, match=f"--tool-env {name}: no tool gets an API key"):
        select_environment(full, [name])


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_an_invalid_name_of_a_variable_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a valid name of a variable"):
        select_environment({}, [name])


def test_a_short_key_does_not_take_the_path_away() -> None:
    assert {"PATH": "/bin"} == select_environment({"PATH": "/bin", "OPENAI_API_KEY": "b"}, [])


@given(
    st.dictionaries(
        st.sampled_from(["PATH", "LANG", "LC_X", "SHELL", "OTHER", "OPENAI_API_KEY"]), st.just(KEY)
    )
)
def test_no_value_that_a_tool_gets_is_the_key(rest: dict[str, str]) -> None:
    assert KEY not in select_environment({"MINIMAX_API_KEY": KEY, **rest}, []).values()


# Says what a tool sees of its parent. The test takes every capability from root: CAP_SYS_PTRACE, and since Linux 6.17
# CAP_PERFMON too, may read the memory of others.
SPY = """
import json, os, pathlib, sys
try:
    seen = pathlib.Path("/proc", sys.argv[1], "environ").read_bytes()
except OSError as error:
    seen = error.strerror.encode()
print(json.dumps(seen.decode()))
"""
PARENT = """
import os, sys, threading
from mmpipe.tools.environment import hide_environment
from mmpipe.tools.environment import select_environment
from mmpipe.tools.process import Containment, run_contained
if sys.argv[1] == "hidden":
    assert hide_environment()
containment = Containment(select_environment(os.environ, []), None, 20.0)
done = run_contained([sys.executable, "-c", sys.argv[2], str(os.getpid())], b"", containment, threading.Event())
sys.stdout.buffer.write(done.output + done.errors)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc to read")
@pytest.mark.parametrize(("how", "sees"), [("hidden", False), ("open", True)])
def test_a_tool_cannot_read_the_key_of_its_parent(how: str, sees: bool, needs: Callable[[str], None]) -> None:
    needs("setpriv")
    setpriv = shutil.which("setpriv") or "setpriv"
    done = subprocess.run(
        [
            *(setpriv, "--inh-caps", "-all", "--bounding-set", "-all"),
            *(sys.executable, "-c", PARENT, how, SPY),
        ],
        env={"MINIMAX_API_KEY": KEY, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert b"" == done.stderr
    assert sees == (KEY in json.loads(done.stdout))


FILED = "sk-key-from-a-file"


@pytest.mark.parametrize("value", [FILED, f" {FILED}\n", f"token={FILED}", f"https://x/?k={FILED}"])
def test_no_variable_for_tools_holds_a_key_that_came_from_a_file(value: str) -> None:
    with pytest.raises(UsageError, match="--tool-env TOKEN: no tool gets an API key"):
        check_key({"PATH": "/bin", "TOKEN": value}, FILED)


def test_a_variable_that_only_looks_like_the_key_is_given() -> None:
    check_key({"PATH": "/bin", "TOKEN": "sk-key-from-a-fil", "EMPTY": ""}, FILED)
    check_key({"WORD": "text"}, "tex")
