"""Where callbacks may go: checked, resolved once, pinned."""

from __future__ import annotations

import pytest

from openesc.errors import InvalidRequest
from openesc.events.callbacks import Target, check_url


@pytest.mark.parametrize(
    ("url", "addresses", "origin"),
    [
        ("http://127.0.0.1:9009/callback", ("127.0.0.1",), "http://127.0.0.1:9009"),
        ("https://127.0.0.2", ("127.0.0.2",), "https://127.0.0.2:443"),
        ("HTTP://127.1/x?y=z", ("127.0.0.1",), "http://127.1:80"),
        ("http://[::1]:1/", ("::1",), "http://[::1]:1"),
        ("http://[::ffff:127.0.0.1]/", ("127.0.0.1",), "http://[::ffff:127.0.0.1]:80"),
    ],
)
async def test_an_address_is_resolved_and_pinned(url: str, addresses: tuple[str, ...], origin: str) -> None:
    target = await check_url(url)
    assert target == Target(url, addresses)
    assert target.origin == origin
    assert Target.from_fields(target.to_fields()) == target


async def test_the_samples_address_is_loopback() -> None:
    assert "127.0.0.1" in (await check_url("http://localhost:9009")).addresses


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://127.0.0.1/", "is not an address of the form"),
        ("file:///etc/passwd", "is not an address of the form"),
        ("http:///path", "is not an address of the form"),
        ("//127.0.0.1/", "is not an address of the form"),
        ("http://127.0.0.1:0/", "is not an address of the form"),
        ("http://127.0.0.1:99999/", "is not an address"),
        ("http://[::1/", "is not an address"),
        ("http://user:secret@127.0.0.1/", "user information"),
        ("http://@127.0.0.1/", "user information"),
        ("http://127.0.0.1/a b", "printable ASCII"),
        ("http://127.0.0.1/\r\nX: y", "printable ASCII"),
        ("http://127.0.0.1/\u00fc", "printable ASCII"),
        ("http://127.0.0.1/" + "x" * 2048, "printable ASCII"),
        ("", "printable ASCII"),
        ("http://192.0.2.7/", "outside the networks"),
        ("http://[2001:db8::1]/", "outside the networks"),
        ("http://169.254.169.254/latest", "outside the networks"),
        ("http://no-such-host.invalid/", "cannot be resolved"),
    ],
)
async def test_what_is_no_place_for_callbacks_is_refused(url: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        await check_url(url, header="Callback-ESC-Events")
    assert str(refused.value).startswith("Callback-ESC-Events: ")
    assert "secret" not in str(refused.value)


async def test_the_networks_are_the_operators_choice() -> None:
    assert (await check_url("http://192.0.2.7/", ["192.0.2.0/24"])).addresses == ("192.0.2.7",)
    with pytest.raises(InvalidRequest, match="outside"):
        await check_url("http://127.0.0.1/", ["192.0.2.0/24"])
