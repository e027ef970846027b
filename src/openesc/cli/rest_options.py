"""The settings of REST as its server takes them."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from openesc.config import ConfigError, Rest, Settings
from openesc.rest.options import Options


def rest_options(settings: Settings) -> Options:
    """Raises: ConfigError for half a key pair, and for plain HTTP on an address that others reach."""
    rest = settings.rest
    tls = _tls(rest)
    if tls is None and rest.port is not None and not _is_loopback(rest.host):
        raise ConfigError(
            [
                f"rest.host = {rest.host!r}: plain HTTP is served on a loopback address alone; "
                "set rest.tls_cert and rest.tls_key"
            ]
        )
    return Options(
        host=rest.host,
        port=rest.port or 0,
        tls=tls,
        local_admin=rest.local_admin,
        require_callback=rest.require_callback,
        callback_networks=settings.callbacks.allowed_networks,
        hosts=rest.hosts,
        body_size=rest.max_body_bytes,
        depth=rest.max_depth,
        header_time=rest.header_timeout_s,
        body_time=rest.body_timeout_s,
        idle_time=rest.idle_timeout_s,
        connections=rest.max_connections,
    )


def _tls(rest: Rest) -> tuple[Path, Path] | None:
    if rest.tls_cert is None and rest.tls_key is None:
        return None
    if rest.tls_cert is None or rest.tls_key is None:
        raise ConfigError(["rest.tls_cert and rest.tls_key belong together: one of them is not set"])
    return rest.tls_cert.expanduser(), rest.tls_key.expanduser()


def _is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address to listen on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
