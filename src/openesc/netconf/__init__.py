"""A NETCONF server (RFC 6241, 6242, 5277, 6022, 8525) for any application behind a `Backend`."""

from pathlib import Path
from typing import Final

from openesc.netconf.backend import (
    REPLAY_COMPLETE,
    Authenticator,
    Backend,
    EditRequest,
    Filter,
    SessionInfo,
    Stream,
    User,
)
from openesc.netconf.errors import RpcError
from openesc.netconf.limits import Limits
from openesc.netconf.locks import LockTable
from openesc.netconf.server import NetconfServer

YANG_DIR: Final = Path(__file__).parent / "yang"
"""Modules of the protocol itself that have no home elsewhere: add it to the schema's search path."""

YANG_MODULES: Final = (
    "ietf-netconf",
    "ietf-netconf-monitoring",
    "ietf-yang-library",
    "ietf-datastores",
    "notifications",
    "nc-notifications",
)
"""The modules to load, beside the application's own, for the server to show all of its state."""

YANG_FEATURES: Final = {"ietf-netconf": ("writable-running", "rollback-on-error", "xpath")}
"""The features of those modules that the server has, for `Schema.load`; of the others it has all."""

__all__ = [
    "REPLAY_COMPLETE",
    "YANG_DIR",
    "YANG_FEATURES",
    "YANG_MODULES",
    "Authenticator",
    "Backend",
    "EditRequest",
    "Filter",
    "Limits",
    "LockTable",
    "NetconfServer",
    "RpcError",
    "SessionInfo",
    "Stream",
    "User",
]
