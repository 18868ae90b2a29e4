"""The lean import of the SDK loads little, hides nothing, and is noticed when it stops being worth it."""

import subprocess
import sys

import pytest

LEAN = """
import sys
from mmpipe.api.http.lean_import import lean_openai
with lean_openai():
    import openai
    openai.OpenAI
"""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_the_types_of_other_endpoints_stay_unloaded() -> None:
    count = "print(sum(name.startswith('openai.types') for name in sys.modules))"
    lean, plain = int(python(LEAN + count)), int(python(f"import sys, openai; {count}"))
    # With openai 3.0, 3.20 and 3.57 it is 3.
    assert lean < plain * 0.1


@pytest.mark.slow
def test_aiohttp_stays_out_where_it_is_not_used() -> None:
    assert "False" == python(LEAN + "print('aiohttp' in sys.modules)")


@pytest.mark.slow
def test_every_type_is_there_when_it_is_asked_for() -> None:
    names = (
        "from openai.types.chat import ChatCompletion, ChatCompletionChunk\n"
        "from openai.types.responses import Response\n"
        "from openai.types import Batch\n"
        "print(ChatCompletion.__name__, Response.__name__, Batch.__name__, openai.types.Model.__name__)"
    )
    assert "ChatCompletion Response Batch Model" == python(LEAN + names)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["types", "chat", "models", "beta", "audio", "completions", "files", "lib"])
def test_a_part_of_the_sdk_is_there_when_it_is_asked_for_first(name: str) -> None:
    code = f"found = type(openai.{name}).__name__; from openai import {name}; print(found, {name} is openai.{name})"
    plain = f"import openai; {code}"
    assert python(plain) == python(LEAN.replace("    openai.OpenAI\n", "") + code)


@pytest.mark.slow
def test_the_clients_of_other_clouds_stay_unloaded() -> None:
    assert "[]" == python(
        LEAN
        + "print([name for name in sys.modules if name.startswith('openai.lib.') and 'auth' not in name])"
    )


@pytest.mark.slow
def test_of_the_network_library_only_what_connects_is_loaded() -> None:
    code = LEAN + "    import httpcore2\n    httpcore2.SyncBackend, httpcore2.ReadTimeout\n"
    assert "False False" == python(code + "print('h11' in sys.modules, 'socksio' in sys.modules)")


@pytest.mark.slow
@pytest.mark.parametrize("package", ["openai", "httpcore2"])
def test_every_public_name_is_what_it_is_after_a_plain_import(package: str) -> None:
    names = python(f"import {package}; print({package}.__all__)")
    show = f"""
import {package}
def show(name):
    value = getattr({package}, name)
    return name, type(value).__name__, getattr(value, "__qualname__", value if isinstance(value, str) else "")
print({package}.__version__, list(map(show, {names})))
"""
    lean = LEAN + f"    import {package}\n"
    # Before and after `__init__` has run.
    assert python(show) == python(lean + show) == python(f"{lean}assert {package}.__all__{show}")


@pytest.mark.slow
def test_a_name_that_does_not_exist_is_still_an_error() -> None:
    code = (
        LEAN
        + "print(hasattr(openai.types, 'NoSuchType'), hasattr(openai.types, '__no_such__'), hasattr(openai, 'no_such'))"
    )
    assert "False False False" == python(code)


@pytest.mark.slow
def test_the_finder_is_gone_afterwards() -> None:
    assert "[]" == python(LEAN + "print([f for f in sys.meta_path if 'lean' in type(f).__module__])")
