"""REST over TLS: for everybody, hence with credentials; the same users as NETCONF."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.integration.main_job.house import House
from tests.integration.rest.client import V0, Rest
from tests.integration.rest.conftest import SETTINGS

PASSWORD = "pass word-1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "openesc")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def server_settings(certificate: tuple[Path, Path]) -> Mapping[str, str]:
    cert, key = certificate
    return {**SETTINGS, "OPENESC_REST__TLS_CERT": str(cert), "OPENESC_REST__TLS_KEY": str(key)}


def over_tls(house: House, certificate: tuple[Path, Path], credentials: tuple[str, str] | None) -> Rest:
    port = house.server.endpoints["rest"]["port"]
    return Rest(f"https://127.0.0.1:{port}", credentials, verify=str(certificate[0]))


def test_nobody_is_let_in_without_credentials(house: House, certificate: tuple[Path, Path]) -> None:
    with over_tls(house, certificate, None) as rest:
        answer = rest.get(f"{V0}/deployments")
        assert answer.error == (401, "this needs basic authentication")
        assert answer.headers["WWW-Authenticate"]
        assert rest.get("/ESCManager/v0/none").status == 401, "what is there is not told either"
        for public in ("/healthz", "/readyz", "/docs", "/openapi.json"):
            assert rest.get(public).status == 200


def test_the_users_of_netconf(house: House, certificate: tuple[Path, Path]) -> None:
    house.told("user.add", name="op", group="operator", tenants=None, password=PASSWORD)
    assert house.session("op", PASSWORD).get_config("/esc_datamodel") is not None
    with over_tls(house, certificate, ("op", PASSWORD)) as rest:
        assert rest.get(f"{V0}/deployments").status == 200
        assert rest.get(f"{V0}/deployments", Host="any.example").status == 200, "a certificate proves the name"
        other = rest.call("POST", f"{V0}/tenants/trick", Origin="https://evil.example")
        assert other.error[0] == 403


def test_plain_http_is_not_spoken(house: House) -> None:
    port = house.server.endpoints["rest"]["port"]
    with pytest.raises(requests.ConnectionError), Rest(f"http://127.0.0.1:{port}") as rest:
        rest.get("/healthz")


def test_old_tls_is_not_spoken(house: House) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    url = f"https://127.0.0.1:{house.server.endpoints['rest']['port']}/healthz"
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        assert answer.status == 200
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)ssl|protocol|alert"):
        urllib.request.urlopen(url, timeout=10, context=context)


def test_it_says_https(house: House) -> None:
    assert f"REST    https://127.0.0.1:{house.server.endpoints['rest']['port']}" in house.server.log
