"""Sweep: doubles that a lost answer left are removed once they can no longer appear."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment
from openesc.lifecycle import journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import OperationFailed, StepFailed
from openesc.lifecycle.flows.strays import remove_vm_strays, remove_volume_and_network_strays
from openesc.lifecycle.locks import SHARED, name_key
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.queue import Draft
from openesc.store import Tx, now_ms
from openesc.store import tables as t


def submit_if_doubted(tx: Tx, work: Work) -> None:
    """Queue a sweep when a step may have acted twice, or a call that was given up may still take effect."""
    s = t.steps.c
    results = tx.execute(select(s.result).where(s.operation_id == work.op.id)).scalars()
    twice = any(isinstance(result, dict) and result.get("doubt") for result in results)
    since = now_ms() - round(work.vim.http_timeout * 1000)
    late = any(doubt.intent_at > since for doubt in journal.doubts(tx.connection, work.deployment.id))
    if twice or late:
        assert work.services.queue is not None
        work.services.queue.submit(tx, _draft(work.deployment))


def _draft(record: Deployment) -> Draft:
    return Draft(
        kind="sweep",
        subject=f"{record.tenant}/{record.name}",
        claims=[(name_key(record.tenant, record.name), SHARED)],
        arguments={"since": now_ms()},
        tenant=record.tenant,
        deployment_id=record.id,
    )


async def sweep(op: Operation, services: Services) -> None:
    """Wait out the time a lost call may take, then delete servers and ports that are not the recorded ones."""
    work = await deployment_work(op, services)
    until = int(op.arguments["since"]) + round(work.vim.http_timeout * 1000)
    try:
        await op.wait(asyncio.sleep(max(0, until - now_ms()) / 1000))
        vms = await services.store.read(lambda connection: inventory.vms_of(connection, work.deployment.id))
        for vm in vms:
            await remove_vm_strays(work, vm, f"vm/{vm.name}")
        await remove_volume_and_network_strays(work, vms, "volumes-and-networks")
    except StepFailed as failure:
        raise OperationFailed(failure.reason) from failure
