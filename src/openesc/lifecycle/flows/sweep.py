"""Sweep: doubles that a lost answer left are removed once they can no longer appear."""

from __future__ import annotations

import asyncio

from openesc.inventory import store as inventory
from openesc.lifecycle import journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import OperationFailed, StepFailed
from openesc.lifecycle.flows.strays import names, remove_strays, remove_vm_strays
from openesc.lifecycle.locks import EXCLUSIVE, SHARED, name_key
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.queue import Draft
from openesc.store import Tx, now_ms


def submit_if_doubted(tx: Tx, work: Work) -> None:
    """Queue a sweep when a step may have acted twice, or a call that was given up may still take effect."""
    twice = any(step.doubted for step in journal.steps(tx.connection, work.op.id).values())
    since = now_ms() - round(work.vim.http_timeout * 1000)
    late = any(doubt.intent_at > since for doubt in journal.doubts(tx.connection, work.deployment.id))
    if twice or late:
        assert work.services.queue is not None
        work.services.queue.submit(tx, _draft(tx, work))


def _draft(tx: Tx, work: Work) -> Draft:
    """It meets no operation on a VM: what that one makes is no double. The document says which names are looked for,
    whatever the deployment wants by then.
    """
    record, vms = work.deployment, inventory.vms_of(tx.connection, work.deployment.id)
    return Draft(
        kind="sweep",
        subject=f"{record.tenant}/{record.name}",
        claims=[(name_key(record.tenant, record.name), SHARED), *((f"vm/{vm.id}", EXCLUSIVE) for vm in vms)],
        arguments={"since": now_ms(), "document": work.op.arguments["document"]},
        tenant=record.tenant,
        deployment_id=record.id,
    )


async def sweep(op: Operation, services: Services) -> None:
    """Wait out the time a lost call may take, then delete what has the deployment's names and is not recorded."""
    work = await deployment_work(op, services)
    until = int(op.arguments["since"]) + round(work.vim.http_timeout * 1000)
    try:
        await op.wait(asyncio.sleep(max(0, until - now_ms()) / 1000))
        vms = await services.store.read(lambda connection: inventory.vms_of(connection, work.deployment.id))
        for vm in vms:
            await remove_vm_strays(work, vm, f"vm/{vm.name}")
        await remove_strays(work, names(work.deployment.id, vms, [work.intent]), "strays")
    except StepFailed as failure:
        raise OperationFailed(failure.reason) from failure
