"""The operations, one function each, found by Clark name (RFC 6241 section 7)."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from lxml.etree import _Element

from openesc.netconf import errors, names
from openesc.netconf.errors import RpcError
from openesc.netconf.messages import session_id
from openesc.netconf.names import base, q, split
from openesc.netconf.parameters import datastore, edit_request, filter_of, parameters
from openesc.netconf.schemas import get_schema
from openesc.netconf.state import server_state
from openesc.netconf.subscription import create_subscription

if TYPE_CHECKING:
    from openesc.netconf.session import Session

Handler = Callable[["Session", _Element], Awaitable[bytes | None]]

_CLOSE_SESSION = base("close-session")


async def perform(session: Session, operation: _Element) -> bytes | None:
    """Do one operation: the content of its reply, None for `<ok/>`. Raises what the reply should report."""
    session.core.backend.tidy(operation)
    handler = _find(session, operation)
    qname = str(operation.tag)
    if qname != _CLOSE_SESSION:  # always permitted (RFC 8341 section 3.2.4)
        session.core.backend.authorize(session.info, qname)
    return await handler(session, operation)


def _find(session: Session, operation: _Element) -> Handler:
    qname = str(operation.tag)
    if qname in OPERATIONS:
        return OPERATIONS[qname]
    namespace, name = split(qname)
    if namespace == names.BASE and name in _NEEDS:
        raise errors.not_supported(f"{name} needs {_NEEDS[name]}, which this server does not have")
    if qname in session.core.schema.rpcs:
        return _invoke
    raise _unknown(session, namespace, name)


def _unknown(session: Session, namespace: str, name: str) -> RpcError:
    known = {split(qname) for qname in (*OPERATIONS, *session.core.schema.rpcs)}
    homes = sorted(home for home, local in known if local == name)
    if homes:
        message = f'operation {name} is in the namespace {homes[0]}, not in "{namespace}"'
        info = {"bad-element": name, "bad-namespace": namespace}
        return RpcError("unknown-namespace", message, error_info=info)
    near = difflib.get_close_matches(name, [local for _, local in known], 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return errors.unknown_element(name, f"there is no operation {name}{hint}")


async def _invoke(session: Session, operation: _Element) -> bytes | None:
    return await session.core.backend.invoke(session.info, operation)


def _data(content: bytes) -> bytes:
    return b"<data>%b</data>" % content if content else b"<data/>"


async def get(session: Session, operation: _Element) -> bytes | None:
    """RFC 6241 section 7.7. The server's own state comes after the backend's data."""
    wanted = filter_of(parameters(operation, ("filter",)).get("filter"))
    content = await session.core.backend.get(session.info, wanted)
    return _data(content + server_state(session, wanted))


async def get_config(session: Session, operation: _Element) -> bytes | None:
    """RFC 6241 section 7.1."""
    given = parameters(operation, ("source", "filter"))
    source = datastore(given, "source")
    wanted = filter_of(given.get("filter"))
    return _data(await session.core.backend.get_config(session.info, source, wanted))


async def edit_config(session: Session, operation: _Element) -> bytes | None:
    """RFC 6241 section 7.2. Refused while another session holds the lock."""
    edit = edit_request(session.core, operation)
    async with session.core.locks.editing(edit.target, session.info.id):
        await session.core.backend.edit_config(session.info, edit)
    return None


async def lock(session: Session, operation: _Element) -> bytes | None:
    """RFC 6241 section 7.5."""
    target = datastore(parameters(operation, ("target",)), "target")
    await session.core.locks.acquire(target, session.info.id)
    return None


async def unlock(session: Session, operation: _Element) -> bytes | None:
    """RFC 6241 section 7.6."""
    target = datastore(parameters(operation, ("target",)), "target")
    session.core.locks.release(target, session.info.id)
    return None


async def close_session(session: Session, operation: _Element) -> bytes | None:
    """RFC 6241 section 7.8: answer, then end."""
    parameters(operation, ())
    session.after_reply.append(lambda: session.finish("close-session"))
    return None


async def kill_session(session: Session, operation: _Element) -> bytes | None:
    """RFC 6241 section 7.9. The answer comes when the other session has ended."""
    given = parameters(operation, ("session-id",))
    if "session-id" not in given:
        raise errors.missing_element("session-id", "kill-session needs the session-id of the session to end")
    victim_id = session_id(given["session-id"])
    if victim_id == session.info.id:
        raise RpcError("invalid-value", "a session cannot kill itself; use close-session")
    victim = session.core.sessions.get(victim_id)
    if victim is None:
        raise RpcError("invalid-value", f"there is no session {victim_id}")
    await victim.kill(f"killed by session {session.info.id}")
    return None


OPERATIONS: dict[str, Handler] = {
    base("get"): get,
    base("get-config"): get_config,
    base("edit-config"): edit_config,
    base("lock"): lock,
    base("unlock"): unlock,
    base("close-session"): close_session,
    base("kill-session"): kill_session,
    q(names.NOTIFICATION, "create-subscription"): create_subscription,
    q(names.MONITORING, "get-schema"): get_schema,
}

_NEEDS = {
    "copy-config": "a second datastore or the capability :url",
    "delete-config": "the capability :startup or :url",
    "commit": "the capability :candidate",
    "discard-changes": "the capability :candidate",
    "cancel-commit": "the capability :confirmed-commit",
    "validate": "the capability :validate",
}
