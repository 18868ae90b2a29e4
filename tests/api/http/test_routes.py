"""The proxy that holds for a host, by the variables that curl and Go read."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.http.routes import find_route
from mmpipe.errors import UsageError
from mmpipe.text.visible import visible

HTTPS, HTTP = "https://api.example/v1", "http://api.example:8000/v1"
P, Q = "http://p:3128", "http://q:3128"


def proxy(base_url: str, **environment: str) -> str | None:
    """The proxy as errors name it."""
    found = find_route(base_url, environment).proxy
    return None if found is None else found.url


@pytest.mark.parametrize(
    ("base_url", "environment", "expected"),
    [
        (HTTPS, {}, None),
        (HTTPS, {"https_proxy": P}, P),
        (HTTPS, {"HTTPS_PROXY": P}, P),
        (HTTPS, {"https_proxy": P, "HTTPS_PROXY": Q}, P),
        (HTTPS, {"http_proxy": P}, None),
        (HTTPS, {"all_proxy": P}, P),
        (HTTPS, {"ALL_PROXY": P}, P),
        (HTTPS, {"all_proxy": P, "HTTPS_PROXY": Q}, Q),
        # An empty variable in lower case turns the capitals off.
        (HTTPS, {"https_proxy": "", "HTTPS_PROXY": P}, None),
        (HTTPS, {"https_proxy": "", "HTTPS_PROXY": P, "all_proxy": Q}, Q),
        (HTTPS, {"HTTPS_PROXY": "  ", "all_proxy": Q}, Q),
        (HTTP, {"https_proxy": P}, None),
        (HTTP, {"http_proxy": P}, P),
        (HTTP, {"HTTP_PROXY": P}, P),
        # Under CGI a client sets HTTP_PROXY by a header.
        (HTTP, {"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, None),
        (HTTP, {"http_proxy": P, "REQUEST_METHOD": "GET"}, P),
        (HTTPS, {"HTTPS_PROXY": P, "REQUEST_METHOD": "GET"}, P),
        # What does not hold for this host does not matter.
        (HTTPS, {"https_proxy": P, "all_proxy": "socks5://q:1080"}, P),
        (HTTPS, {"https_proxy": P, "http_proxy": "none://:::"}, P),
        (HTTPS, {"https_proxy": "none://:::", "no_proxy": "example"}, None),
        ("https://localhost/v1", {"https_proxy": "none://:::"}, None),
        ("http://127.9.9.9:1/v1", {"all_proxy": P}, None),
        ("http://[::1]:1/v1", {"all_proxy": P}, None),
        ("http://[::ffff:127.0.0.1]:1/v1", {"all_proxy": P}, None),
    ],
)
def test_a_variable_names_the_proxy(base_url: str, environment: dict[str, str], expected: str | None) -> None:
    assert expected == proxy(base_url, **environment)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("p", "http://p:80"),
        ("p:3128", P),
        ("http://p:3128/", P),
        (" http://p:3128 ", P),
        ("HTTP://P:3128", P),
        ("https://p", "https://p:443"),
        ("socks5://p", "socks5://p:1080"),
        ("socks5h://p:9", "socks5://p:9"),
        ("socks://p:9", "socks5://p:9"),
        ("socks4://p:9", "socks4://p:9"),
        ("socks4a://p:9", "socks4://p:9"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("http://user:pass-word@p:3128", P),
        ("user:pass-word@p:3128", P),
    ],
)
def test_a_proxy_may_be_typed_in_many_ways(typed: str, expected: str) -> None:
    assert expected == proxy(HTTPS, https_proxy=typed)


def test_user_and_password_are_decoded_and_not_shown() -> None:
    route = find_route(HTTPS, {"https_proxy": "http://us%40er:pass%3Aword@p:3128"})
    assert route.proxy is not None
    assert ("us@er", "pass:word") == (route.proxy.user, route.proxy.password)
    assert "pass" not in f"{route} {route!r}"
    assert "api.example:443 through the proxy http://p:3128 (https_proxy)" == str(route)


@pytest.mark.parametrize(
    "typed",
    ["none://p", "http://", "http://:3128", "http://p:0", "http://p:99999", "http://p:x", "http://[::1", "http://a b",
     "socks5://", "ftp://user:pass-word@p", "http://user:pass-word@", "http://user:pass-word@p:x", "\udcff\udcfe", "://x",
     "http://user:pass-word\u2100@p:1", "http://user:pass-word[@p:1", "user:pass-word]@p", "http://user:pass-word\udcff@p",
     "http://pass-word\udcff@p", "socks5://:pass-word@p", "socks4://:pass-word@p", f"socks5://user:pass-word{'x' * 250}@p",
     f"socks5h://pass-word{'%C3%A4' * 128}:y@p"],
)  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_a_usage_error_without_its_password(typed: str) -> None:
    with pytest.raises(UsageError, match="the environment's proxy cannot be used: ALL_PROXY=") as caught:
        proxy(HTTPS, ALL_PROXY=typed)
    assert "pass-word" not in caught.value.message
    assert caught.value.message == visible(caught.value.message)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("ftp://p", "it is not an http://, https://, socks5:// or socks4:// URL"),
        ("http://:3128", "it names no host"),
        ("http://a b", "it names no host"),
        ("http://p:0", "it has no valid port"),
        ("http://p:x", "it is not a URL with a valid host and port"),
        ("socks5://:pass-word@p", "SOCKS has no password without a user"),
        ("http://pass-word\udcff@p", "user or password is not UTF-8"),
        (
            f"socks5://user:{'x' * 256}@p",
            "user or password is longer than 255 bytes, the limit of SOCKS",
        ),
    ],
)
def test_what_is_wrong_with_a_proxy_is_named(typed: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        proxy(HTTPS, ALL_PROXY=typed)
    assert caught.value.message.endswith(f": {problem}")


def test_a_password_with_a_line_break_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        proxy(HTTPS, ALL_PROXY="ftp://user:one\npass-word@p")
    assert "pass-word" not in caught.value.message


def test_a_route_has_the_scheme_of_its_url() -> None:
    for base_url, environment, names in (
        (HTTPS, {}, "api.example:443"),
        (HTTPS, {"https_proxy": P}, f"api.example:443 through the proxy {P} (https_proxy)"),
        (HTTP, {}, "api.example:8000"),
        (HTTP, {"http_proxy": P}, f"api.example:8000 through the proxy {P} (http_proxy)"),
    ):
        route = find_route(base_url, environment)
        assert (base_url.partition(":")[0], names) == (route.scheme, str(route))
        assert route.is_tls is base_url.startswith("https:")


@pytest.mark.parametrize("sign", "/?#")
@pytest.mark.parametrize(
    "login", ["user:pass-word{}ret", "user:99{}pass-word", "pass-word{}x", "user{}:pass-word", "{}@pass-word"]
)
@pytest.mark.parametrize("scheme", ["http://", "socks5://", ""])
def test_a_login_that_would_end_the_address_of_the_proxy_is_refused_with_the_way_to_write_it(
    scheme: str, login: str, sign: str
) -> None:
    with pytest.raises(UsageError) as caught:
        proxy(HTTPS, ALL_PROXY=f"{scheme}{login.format(sign)}@p:8080")
    assert (
        f"{scheme}***@p:8080: in user and password, write {sign} as {quote(sign, '')}" in caught.value.message
    )
    assert "pass-word" not in caught.value.message


def test_a_login_of_socks_may_have_255_bytes_and_one_of_http_more() -> None:
    assert "socks5://p:1080" == proxy(HTTPS, all_proxy=f"socks5://{'u' * 255}:{'x' * 255}@p")
    assert "socks5://p:1080" == proxy(HTTPS, all_proxy="socks5://user@p")
    assert P == proxy(HTTPS, all_proxy=f"http://:{'x' * 2000}@p:3128")


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_left_out"),
    [
        ("api.example", "api.example", True),
        ("api.example", "API.Example", True),
        ("API.EXAMPLE", "api.example", True),
        ("api.example", "example", True),
        ("api.example", ".example", True),
        ("example", ".example", True),
        ("api.example", "xample", False),
        ("api.example", "pi.example", False),
        ("api.example", "api.example.org", False),
        ("api.example.", "api.example", True),
        ("api.example", "api.example.", True),
        ("api.example", "*", True),
        ("api.example", "a, *", True),
        ("api.example", "*.example", True),
        ("example", "*.example", False),
        ("api.example", "api.*", True),
        ("api.example", "*pi.ex*", True),
        ("api.example", "*.org", False),
        ("api.example", "", False),
        ("api.example", ",, ,", False),
        ("api.example", ".", False),
        ("api.example", "one,api.example", True),
        ("api.example", " one , api.example ", True),
        ("api.example", "one api.example", True),
        ("api.example", "api.example:443", True),
        ("api.example", "example:443", True),
        ("api.example", "*:443", True),
        ("api.example", "*:80", False),
        ("api.example", "api.example:80", False),
        ("api.example:8443", "api.example:8443", True),
        ("api.example:8443", "api.example:443", False),
        ("api.example:8443", "api.example", True),
        ("api.example", "api.example:https", False),
        ("api.example", "https://api.example", True),
        ("api.example", "https://api.example/", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.9/24", True),
        ("10.1.2.3", "11.0.0.0/8", False),
        ("10.1.2.3", "10.*", True),
        ("10.1.2.3", "*", True),
        ("10.1.2.3", "2.3", False),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "10.1.2.3:80", False),
        ("10.1.2.3", "10.0.0.0/99", False),
        ("[fd00::1]", "fd00::1", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("[fd00::1]", "[fd00::1]:443", True),
        ("[fd00::1]", "[fd00::1]:80", False),
        ("[fd00::1]", "fd00:0::0:1", True),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "[fd00::]/8", True),
        ("[fd00::1]", "fe80::/10", False),
        ("[fd00::1]", "10.0.0.0/8", False),
        ("10.example", "10.0.0.0/8", False),
    ],
)
def test_no_proxy_leaves_hosts_out(host: str, no_proxy: str, is_left_out: bool) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        assert (None if is_left_out else P) == proxy(f"https://{host}/v1", all_proxy=P, **{name: no_proxy})


def test_no_proxy_in_lower_case_wins() -> None:
    assert P == proxy(HTTPS, all_proxy=P, no_proxy="", NO_PROXY="*")
    assert None is proxy(HTTPS, all_proxy=P, no_proxy="*", NO_PROXY="")


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.sampled_from([HTTPS, HTTP, "https://10.1.2.3/v1", "https://[fd00::1]/v1"]),
)
def test_any_variables_give_a_route_or_a_usage_error(typed: str, no_proxy: str, base_url: str) -> None:
    try:
        shown = str(find_route(base_url, {"all_proxy": typed, "no_proxy": no_proxy}))
    except UsageError as error:
        shown = error.message
    assert shown == visible(shown).replace("\n", " ")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("none://p:3128", "none://p:3128"),
        ("http://p:99999", "http://p:99999"),
        ("http://[::1", "http://[::1"),
        ("http://user:pass-word@p:0", "http://***@p:0"),
        ("user:pass-word@p:0", "***@p:0"),
        # The login in another place, as lists of proxies have it.
        ("user:pass-word", "***"),
        ("http://user:pass-word", "http://***"),
        ("p:3128:user:pass-word", "***"),
        ("http://p:3128:user:pass-word", "http://***"),
        ("socks5://p:3128@user:pass-word", "socks5://***"),
        ("socks5://p:3128@user:12345678", "socks5://***"),
        ("http://user:pass-word@p:3128:x", "http://***"),
        ("http://user:x@pass-word@p:0", "http://***@p:0"),
        ("http://user pass-word p", "http://***"),
        ("http://" + "p" * 500 + ":0", "http://***"),
    ],
)
def test_of_an_unusable_proxy_only_an_address_is_shown(typed: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_route(HTTPS, {"https_proxy": typed})
    assert f"https_proxy={shown}: " in caught.value.message
    assert "pass-word" not in caught.value.message
