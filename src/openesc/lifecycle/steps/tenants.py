"""The tenant's project in the cloud."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.inventory.records import Resource
from openesc.lifecycle import announce
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.store import Tx
from openesc.vim.errors import VimConflict, VimError, VimNotFound
from openesc.vim.port import Vim


def tenant_key(name: str) -> str:
    return f"tenant:{name}"


async def ensure_tenant(
    op: Operation, services: Services, vim: Vim, name: str, *, managed: bool = True, always_tell: bool = False
) -> str:
    """The project of that name is there; returns its id. An existing one is adopted and never deleted.

    Tenants are made in the default VIM alone (user guide, tenants); in another VIM the project must exist.
    CREATE_TENANT is sent when it was made, when making it failed, and with `always_tell` also when it was adopted.
    Raises: StepFailed.
    """
    if vim.vim_id != services.vims.default_id:
        found = await op.step(f"tenant/{name}/found", lambda _: _find_elsewhere(services, vim, name))
        return str(found["id"])
    lock = services.tenant_locks[name]
    await op.wait(lock.acquire())
    try:
        known = await services.store.read(lambda connection: inventory.resource(connection, tenant_key(name)))
        known_id = known.external_id if known is not None else None
        if known_id is not None and not always_tell and await op.wait(_is_there(services, vim, name)):
            return known_id
        return await _make(op, services, vim, name, managed, always_tell)
    finally:
        lock.release()


async def _is_there(services: Services, vim: Vim, name: str) -> bool:
    """Whether nobody has deleted it, as far as is known. The row is that of the default VIM."""
    if vim.vim_id != services.vims.get(None).vim_id:
        return True
    try:
        await persist(services.settings.patience, lambda: vim.cloud(name))
    except VimNotFound:
        return False
    except VimError:  # the next who asks for the cloud tells it
        pass
    return True


async def _make(op: Operation, services: Services, vim: Vim, name: str, managed: bool, always_tell: bool) -> str:
    def record(tx: Tx, result: dict[str, object]) -> None:
        if result["id"] is not None:
            tenant = _record(tx, name, str(result["id"]), bool(result["owned"]))
            if result["owned"] or always_tell:
                services.events.append(tx, announce.tenant(types.CREATE_TENANT, tenant), op.id)

    try:
        # whether it was there is a step of its own: after a crash, only what is made from here on can be ours
        found = await op.step(f"tenant/{name}/found", lambda _: _find(services, vim, name, managed), record)
        if found["id"] is not None:
            return str(found["id"])
        made = await op.step(f"tenant/{name}", lambda attempt: _create(attempt, services, vim, name), record)
        return str(made["id"])
    except StepFailed as failure:
        reason = failure.reason
        await op.commit(f"tenant/{name}/failed", lambda tx: _failed(services, op, tx, name, reason))
        raise


async def _find(services: Services, vim: Vim, name: str, managed: bool) -> dict[str, object]:
    found = await persist(services.settings.patience, lambda: vim.find_project(name))
    if found is None and not managed:
        raise vim.unseen(name, ", and managed_resource is false: create it in the cloud")
    return {"id": found.id if found is not None else None, "owned": False}


async def _find_elsewhere(services: Services, vim: Vim, name: str) -> dict[str, object]:
    found = await persist(services.settings.patience, lambda: vim.find_project(name))
    if found is None:
        raise vim.unseen(
            name,
            ", and tenants are made in the default VIM alone: create it there, or name another in locator/vim_project",
        )
    return {"id": found.id}


async def _create(attempt: Attempt, services: Services, vim: Vim, name: str) -> dict[str, object]:
    try:
        project, _ = await create_once(
            attempt, services.settings.patience, lambda: vim.find_project(name), lambda: vim.create_project(name)
        )
    except VimConflict:
        # nothing of ours is in doubt, so somebody else made it in between: adopt it
        found = await vim.find_project(name)
        if found is None:
            raise
        return {"id": found.id, "owned": False}
    return {"id": project.id, "owned": True}


def _record(tx: Tx, name: str, project_id: str, owned: bool) -> Resource:
    existing = inventory.resource(tx.connection, tenant_key(name))
    if existing is not None:
        inventory.update_resource(tx, existing.key, external_id=project_id, owned=existing.owned or owned, failure=None)
    else:
        inventory.add_resource(tx, _resource(tx, name, project_id, owned))
    tenant = inventory.resource(tx.connection, tenant_key(name))
    assert tenant is not None
    return tenant


def _resource(tx: Tx, name: str, project_id: str | None, owned: bool) -> Resource:
    return Resource(
        id=inventory.new_id(),
        kind="tenant",
        key=tenant_key(name),
        name=name,
        tenant=name,
        deployment_id=None,
        parent=None,
        cloud_name=name,
        external_id=project_id,
        owned=owned,
        facts={},
        failure=None,
        created_at=tx.clock.tick(),
    )


def _failed(services: Services, op: Operation, tx: Tx, name: str, reason: str) -> None:
    services.events.append(tx, announce.tenant(types.CREATE_TENANT, failed_record(tx, name), reason), op.id)


def failed_record(tx: Tx, name: str) -> Resource:
    """A tenant that is not there, for the event that says so."""
    return _resource(tx, name, None, False)


async def delete_tenant(op: Operation, services: Services, vim: Vim, record: Resource) -> None:
    """Take the project away if it is ours. Raises: StepFailed."""

    async def act(_: Attempt) -> None:
        if record.owned and record.external_id is not None:
            project_id = record.external_id
            await persist(services.settings.patience, lambda: vim.delete_project(project_id))

    def forget(tx: Tx, _: object) -> None:
        inventory.remove_resource(tx, record.key)
        services.events.append(tx, announce.tenant(types.DELETE_TENANT, record), op.id)

    await op.step(f"tenant/{record.name}/delete", act, forget)


__all__ = ["delete_tenant", "ensure_tenant", "failed_record", "tenant_key"]
