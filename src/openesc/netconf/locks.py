"""Locks on whole datastores (RFC 6241 section 7.5), and the edits they keep out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from openesc.netconf.errors import RpcError

NOT_NETCONF = 0
"""The session-id of somebody who edits through another door (RFC 6241 section 7.5)."""


@dataclass(frozen=True)
class Lock:
    """Who holds a datastore since when."""

    session_id: int
    since: datetime


class LockTable:
    """The locks of one server. Doors other than NETCONF look at it with `holder` or edit inside `editing`."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}
        self._editors: dict[str, Counter[int]] = {}
        self._edit_ended = asyncio.Condition()

    def holder(self, datastore: str) -> int | None:
        """The session-id of the lock's holder, None when the datastore is free."""
        lock = self._locks.get(datastore)
        return lock.session_id if lock else None

    def get(self, datastore: str) -> Lock | None:
        """The lock on a datastore."""
        return self._locks.get(datastore)

    async def acquire(self, datastore: str, session_id: int) -> None:
        """Lock for `session_id`: new edits of others are refused at once, running ones are waited for.

        Raises RpcError lock-denied, naming the holder, when the datastore is locked already.
        """
        if (holder := self.holder(datastore)) is not None:
            raise _denied(datastore, holder, session_id)
        self._locks[datastore] = lock = Lock(session_id, datetime.now(UTC))
        try:
            async with self._edit_ended:
                await self._edit_ended.wait_for(lambda: not self._others_edit(datastore, session_id))
        except asyncio.CancelledError:
            if self._locks.get(datastore) is lock:
                del self._locks[datastore]
            raise

    def release(self, datastore: str, session_id: int) -> None:
        """Unlock. Raises RpcError when `session_id` does not hold the lock (RFC 6241 section 7.6)."""
        holder = self.holder(datastore)
        if holder is None:
            raise RpcError("operation-failed", f"{datastore} is not locked")
        if holder != session_id:
            raise _denied(datastore, holder, session_id)
        del self._locks[datastore]

    def release_all(self, session_id: int) -> None:
        """The session is over: so are its locks."""
        for datastore in [name for name, lock in self._locks.items() if lock.session_id == session_id]:
            del self._locks[datastore]

    @asynccontextmanager
    async def editing(self, datastore: str, session_id: int) -> AsyncIterator[None]:
        """The time in which `session_id` changes `datastore`. Raises RpcError in-use while another holds the lock."""
        holder = self.holder(datastore)
        if holder not in (None, session_id):
            raise RpcError(
                "in-use",
                f"{datastore} is locked by {_whose(holder)}",
                error_info={"session-id": str(holder)},
            )
        editors = self._editors.setdefault(datastore, Counter())
        editors[session_id] += 1
        try:
            yield
        finally:
            editors[session_id] -= 1
            self._editors[datastore] = +editors
            await self._announce()

    def _others_edit(self, datastore: str, session_id: int) -> bool:
        return any(editor != session_id for editor in self._editors.get(datastore, ()))

    async def _announce(self) -> None:
        async with self._edit_ended:
            self._edit_ended.notify_all()


def _denied(datastore: str, holder: int, session_id: int) -> RpcError:
    whose = "this session already" if holder == session_id else _whose(holder)
    return RpcError("lock-denied", f"{datastore} is locked by {whose}", error_info={"session-id": str(holder)})


def _whose(holder: int | None) -> str:
    return f"session {holder}" if holder else "somebody outside NETCONF"
