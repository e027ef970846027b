"""Settings of REST that cannot be are told before the server starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from openesc.cli.rest_options import rest_options
from openesc.config import ConfigError, Settings


def settings(**rest: object) -> Settings:
    return Settings.load(None, {}, {f"rest.{name}": value for name, value in rest.items()})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_plain_http_on_loopback(host: str) -> None:
    assert rest_options(settings(host=host, port=8080)).tls is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "esc.example"])
def test_plain_http_elsewhere_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="plain HTTP is served on a loopback address alone"):
        rest_options(settings(host=host, port=8080))
    assert rest_options(settings(host=host)).tls is None, "without a port nothing is served"
    over_tls = rest_options(settings(host=host, port=8443, tls_cert="c.pem", tls_key="k.pem"))
    assert over_tls.tls == (Path("c.pem"), Path("k.pem"))


@pytest.mark.parametrize("half", ["tls_cert", "tls_key"])
def test_half_a_key_pair_is_refused(half: str) -> None:
    with pytest.raises(ConfigError, match="belong together"):
        rest_options(settings(port=8443, **{half: "x.pem"}))
