"""TLS on the way to the server of a limit: the certificates that are trusted, and the errors that time does not mend."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mmpipe.api.http.certificates import find_fault
from mmpipe.api.http.sdk import trust_certificates
from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.errors import NetworkError, UsageError
from mmpipe.text.visible import one_line

# The server was stopped in the middle of a handshake; it may be there again soon.
_PASSING: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def open_context(files: Mapping[str, str]) -> ssl.SSLContext:
    """Return the context of a connection, by the files of an address; without them the same issuers are trusted as for the API.

    Raises UsageError for files, or a setting of the environment, that cannot be used.
    """
    ca_file = files.get("ssl_ca_certs")
    context = trust_certificates(None if ca_file is None else Path(ca_file))
    own, key = files.get("ssl_certfile"), files.get("ssl_keyfile")
    if own is None:
        if key is not None:
            raise UsageError(f"--limiter: ssl_keyfile {key} needs the certificate, ssl_certfile")
        return context
    try:
        # The password of an encrypted key would be asked for on the terminal.
        context.load_cert_chain(own, key, password=_refuse_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        place = " and ".join(filter(None, (own, key)))
        raise UsageError(
            f"--limiter: cannot use the certificate of {place}: {getattr(error, 'strerror', None) or error}"
        ) from error
    return context


def explain_refusal(error: BaseException | None, address: LimiterAddress) -> NetworkError | None:
    """Return the error of a server that is not trusted, or does not trust this run; None if a retry may help."""
    if isinstance(error, ssl.SSLCertVerificationError):
        option = "?ssl_ca_certs=PATH behind the address of the limiter, or SSL_CERT_FILE"
        fault, advice = find_fault(error, address.place, "the address of the limiter", option)
        return NetworkError(f"the limiter {address}: TLS: the certificate of the server {fault}", hint=advice)
    if isinstance(error, ssl.SSLError) and not isinstance(error, _PASSING):
        return NetworkError(f"the limiter {address}: TLS: {one_line(error.strerror or str(error), 200)}")
    return None


def _refuse_password() -> str:
    raise ValueError("its key is encrypted")
