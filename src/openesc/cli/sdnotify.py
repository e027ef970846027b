"""sd_notify(3) without a dependency: tells systemd what the service does, if systemd asked."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Send `state`, as ``READY=1``, to ``$NOTIFY_SOCKET``. Never raises: nobody may be there."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            # a leading @ stands for the abstract namespace
            channel.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            pass
