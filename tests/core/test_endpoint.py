"""A key is masked in every text, wherever it stands."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.core.endpoint import Endpoint, Key, is_loopback
from mmpipe.errors import InputError
from mmpipe.text.json_encoding import encode_json

pytestmark = pytest.mark.keys

KEY = Key("sk-test-SECRETsecret0123", "environment")
AROUND = st.text(st.sampled_from("\u0130\u1e9e\ufb03Aa \n") | st.characters(), max_size=30)


@given(AROUND, AROUND, st.sampled_from([KEY.value, KEY.value.upper(), KEY.value.lower(), KEY.value[:12]]))
def test_a_key_is_masked_in_any_surrounding_text(before: str, after: str, key: str) -> None:
    shown = KEY.mask(f"{before}{key}.{after}")
    assert f"{before}***.{after}" == shown


@pytest.mark.parametrize("key", ["", "k", "xyz"])
def test_a_key_too_short_to_be_secret_is_not_masked(key: str) -> None:
    assert "asking k: xyz" == Key(key, "environment").mask("asking k: xyz")


@pytest.mark.parametrize("key", ["none", "EMPTY", "sk-a.1", "a+b\\c(", "testing"])
def test_a_short_key_is_masked_where_it_stands_whole(key: str) -> None:
    masked = Key(key, "environment").mask
    for before, after in (("", ""), ("Bearer ", ", "), ('{"key":"', '"}'), ("key=", "\n"), ("_", "_")):
        assert f"{before}***{after}" == masked(f"{before}{key}{after}")
    # Within another word, or in other letters, it is a word of the message.
    unchanged = f"a{key}, {key}s, {key}7, {key[:-1]}, {key.swapcase()}, {key}\xe4"
    assert unchanged == masked(unchanged)


@given(st.ip_addresses())
def test_an_address_is_of_this_machine_only_if_it_is_a_loopback(address: IPv4Address | IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert (mapped or address).is_loopback == is_loopback(str(address))


@given(st.ip_addresses(network="127.0.0.0/8"))
def test_each_address_of_127_is_of_this_machine(address: IPv4Address) -> None:
    for host in (f"{address}:8000", f"[::ffff:{address}]", f"[::ffff:{address}]:80"):
        assert not Endpoint(f"http://{host}/v1", None).is_exposed
    assert Endpoint(f"http://{address}.example/v1", None).is_exposed
    assert not Endpoint(f"https://{address}.example/v1", None).is_exposed


@pytest.mark.parametrize(
    "host",
    ["localhost.example", "127.0.0.1.example", "127.1", "2130706433", "", "::", "localhost."],
)
def test_a_name_like_that_of_this_machine_is_another_one(host: str) -> None:
    assert not is_loopback(host)
    assert is_loopback("LocalHost")


def test_an_endpoint_without_a_key_masks_nothing() -> None:
    assert "sk-test-SECRETsecret0123" == Endpoint("https://gpu.example/v1", None).mask(KEY.value)
    assert "***" == Endpoint("https://gpu.example/v1", KEY).mask(KEY.value)


def in_json(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def in_json_of_json(text: str) -> str:
    return in_json(text).replace("\\", "\\\\")


def in_url(text: str) -> str:
    return "".join(f"%{ord(character):02X}" for character in text)


def in_html(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)


def only_signs(text: str) -> str:
    return "".join(character if character.isalnum() else in_json(character) for character in text)


FORMS = [in_json, in_json_of_json, in_url, in_html, only_signs]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [8, 12, 20, len(KEY.value)])
def test_a_key_is_masked_in_every_escape_and_where_it_is_cut_off(
    form: Callable[[str], str], length: int
) -> None:
    assert '{"bad key": "***", \\n' == KEY.mask(f'{{"bad key": "{form(KEY.value[:length])}", \\n')
    assert "***.***" == KEY.mask(f"{form(KEY.value)}.{KEY.value}")


def test_a_text_of_escapes_alone_is_masked_in_linear_work() -> None:
    assert "\\" * 10**5 == KEY.mask("\\" * 10**5)
    assert "%73" * 10**5 == KEY.mask("%73" * 10**5)


@pytest.mark.parametrize(
    ("key", "text", "is_sent"),
    [
        ("sk-api-0123456789abcdef", "hi", True),
        ("sk-api-0123456789abcdef", "a sk-api-0123456789abcde", True),
        ("sk-api-0123456789abcdef", "my key is sk-api-0123456789abcdef.", False),
        ('sk-"quoted"-0123456789', 'sk-"quoted"-0123456789', False),
        ("sk-no-key-required", "what does sk-no-key-required mean?", True),
        ("EMPTY", "EMPTY", True),
    ],
)
def test_a_request_that_holds_the_key_is_not_sent(key: str, text: str, *, is_sent: bool) -> None:
    endpoint = Endpoint("https://api.minimax.io/v1", Key(key, "environment"))
    body = encode_json({"messages": [{"role": "user", "content": text}]})
    if is_sent:
        endpoint.check_sendable(lambda: body)
        return
    with pytest.raises(InputError, match=r"the request holds the API key \(of environment\): it is not sent"):
        endpoint.check_sendable(lambda: body)


@pytest.mark.parametrize("key", [None, Key("sk-no-key-required", "environment")])
def test_nothing_is_encoded_to_look_for_no_key_or_a_short_one(key: Key | None) -> None:
    bodies = iter([b"body"])
    Endpoint("http://127.0.0.1:1/v1", key).check_sendable(lambda: next(bodies))
    assert b"body" == next(bodies)
