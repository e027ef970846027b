"""One POST: to the pinned address under the receiver's name, without redirects, proxies and cookies, bounded."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.callback_receiver import Receiver

from openesc.events.callbacks import Target, sender
from openesc.events.callbacks.sender import Sender

HEADERS = {"ESC-Status-Code": "200"}


@pytest_asyncio.fixture
async def post() -> AsyncIterator[Sender]:
    opened = Sender(1.0)
    yield opened
    await opened.close()


def pinned(receiver: Receiver, host: str, *addresses: str, path: str = "") -> Target:
    """A target of a name that no resolver knows."""
    scheme = receiver.url.partition(":")[0]
    return Target(f"{scheme}://{host}:{receiver.port}{path}", addresses or ("127.0.0.1",))


async def test_the_pinned_address_is_asked_under_the_name(post: Sender, receiver: Receiver) -> None:
    target = pinned(receiver, "nso.example", path="/a/b?c=d")
    assert await post.post(target, HEADERS, "body") is None
    (received,) = receiver.received
    assert (received.method, received.path, received.body) == ("POST", "/a/b?c=d", b"body")
    assert received.headers["host"] == f"nso.example:{receiver.port}"
    assert received.headers["esc-status-code"] == "200"
    assert received.headers["user-agent"].startswith("openesc/")


async def test_the_next_address_is_tried_where_the_first_takes_no_connection(post: Sender, receiver: Receiver) -> None:
    assert await post.post(pinned(receiver, "localhost", "127.0.0.9", "::1", "127.0.0.1"), HEADERS, "") is None
    assert "ConnectError" in str(await post.post(pinned(receiver, "localhost", "127.0.0.9"), HEADERS, ""))


async def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, other.url)
    post = Sender(1.0)
    assert await post.post(pinned(receiver, "nso.example"), HEADERS, "") is None
    await post.close()
    assert other.connections == 0


async def test_redirects_are_not_followed_and_cookies_not_kept(
    post: Sender, receiver: Receiver, other: Receiver
) -> None:
    receiver.answer = lambda _: f"307 Elsewhere\r\nLocation: {other.url}/\r\nSet-Cookie: a=b; Path=/"
    target = pinned(receiver, "localhost")
    assert await post.post(target, HEADERS, "") == "HTTP 307 Elsewhere: redirects are not followed"
    await post.post(target, HEADERS, "")
    assert other.connections == 0
    assert "cookie" not in receiver.received[1].headers


async def test_a_connection_is_used_again(post: Sender, receiver: Receiver) -> None:
    for _ in range(3):
        assert await post.post(pinned(receiver, "localhost"), HEADERS, "") is None
    assert receiver.connections == 1


async def test_who_does_not_answer_is_left_in_time() -> None:
    post = Sender(0.1)
    async with Receiver(lambda _: None) as silent:
        assert await post.post(pinned(silent, "localhost"), HEADERS, "") == "no answer within 0.1 s"
    await post.close()


async def test_an_answer_without_end_is_cut_off(post: Sender, receiver: Receiver) -> None:
    receiver.answer = lambda _: (
        f"200 OK\r\nContent-Length: {10**9}\r\nX: " + "y\r\n\r\n" + "z" * (2 * sender.MAX_ANSWER)
    )
    assert await post.post(pinned(receiver, "localhost"), HEADERS, "") is None


# TLS


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A certificate for nso.example that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nso.example")])
    names = x509.SubjectAlternativeName([x509.DNSName("nso.example"), x509.IPAddress(ip_address("127.0.0.3"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    sender._tls.cache_clear()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    yield context
    sender._tls.cache_clear()


async def test_tls_is_spoken_to_the_name_at_the_pinned_address(certificate: ssl.SSLContext) -> None:
    asked: list[str | None] = []
    certificate.sni_callback = lambda _, name, __: asked.append(name)
    post = Sender(5.0)
    async with Receiver(tls=certificate) as receiver:
        assert await post.post(pinned(receiver, "nso.example"), HEADERS, "x") is None
        assert asked == ["nso.example"]
        assert receiver.received[0].headers["host"] == f"nso.example:{receiver.port}"
    await post.close()


async def test_a_certificate_of_another_name_is_refused(certificate: ssl.SSLContext) -> None:
    post = Sender(5.0)
    async with Receiver(tls=certificate) as receiver:
        assert "CERTIFICATE_VERIFY_FAILED" in str(await post.post(pinned(receiver, "other.example"), HEADERS, "x"))
        assert receiver.received == []
    await post.close()
