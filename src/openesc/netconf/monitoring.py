"""ietf-netconf-monitoring (RFC 6022) and the list of streams (RFC 5277 section 3.2.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml.etree import _Element

from openesc.netconf import names
from openesc.netconf.backend import SessionInfo, Stream
from openesc.netconf.capabilities import capabilities
from openesc.netconf.core import RPC_COUNTERS, Core
from openesc.netconf.library import branch, leaf, top
from openesc.netconf.parameters import DATASTORES
from openesc.netconf.schemas import schema_files
from openesc.netconf.times import format_time

if TYPE_CHECKING:
    from openesc.netconf.session import Session


def netconf_state(session: Session) -> _Element:
    """The container netconf-state. A user bound to tenants sees the sessions of their own name only."""
    core = session.core
    root = top(names.MONITORING, "netconf-state")
    listed = branch(root, "capabilities")
    for uri in capabilities(core):
        leaf(listed, "capability", uri)
    _datastores(root, core)
    _schemas(root, core)
    _sessions(root, session)
    _statistics(root, core)
    return root


def _datastores(root: _Element, core: Core) -> None:
    listed = branch(root, "datastores")
    for name in DATASTORES:
        entry = branch(listed, "datastore")
        leaf(entry, "name", name)
        if (lock := core.locks.get(name)) is not None:
            held = branch(branch(entry, "locks"), "global-lock")
            leaf(held, "locked-by-session", lock.session_id)
            leaf(held, "locked-time", format_time(lock.since))


def _schemas(root: _Element, core: Core) -> None:
    listed = branch(root, "schemas")
    for file in schema_files(core.schema):
        entry = branch(listed, "schema")
        leaf(entry, "identifier", file.identifier)
        leaf(entry, "version", file.version)
        leaf(entry, "format", "yang")
        leaf(entry, "namespace", file.namespace)
        leaf(entry, "location", "NETCONF")


def _sessions(root: _Element, session: Session) -> None:
    viewer = session.info.user
    listed = branch(root, "sessions")
    for other in session.core.sessions.values():
        if viewer.tenants is None or other.info.user.name == viewer.name:
            _session(branch(listed, "session"), other.info)


def _session(entry: _Element, info: SessionInfo) -> None:
    leaf(entry, "session-id", info.id)
    leaf(entry, "transport", "netconf-ssh")
    leaf(entry, "username", info.user.name)
    leaf(entry, "source-host", info.host)
    leaf(entry, "login-time", format_time(info.started))
    for counter in RPC_COUNTERS:
        leaf(entry, counter.replace("_", "-"), getattr(info, counter))


def _statistics(root: _Element, core: Core) -> None:
    entry = branch(root, "statistics")
    leaf(entry, "netconf-start-time", format_time(core.statistics.started))
    for counter in ("in_bad_hellos", "in_sessions", "dropped_sessions"):
        leaf(entry, counter.replace("_", "-"), getattr(core.statistics, counter))
    for counter in RPC_COUNTERS:
        leaf(entry, counter.replace("_", "-"), core.total(counter))


def streams(session: Session) -> _Element:
    """The container netconf/streams of RFC 5277."""
    root = top(names.NETMOD, "netconf")
    listed = branch(root, "streams")
    for stream in session.core.backend.streams():
        _stream(branch(listed, "stream"), stream)
    return root


def _stream(entry: _Element, stream: Stream) -> None:
    leaf(entry, "name", stream.name)
    leaf(entry, "description", stream.description)
    leaf(entry, "replaySupport", "true" if stream.replay_support else "false")
    if stream.replay_support and stream.replay_log_creation_time is not None:
        leaf(entry, "replayLogCreationTime", format_time(stream.replay_log_creation_time))
