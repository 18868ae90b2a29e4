"""Explains a certificate that is not accepted: its fault, its owner and the next step; pure."""

import ssl
from typing import Final

from mmpipe.api.http.routes import Route
from mmpipe.errors import NetworkError
from mmpipe.text.visible import one_line

_OTHER_NAME: Final = frozenset((62, 63, 64))
# The fault and the next step by OpenSSL's code of verification (x509_vfy.h).
_UNKNOWN_ISSUER: Final = (
    "is from an issuer that is not trusted",
    "give the certificate of the issuer with {option}",
)
_FAULTS: Final = {
    2: _UNKNOWN_ISSUER,
    9: ("is not valid yet", "check the clock of this machine"),
    10: ("has expired", "the server needs a new one, or the clock of this machine is wrong"),
    18: ("is self-signed", "if you trust this server, give its certificate with {option}"),
    19: _UNKNOWN_ISSUER,
    20: _UNKNOWN_ISSUER,
    21: _UNKNOWN_ISSUER,
    23: ("was revoked", "the server needs a new one"),
}
_OTHER_FAULT: Final = ("is not trusted", "see {option}")


def explain_certificate(error: ssl.SSLCertVerificationError, route: Route) -> NetworkError:
    """The error for a certificate of the host of `route`, or of its proxy."""
    is_of_proxy = route.proxy is not None and route.proxy.scheme == "https"
    is_of_host = route.is_tls
    owner = " or ".join([*["the host"] * is_of_host, *["the proxy"] * is_of_proxy])
    names = " or ".join([*[route.host] * is_of_host, *[route.first_hop[0]] * is_of_proxy])
    place = "--base-url" if is_of_host else "the URL of the proxy"
    fault, advice = find_fault(error, names, place, "--ca-file")
    return NetworkError(f"{route}: TLS: the certificate of {owner} {fault}", hint=advice)


def find_fault(error: ssl.SSLCertVerificationError, names: str, place: str, option: str) -> tuple[str, str]:
    """Return the fault of a certificate in words, and the next step.

    The certificate should be for `names`, which were typed at a `place`; the `option` gives certificates to trust.
    """
    code = getattr(error, "verify_code", None)
    if code in _OTHER_NAME:
        fault, advice = f"is for another name than {names}", f"check {place}"
    else:
        fault, advice = _FAULTS.get(code, _OTHER_FAULT) if isinstance(code, int) else _OTHER_FAULT
    words = one_line(getattr(error, "verify_message", None) or str(error) or type(error).__name__, 200)
    return f"{fault}: {words.removesuffix('.')}", advice.format(option=option)
