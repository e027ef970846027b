"""The log block ESC operators grep for: ``===== SEND NOTIFICATION STARTS =====``, in a file of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

from openesc.events.escevent import EscEvent, VmInfo
from openesc.events.log import EventLog, Logged
from openesc.events.position import store_position, stored_position
from openesc.store import Store, StoreClosed, StoreError

POSITION_KEY = "log-block-position"
log = structlog.get_logger()


def block(logged: Logged) -> str:
    """The block of one event, line by line as the user guide prints it (VM resize, sample notifications)."""
    stamp = datetime.fromtimestamp(logged.position / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return "".join(f"{stamp} INFO {_one_line(line)}".rstrip() + "\n" for line in _lines(logged.event))


def _one_line(text: str) -> str:
    """The cloud's words may hold line breaks; a block has one line a field."""
    return " ".join(text.splitlines())


def _lines(event: EscEvent) -> Iterator[str]:
    yield ""
    yield "===== SEND NOTIFICATION STARTS ====="
    yield f"Type: {event.type}"
    yield f"Status: {event.status}"
    yield f"Status Code: {event.status_code}"
    yield f"Status Msg: {event.status_message}"
    yield from _subject_lines(event)
    for title, vm in (("VM Source", event.vm_source), ("VM Target", event.vm_target)):
        if vm is not None:
            yield f"{title}:"
            yield from _vm_lines(vm)
    yield "===== SEND NOTIFICATION ENDS ====="


def _subject_lines(event: EscEvent) -> Iterator[str]:
    """A service event names its tenant, a VM event its tenant's id: so the samples have it."""
    of_vm = event.vm_source is not None or event.vm_target is not None
    named = {
        "VM State": event.vm_state,
        "Image": event.image,
        "Flavor": event.flavor,
        "Network": event.network,
        "Subnet": event.subnet,
        "Tenant": None if of_vm else event.tenant,
        "Tenant ID": event.tenant_id if of_vm else None,
        "Deployment ID": event.depid,
        "Deployment name": event.depname,
        "VM group name": event.vm_group,
    }
    return (f"{title}: {value}" for title, value in named.items() if value is not None)


def _vm_lines(vm: VmInfo) -> Iterator[str]:
    named = {
        "VM ID": vm.vmid,
        "VM Name": vm.vmname,
        "VM Name (Generated)": vm.generated_vmname,
        "VIM ID": vm.vim_id,
        "VIM Project": vm.vim_project,
        "VIM Project ID": vm.vim_project_id,
        "Host ID": vm.hostid,
        "Host Name": vm.hostname,
    }
    return (f"{title}: {value}" for title, value in named.items() if value is not None)


class BlockLog:
    """Follows the event log and appends each event's block to a file.

    `retry`: seconds until a file that could not be written is tried again. The position is stored after the file is
    written: after a crash a block may stand in the file twice, none is missing.
    """

    def __init__(self, store: Store, log: EventLog, path: Path, *, retry: float = 5.0) -> None:
        self._store = store
        self._log = log
        self._path = path
        self._retry = retry

    async def run(self) -> None:
        """Follow for ever; a full disk makes it wait, not end."""
        while True:
            try:
                await self._follow()
            except StoreClosed:
                return
            except (OSError, StoreError) as error:
                log.warning("log block waits", file=str(self._path), reason=str(error))
                await asyncio.sleep(self._retry)

    async def _follow(self) -> None:
        position = await self._store.read(lambda connection: stored_position(connection, POSITION_KEY))
        async with contextlib.aclosing(self._log.follow(position)) as pages:
            async for page in pages:
                if page:
                    blocks = [block(logged) for logged in page if not logged.event.callback_only]
                    await asyncio.to_thread(self._write, "".join(blocks))
                    newest = page[-1].position
                    await self._store.write(lambda tx, newest=newest: store_position(tx, POSITION_KEY, newest))  # type: ignore[misc]

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o640)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(text)
