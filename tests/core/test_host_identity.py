"""Two spellings of one host are one; the simulator is one at every port, and nothing else is the simulator."""

import pytest

from mmpipe.core.host_identity import SIMULATOR, SIMULATOR_KEY, follows_catalogue, identify_host

SAME = {
    "https://api.minimaxi.com/v1": (
        "https://api.minimaxi.com:443/v1", "https://API.MiniMaxi.com/v1/", "HTTPS://api.minimaxi.com./v1",
    ),
    "http://10.0.0.7:8000": ("http://10.0.0.7:8000/", "http://10.0.0.7:08000"),
    "http://gpu:8000/v1": ("http://gpu.:8000/v1//",),
    "http://[::1]:8000/v1": ("http://[::1]:8000/v1/",),
    "http://localhost/v1": ("http://localhost:80/v1",),
}  # fmt: skip
OTHERS = (
    "https://api.minimax.io/v1", "http://api.minimaxi.com/v1", "https://api.minimaxi.com", "https://api.minimaxi.com/v2",
    "https://api.minimaxi.com/V1", "https://api.minimaxi.com:8443/v1", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8001/v1",
)  # fmt: skip


@pytest.mark.parametrize(("name", "spellings"), SAME.items())
def test_spellings_of_one_host_have_one_name(name: str, spellings: tuple[str, ...]) -> None:
    assert {name} == {identify_host(spelling, None) for spelling in (name, *spellings)}


def test_another_scheme_port_path_or_region_is_another_host() -> None:
    names = {identify_host(base_url, "sk-real") for base_url in (*SAME, *OTHERS)}
    assert len(SAME) + len(OTHERS) == len(names)
    assert SIMULATOR not in names


@pytest.mark.parametrize(
    ("base_url", "key", "is_simulator"),
    [
        ("http://127.0.0.1:40001/v1", SIMULATOR_KEY, True),
        ("http://127.0.0.1:40002/v1", SIMULATOR_KEY, True),
        ("http://localhost:40003/v1", SIMULATOR_KEY, True),
        ("http://127.0.0.1:40001/v1", "sk-real", False),
        ("http://127.0.0.1:40001/v1", None, False),
        ("https://api.minimaxi.com/v1", SIMULATOR_KEY, False),
        ("http://10.0.0.7:8000/v1", SIMULATOR_KEY, False),
    ],
)
def test_the_simulator_is_known_by_its_key_on_this_machine(
    base_url: str, key: str | None, is_simulator: bool
) -> None:
    assert is_simulator == (identify_host(base_url, key) == SIMULATOR)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, True),
        ("mmpipe sim", True),
        ("https://api.minimax.io/v1", True),
        ("https://api.minimaxi.com/v1", True),
        ("http://127.0.0.1:8000/v1", False),
        ("https://example.org/minimax", False),
    ],
)
def test_models_and_prices_of_the_catalogue_are_those_of_minimax_and_its_simulator(
    host: str | None, expected: bool
) -> None:
    assert expected is follows_catalogue(host)
