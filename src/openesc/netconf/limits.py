"""What the server grants its peers. Every limit protects the other sessions from one of them."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds of one server; times are seconds, sizes are bytes.

    The rule for slow peers, subscribers above all: what is not yet taken is bounded (`send_ahead` per session;
    events beyond it stay where they are stored), and a peer that has more to come but does not make room within
    `stall_time` is cut off: its session ends, with a line in the log. Nobody else waits for it.
    """

    message_size: int = 64 * MIB
    depth: int = 64
    markup: int = 8_000_000  # "<" and "=" in a message: each may cost a hundred bytes of memory once parsed
    big_message: int = 256 * 1024  # from here on XML is parsed in a worker thread
    read_ahead: int = 1 * MIB  # of pipelined rpcs that wait for the running one, and the SSH window
    sessions: int = 1000
    sessions_per_user: int = 500
    connections_before_login: int = 100
    login_attempts: int = 6
    login_time: float = 30.0
    hello_time: float = 60.0  # also from login to the request for the subsystem
    idle_time: float | None = None  # None: a session may be silent for ever; never applied to subscribers
    close_time: float = 5.0  # for the peer to acknowledge that a session is over
    keepalive_interval: float = 60.0
    keepalive_count: int = 3
    stall_time: float = 30.0
    send_ahead: int = 256 * 1024
