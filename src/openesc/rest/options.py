"""What the server of REST allows; the wiring makes it from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """Times in seconds, sizes in bytes.

    Attributes:
        tls: certificate chain and private key, as PEM files; None: plain HTTP, which only a loopback address takes.
        local_admin: on plain HTTP a caller without credentials acts as an administrator.
        require_callback: requests that start an operation need the header ``Callback``.
        callback_networks: CIDR blocks that callbacks may go to.
        hosts: further names that a plain request's ``Host`` may have.
        header_time: what a peer gets to send the head of a request.
        body_time: what it then gets to send the body.
        idle_time: how long a connection may stay open between two requests, and how long a peer may read nothing of
            an answer that waits for it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: tuple[Path, Path] | None = None
    local_admin: bool = True
    require_callback: bool = False
    callback_networks: Sequence[str] = ("127.0.0.0/8", "::1/128")
    hosts: Sequence[str] = ()
    body_size: int = 16 * 1024 * 1024
    depth: int = 64
    header_size: int = 64 * 1024
    header_time: float = 10.0
    body_time: float = 30.0
    idle_time: float = 60.0
    connections: int = 500
