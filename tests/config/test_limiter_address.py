"""The address of a limiter is read whole, and neither it nor any error shows its password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.errors import UsageError

SECRET = "geheim-9f3a"


@pytest.mark.parametrize(
    ("url", "expected", "shown"),
    [
        ("redis://there", LimiterAddress("redis", "there", 6379), "redis://there:6379/0"),
        ("redis://there:1/2", LimiterAddress("redis", "there", 1, 2), "redis://there:1/2"),
        ("REDIS://there/", LimiterAddress("redis", "there", 6379), "redis://there:6379/0"),
        ("redis://[::1]:7/0", LimiterAddress("redis", "::1", 7), "redis://[::1]:7/0"),
        (
            f"redis://:{SECRET}@there",
            LimiterAddress("redis", "there", 6379, 0, None, SECRET),
            "redis://there:6379/0",
        ),
        (
            "redis://me:p%40%2F%23@there/3",
            LimiterAddress("redis", "there", 6379, 3, "me", "p@/#"),
            "redis://there:6379/3",
        ),
        (
            "rediss://there?ssl_ca_certs=/etc/ca.pem",
            LimiterAddress("rediss", "there", 6379, tls_files={"ssl_ca_certs": "/etc/ca.pem"}),
            "rediss://there:6379/0",
        ),
        ("unix:///run/r.sock", LimiterAddress("unix", "/run/r.sock", None), "unix:///run/r.sock?db=0"),
        (
            f"unix://me:{SECRET}@/run/r.sock?db=4",
            LimiterAddress("unix", "/run/r.sock", None, 4, "me", SECRET),
            "unix:///run/r.sock?db=4",
        ),
    ],
)
def test_an_address_is_read_and_shown_without_its_user(
    url: str, expected: LimiterAddress, shown: str
) -> None:
    found = LimiterAddress.parse(url)
    assert (expected, shown) == (found, str(found))
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must look like redis://"),
        (SECRET, "must look like redis://"),
        (f"there:{SECRET}", "must look like redis://"),
        (f"http://me:{SECRET}@there", "must look like redis://"),
        ("redis://", "names no host"),
        (f"redis://:{SECRET}@", "names no host"),
        ("unix://", "names no path"),
        (f"unix://{SECRET}/x", "must look like redis://"),
        (f"redis://:{SECRET}#1@there", "is no URL"),
        (f"redis://:{SECRET}/1@there", "is no URL"),
        (f"redis://:{SECRET}?1@there", "is no URL"),
        (f"redis://me:{SECRET} 1@there", "holds a space"),
        (f"redis://me:{SECRET}@there:x", "is no URL"),
        (f"redis://me:{SECRET}@there:99999", "is no URL"),
        (f"redis://me:{SECRET}@[there", "is no URL"),
        (f"redis://me:{SECRET}@there:0", "has port 0"),
        (f"redis://{SECRET}@there", "a user without a password"),
        (f"unix://{SECRET}@/run/r.sock", "a user without a password"),
        (f"redis://:{SECRET}%ff@there", "must be UTF-8"),
        (f"redis://:{SECRET}\udcff@there", "must be UTF-8"),
        (f"redis://there/{SECRET}", "a database is a number"),
        ("redis://there/-1", "a database is a number"),
        ("redis://there/٣", "a database is a number"),
        (f"redis://there/{'1' * 5000}", "a database is a number"),
        (f"redis://there?password={SECRET}", "nothing may follow the ?"),
        (f"rediss://there?ssl_cert_reqs={SECRET}", "only ssl_ca_certs, ssl_certfile, ssl_keyfile"),
        (f"unix:///r?password={SECRET}", "only db may follow the ?"),
        (f"redis://there?{SECRET}", "nothing may follow the ?"),
        (f"redis://there#{SECRET}", "must look like redis://"),
    ],
)
def test_a_text_that_is_no_address_is_refused_without_being_shown(url: str, reason: str) -> None:
    with pytest.raises(UsageError, match="the address of the limiter") as caught:
        LimiterAddress.parse(url)
    assert reason in caught.value.message
    assert SECRET not in caught.value.message


@given(st.text() | st.text().map("redis://".__add__) | st.text().map("redis://:geheim-9f3a@".__add__))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = str(LimiterAddress.parse(text))
    except UsageError as error:
        found = error.message
    assert SECRET not in found
