"""A certificate that is not accepted is reported with its fault, its owner and the next step, by both HTTP stacks."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mmpipe.errors import ExitStatus
from support.proxy_server import proxy_server
from support.socket_server import answer, server
from support.two_stacks import GOOD, JSON, ask_both

pytestmark = pytest.mark.faults

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "own.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return context


def refused(context: ssl.SSLContext, ca_file: Path | None) -> str:
    with server(answer(GOOD, JSON), context) as (base_url, _):
        port = base_url.rpartition(":")[2]
        status, message = ask_both(f"https://localhost:{port}", ca_file)
    assert ExitStatus.NETWORK == status
    assert message.startswith(f"localhost:{port.removesuffix('/v1')}: TLS: the certificate of the host ")
    return message


@pytest.mark.parametrize("names", [("other.example",), ("127.0.0.2",), ("*.localhost", "x.localhost")])
def test_a_certificate_for_another_name(authority: trustme.CA, ca_file: Path, names: tuple[str, ...]) -> None:
    message = refused(context_of(authority.issue_cert(*names)), ca_file)
    assert "is for another name than localhost: " in message
    assert message.endswith("; check --base-url")


def test_a_certificate_that_has_expired(authority: trustme.CA, ca_file: Path) -> None:
    certificate = authority.issue_cert("localhost", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    message = refused(context_of(certificate), ca_file)
    assert "has expired: " in message
    assert "the clock" in message
    assert "--ca-file" not in message


def test_a_certificate_that_is_not_valid_yet(authority: trustme.CA, ca_file: Path) -> None:
    certificate = authority.issue_cert("localhost", not_before=NOW + DAY, not_after=NOW + 9 * DAY)
    message = refused(context_of(certificate), ca_file)
    assert "is not valid yet: " in message
    assert message.endswith("; check the clock of this machine")


def test_a_certificate_that_is_self_signed(ca_file: Path, tmp_path: Path) -> None:
    message = refused(self_signed(tmp_path), ca_file)
    assert "is self-signed: " in message
    assert message.endswith("; if you trust this server, give its certificate with --ca-file")


@pytest.mark.parametrize("is_given", [True, False])
def test_a_certificate_of_an_unknown_issuer(ca_file: Path, *, is_given: bool) -> None:
    other = trustme.CA()
    message = refused(context_of(other.issue_cert("localhost")), ca_file if is_given else None)
    assert "is from an issuer that is not trusted: " in message
    assert message.endswith("; give the certificate of the issuer with --ca-file")


@pytest.mark.parametrize(
    ("base_url", "owner"),
    [("https://api.example/v1", "the host or the proxy"), ("http://api.example/v1", "the proxy")],
)
def test_a_certificate_of_a_proxy_may_be_the_fault(
    base_url: str, owner: str, authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secured = context_of(authority.issue_cert("other.example"))
    with proxy_server("http://127.0.0.1:9/v1", tls=secured) as proxy:
        monkeypatch.setenv("all_proxy", f"https://localhost:{proxy.port}")
        status, message = ask_both(base_url, ca_file)
    assert ExitStatus.NETWORK == status
    assert f"the certificate of {owner} is for another name than " in message
    assert ("the URL of the proxy" in message) == (owner == "the proxy")
