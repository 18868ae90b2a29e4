"""Two laws over all combinations of sources: the source of a setting, and the hosts that may get a key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.config.config_file import resolve_path
from mmpipe.config.options import DEFAULTS, FILE_KEYS, HOSTS
from mmpipe.config.settings import Settings
from mmpipe.core.endpoint import Key
from mmpipe.errors import AuthError, UsageError
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.streams import Input
from support.law_examples import share
from support.transcripts import IN_ONE_FOLDER

INPUTS = Inputs(Input(-1))

pytestmark = pytest.mark.laws

OWN: Final = ("cn", "intl", "https://api.minimax.cn/v1")
ELSEWHERE: Final = tuple(
    f"https://{place}.example/v1" for place in ("file", "profile", "environment", "option")
)
PLACES: Final = ("file", "profile", "environment", "option")
PROFILE: Final = "p"


def written(folder: Path, top: Mapping[str, object], profile: Mapping[str, object]) -> Path:
    """Return the text of a configuration file; JSON strings, numbers and arrays are valid TOML."""
    path = folder / "mmpipe" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    lines = [
        *(f"{name} = {in_toml(value)}" for name, value in top.items()),
        f"[profile.{PROFILE}]",
        *(f"{name} = {in_toml(value)}" for name, value in profile.items()),
    ]
    path.write_text("\n".join(lines))
    return path


def in_toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {in_toml(inner)}' for name, inner in value.items())}}}"
    return json.dumps(value)


def values_of(name: str) -> st.SearchStrategy[object]:
    """Return a strategy for the values that a configuration file may have."""
    kind = FILE_KEYS[name]
    if kind is dict:
        return st.dictionaries(st.text("abc", min_size=1), st.integers(1, 9), max_size=2)
    if kind is bool:
        return st.booleans()
    if name == "limiter":
        return st.sampled_from(["redis://a:6379/0", "redis://b:7000/2"])
    return st.integers(1, 99) if kind is not str and name != "api_key_command" else st.text("abc", min_size=1)


def layer(names: list[str]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional={name: values_of(name) for name in names})


@pytest.mark.slow
@settings(IN_ONE_FOLDER, max_examples=share(200))
@given(
    layer([*FILE_KEYS]),
    layer([*FILE_KEYS]),
    layer([*FILE_KEYS]),
    st.none() | st.sampled_from(OWN),
    st.booleans(),
)
def test_each_setting_comes_from_the_last_place_that_has_it_and_its_source_is_reported(
    tmp_path: Path,
    top: dict[str, object],
    profile: dict[str, object],
    options: dict[str, object],
    host: str | None,
    is_chosen: bool,
) -> None:
    path = written(tmp_path, top, profile)
    environment = {"XDG_CONFIG_HOME": str(tmp_path), **({"MINIMAX_BASE_URL": host} if host else {})}
    untyped: dict[str, object] = dict.fromkeys(FILE_KEYS)
    name_two_hosts = is_chosen and host and profile.get("base_url", host) != host
    if name_two_hosts and options.get("base_url") is None:
        with pytest.raises(UsageError, match="unset MINIMAX_BASE_URL"):
            Settings({**untyped, **options}, environment, PROFILE)
        return
    found = Settings({**untyped, **options}, environment, PROFILE if is_chosen else None)
    explained = set(found.explain())
    for name in FILE_KEYS:
        value, source = DEFAULTS.get(name), "default"
        for place, content in (
            (str(path), top),
            (f"{path} [profile.{PROFILE}]", profile if is_chosen else {}),
            ("environment", {"base_url": host} if host else {}),
            ("option", options),
        ):
            if name in content:
                value, source = content[name], place
        if name in ("api_key_file", "ca_file") and source.startswith("/"):
            value = resolve_path(path, str(value))
        assert value == found.get(name)
        assert (source == "option") == found.is_typed(name)
        if value is not None:
            shown = (
                "..."
                if name.startswith("api_key")
                else str(value).lower()
                if isinstance(value, bool)
                else value
            )
            setting = f"{name} = {shown}"
            if isinstance(value, bool) and source == "option":
                setting = f"--{'' if value else 'no-'}{name.replace('_', '-')}"
            assert f"{setting} ({source})" in explained


def value_of(key: Key | None) -> str | None:
    return None if key is None else key.value


def keys(folder: Path) -> dict[str, str]:
    """Write a key file for each place that can name one; the key is the name of the place."""
    for place in PLACES:
        (folder / place).write_text(f"key-of-{place}\n")
    return {place: str(folder / place) for place in PLACES}


def taken(places: set[str], order: tuple[str, ...]) -> str:
    return next((place for place in order if place in places), "default")


ORDER: Final = ("option", "environment", "profile", "file")


SOME_PLACES: Final = st.sets(st.sampled_from(PLACES))


@pytest.mark.slow
@settings(IN_ONE_FOLDER, max_examples=share(300))
@given(SOME_PLACES, SOME_PLACES, st.booleans())
def test_a_key_goes_to_a_host_of_minimax_a_typed_one_or_one_from_the_same_place_and_nowhere_else(
    tmp_path: Path, keyed: set[str], hosted: set[str], is_own: bool
) -> None:
    files = keys(tmp_path)
    hosts = dict(zip(PLACES, OWN * 2 if is_own else ELSEWHERE, strict=False))

    def section(place: str) -> dict[str, object]:
        key = {"api_key_file": files[place]} if place in keyed else {}
        return {**key, **({"base_url": hosts[place]} if place in hosted else {})}

    written(tmp_path, section("file"), section("profile"))
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    environment |= {"MINIMAX_API_KEY": "key-of-environment"} if "environment" in keyed else {}
    environment |= {"MINIMAX_BASE_URL": hosts["environment"]} if "environment" in hosted else {}
    if (
        {"profile", "environment"} <= hosted
        and "option" not in hosted
        and hosts["profile"] != hosts["environment"]
    ):
        with pytest.raises(UsageError, match="unset MINIMAX_BASE_URL"):
            Settings(section("option"), environment, PROFILE)
        return
    found = Settings(section("option"), environment, PROFILE)
    # A typed key is the only one, and a setting of the profile replaces that of the file.
    places = {"option"} if "option" in keyed else keyed - ({"file"} if "profile" in keyed else set())
    host = taken(hosted, ORDER)
    is_of_minimax = is_own or host == "default"
    may_go = {place for place in places if is_of_minimax or host in ("option", place)}
    is_keyless = host in ("option", "file", "profile") and not is_of_minimax
    has_other_key = places if host == "file" else places & {"option"}
    if not may_go and (not is_keyless or has_other_key):
        with pytest.raises(AuthError, match="is not sent to" if places else "no API key"):
            found.endpoint(INPUTS)
        return
    endpoint = found.endpoint(INPUTS)
    named = DEFAULTS["base_url"] if host == "default" else hosts[host]
    sent = Key(f"key-of-{taken(may_go, ORDER)}", "") if may_go else None
    assert (HOSTS.get(str(named), named), value_of(sent)) == (endpoint.base_url, value_of(endpoint.key))


QUICK_START: Final = {"OPENAI_API_KEY": "key-of-openai", "OPENAI_BASE_URL": ELSEWHERE[0]}


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.sampled_from([value, ""]) for name, value in QUICK_START.items()}
    ),
    st.booleans(),
    st.sampled_from([None, *ELSEWHERE[:2]]),
    st.sampled_from([None, *ELSEWHERE[:3]]),
)
def test_a_key_of_the_quick_start_goes_to_its_own_host_or_nowhere(
    pair: dict[str, str], has_own_key: bool, typed: str | None, host: str | None
) -> None:
    environment = pair | ({"MINIMAX_API_KEY": "key-of-minimax"} if has_own_key else {})
    environment |= {"MINIMAX_BASE_URL": host} if host else {}
    try:
        endpoint = Settings({"base_url": typed}, environment).endpoint(INPUTS)
    except AuthError:
        assert not has_own_key
        # Refused is what lacks a half, unless the host was typed; and what is to go elsewhere.
        is_whole = all(pair.get(name) for name in QUICK_START)
        assert typed not in (None, ELSEWHERE[0]) if is_whole else typed is None
        return
    if has_own_key:
        expected: tuple[str | None, str] = "key-of-minimax", typed or host or HOSTS["cn"]
    elif all(pair.get(name) for name in QUICK_START):
        expected = "key-of-openai", ELSEWHERE[0]
    else:
        assert typed is not None
        expected = None, typed
    assert expected == (value_of(endpoint.key), endpoint.base_url)
