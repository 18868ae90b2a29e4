"""The lean import of the SDK loads little, hides nothing, and is noticed when it stops being worth it."""

import subprocess
import sys

import pytest

LEAN = """
import sys
from mmpipe.api.http.lean_import import lean_openai
with lean_openai():
    import openai
"""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_the_types_of_other_endpoints_stay_unloaded() -> None:
    count = "print(sum(name.startswith('openai.types') for name in sys.modules))"
    lean, plain = int(python(LEAN + count)), int(python(f"import sys, openai; {count}"))
    # With openai 3.54 it is less than a fifth; of 3.0, which imports more by its own way, half.
    assert lean < plain * 0.6


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
def test_a_name_that_does_not_exist_is_still_an_error() -> None:
    code = LEAN + "print(hasattr(openai.types, 'NoSuchType'), hasattr(openai.types, '__no_such__'))"
    assert "False False" == python(code)


@pytest.mark.slow
def test_the_finder_is_gone_afterwards() -> None:
    assert "[]" == python(LEAN + "print([f for f in sys.meta_path if 'lean' in type(f).__module__])")
