"""Images and flavors: registered for all tenants, in the connector's own project (developer guide, image and flavor
workflows).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
from lxml import etree

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.inventory.records import Resource
from openesc.lifecycle import announce, journal
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import OperationFailed, StepFailed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.lifecycle.steps.doubles import remove_doubles
from openesc.lifecycle.xmlread import each, first, integer, required, text, truth
from openesc.store import Tx
from openesc.vim.errors import VimError, VimForbidden
from openesc.vim.port import SHARED_PROJECT, Cloud, Flavor, FlavorSpec, Image, ImageSpec

log = structlog.get_logger(__name__)

MARK = "openesc_operation"
"""The image property that holds the id of the operation that made it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between images and flavors."""

    name: str
    created: str
    deleted: str
    find: Callable[[Cloud, str], Awaitable[Image | Flavor | None]]
    made: Callable[[Cloud, etree._Element, str], Awaitable[Image | Flavor | None]]
    """What the operation of this mark made, complete."""
    marked: Callable[[Cloud, str, str], Awaitable[Sequence[str]]] | None
    """The ids of all that carries the mark, in any state; None where the cloud takes a name once."""
    create: Callable[[Cloud, etree._Element, str], Awaitable[Image | Flavor]]
    delete: Callable[[Cloud, str], Awaitable[None]]


async def create(op: Operation, services: Services) -> None:
    """Register it; an existing one of that name is adopted and not deleted later."""
    kind = KINDS[op.arguments["kind"]]
    wanted = first(etree.fromstring(op.arguments["document"].encode()), f"{kind.name}s/{kind.name}")
    assert wanted is not None
    name = required(wanted, "name")
    record = partial(_record, services, op, kind, name)
    try:
        # whether it was there is a step of its own: after a crash, only what is made from here on can be ours
        there = await op.step(f"{kind.name}/{name}/found", lambda _: _found(services, kind, name), record)
        if there["id"] is None:
            await op.step(f"{kind.name}/{name}", lambda attempt: _make(attempt, services, kind, wanted, op.id), record)
    except StepFailed as failure:
        reason = failure.reason
        await op.commit("failed", lambda tx: _tell_failed(tx, services, op.id, kind, kind.created, name, reason))
        await _remove_doubles(op, services, kind, name)
        raise OperationFailed(reason) from failure
    await _remove_doubles(op, services, kind, name)


async def _found(services: Services, kind: Kind, name: str) -> dict[str, Any]:
    cloud = await _shared_cloud(services)
    existing = await persist(services.settings.patience, lambda: kind.find(cloud, name))
    if existing is None:
        return {"id": None}
    return {"id": existing.id, "owned": False, "public": existing.public}


async def _make(
    attempt: Attempt, services: Services, kind: Kind, wanted: etree._Element, operation_id: str
) -> dict[str, Any]:
    cloud = await _shared_cloud(services)
    made, doubt = await create_once(
        attempt,
        services.settings.patience,
        lambda: kind.made(cloud, wanted, operation_id),
        lambda: kind.create(cloud, wanted, operation_id),
    )
    return {"id": made.id, "owned": True, "public": made.public, "doubt": doubt}


def _record(services: Services, op: Operation, kind: Kind, name: str, tx: Tx, result: dict[str, Any]) -> None:
    """It is there, found or made; told with it."""
    if result["id"] is None:
        return
    resource = _resource(tx, kind, name, result)
    known = inventory.resource(tx.connection, resource.key)
    if known is not None and known.external_id == resource.external_id:
        resource = replace(resource, owned=known.owned or resource.owned)  # sent twice: it stays ours
    inventory.remove_resource(tx, resource.key)
    inventory.add_resource(tx, resource)
    services.events.append(tx, announce.artifact(kind.created, resource), op.id)


async def _remove_doubles(op: Operation, services: Services, kind: Kind, name: str) -> None:
    """Where an answer was lost: take away what this operation made beside what is recorded."""
    marked = kind.marked
    if marked is None or not op.doubted(f"{kind.name}/{name}"):
        return
    record = await services.store.read(lambda connection: inventory.resource(connection, _key(kind, name)))
    known = record.external_id if record is not None else None

    async def find() -> list[str]:
        found = await marked(await _shared_cloud(services), name, op.id)
        return [external_id for external_id in found if external_id != known]

    async def delete(external_id: str) -> None:
        await kind.delete(await _shared_cloud(services), external_id)

    await remove_doubles(op, services, kind.name, name, SHARED_PROJECT, find, delete)


async def _shared_cloud(services: Services) -> Cloud:
    return await persist(services.settings.patience, lambda: services.vims.get(None).cloud(SHARED_PROJECT))


async def delete(op: Operation, services: Services) -> None:
    """Unregister it, and delete it in the cloud if we made it."""
    kind, name = KINDS[op.arguments["kind"]], op.arguments["name"]
    record = await services.store.read(lambda connection: inventory.resource(connection, _key(kind, name)))

    async def act(_: Attempt) -> None:
        if record is not None and record.owned and record.external_id:
            external_id = record.external_id
            cloud = await _shared_cloud(services)
            await persist(services.settings.patience, lambda: kind.delete(cloud, external_id))

    def forget(tx: Tx, _: object) -> None:
        gone = inventory.resource(tx.connection, _key(kind, name)) or _resource(tx, kind, name, {})
        inventory.remove_resource(tx, gone.key)
        services.events.append(tx, announce.artifact(kind.deleted, gone), op.id)

    try:
        await op.step(f"{kind.name}/{name}/delete", act, forget)
    except StepFailed as failure:
        reason = failure.reason
        await op.commit("failed", lambda tx: _delete_failed(tx, services, op.id, kind, name, reason))
        raise OperationFailed(reason) from failure


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, *, deleting: bool, reason: str) -> None:
    kind = KINDS[str(row.arguments["kind"])]
    event_type = kind.deleted if deleting else kind.created
    _tell_failed(tx, services, row.id, kind, event_type, str(row.arguments["name"]), reason)


def _tell_failed(
    tx: Tx, services: Services, operation_id: str, kind: Kind, event_type: str, name: str, reason: str
) -> None:
    services.events.append(tx, announce.artifact(event_type, _resource(tx, kind, name, {}), reason), operation_id)


def _delete_failed(tx: Tx, services: Services, operation_id: str, kind: Kind, name: str, reason: str) -> None:
    record = inventory.resource(tx.connection, _key(kind, name))
    if record is not None:
        leftover = {
            "kind": kind.name,
            "external_id": record.external_id or name,
            "name": name,
            "project": SHARED_PROJECT,
            "reason": reason,
        }
        inventory.add_leftover(tx, leftover)
        inventory.remove_resource(tx, record.key)
    _tell_failed(tx, services, operation_id, kind, kind.deleted, name, reason)


def _key(kind: Kind, name: str) -> str:
    return f"{kind.name}:{name}"


def _resource(tx: Tx, kind: Kind, name: str, result: Mapping[str, Any]) -> Resource:
    return Resource(
        id=inventory.new_id(),
        kind=kind.name,
        key=_key(kind, name),
        name=name,
        tenant=None,
        deployment_id=None,
        parent=None,
        cloud_name=name,
        external_id=result.get("id"),
        owned=bool(result.get("owned")),
        facts={"public": bool(result.get("public"))},
        failure=None,
        created_at=tx.clock.tick(),
    )


async def _create_image(cloud: Cloud, wanted: etree._Element, operation_id: str) -> Image:
    spec = ImageSpec(
        name=required(wanted, "name"),
        disk_format=required(wanted, "disk_format"),
        container_format=text(wanted, "container_format") or "bare",
        public=True,
        properties={**_image_properties(wanted), MARK: operation_id},
    )
    try:
        return await _upload(cloud, spec, required(wanted, "src"))
    except VimError:
        await _remove_half_made(cloud, spec.name, operation_id)
        raise


async def _upload(cloud: Cloud, spec: ImageSpec, source: str) -> Image:
    """Who may not make images for everybody makes one for its own project, where a member deploys."""
    try:
        return await cloud.create_image(spec, source)
    except VimForbidden as error:
        log.warning("image_is_private", image=spec.name, why=str(error))
    return await cloud.create_image(replace(spec, public=False), source)


async def _remove_half_made(cloud: Cloud, name: str, operation_id: str) -> None:
    """An upload that broke off leaves a queued record under the name."""
    try:
        for image in await _marked_images(cloud, name, operation_id):
            if image.status != "active":
                await cloud.delete_image(image.id)
    except VimError:
        return  # it is looked for again when the operation ends


async def _marked_images(cloud: Cloud, name: str, operation_id: str) -> list[Image]:
    return [image for image in await cloud.images_named(name) if image.properties.get(MARK) == operation_id]


async def _made_image(cloud: Cloud, wanted: etree._Element, operation_id: str) -> Image | None:
    marked = await _marked_images(cloud, required(wanted, "name"), operation_id)
    return next((image for image in marked if image.status == "active"), None)


async def _marked_image_ids(cloud: Cloud, name: str, operation_id: str) -> list[str]:
    return [image.id for image in await _marked_images(cloud, name, operation_id)]


def _image_properties(wanted: etree._Element) -> dict[str, str]:
    """Glance's names for ESC's leaves, then the properties as they are."""
    bus = text(wanted, "disk_bus")
    properties = {"hw_disk_bus": bus} if bus else {}
    if truth(wanted, "e1000_net", False):
        properties["hw_vif_model"] = "e1000"
    elif truth(wanted, "virtio_net", False):
        properties["hw_vif_model"] = "virtio"
    if truth(wanted, "serial_console", False):
        properties["hw_serial_port_count"] = "1"
    return {**properties, **_properties(wanted)}


def _properties(wanted: etree._Element) -> dict[str, str]:
    return {required(found, "name"): text(found, "value") or "" for found in each(wanted, "properties/property")}


async def _made_flavor(cloud: Cloud, wanted: etree._Element, _: str) -> Flavor | None:
    """Names of flavors are unique. Its extra specs take a request of their own, which may not have been made."""
    found = await cloud.find_flavor(required(wanted, "name"))
    if found is not None:
        await cloud.set_flavor_properties(found.id, _properties(wanted))
    return found


async def _create_flavor(cloud: Cloud, wanted: etree._Element, _: str) -> Flavor:
    spec = FlavorSpec(
        name=required(wanted, "name"),
        vcpus=integer(wanted, "vcpus", 1),
        memory_mb=integer(wanted, "memory_mb", 0),
        root_disk_gb=_gib(integer(wanted, "root_disk_mb", 0)),
        ephemeral_disk_gb=_gib(integer(wanted, "ephemeral_disk_mb", 0)),
        swap_disk_mb=integer(wanted, "swap_disk_mb", 0),
        description=text(wanted, "description"),
        properties=_properties(wanted),
    )
    return await cloud.create_flavor(spec)


def _gib(mebibytes: int) -> int:
    """Nova counts disks in GiB: round up, 0 stays the image's own size."""
    return -(-mebibytes // 1024)


async def _find_image(cloud: Cloud, name: str) -> Image | None:
    """Only an image that can be used counts."""
    found = await cloud.find_image(name)
    return found if found is not None and found.status == "active" else None


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "image",
            types.CREATE_IMAGE,
            types.DELETE_IMAGE,
            _find_image,
            _made_image,
            _marked_image_ids,
            _create_image,
            lambda cloud, external_id: cloud.delete_image(external_id),
        ),
        Kind(
            "flavor",
            types.CREATE_FLAVOR,
            types.DELETE_FLAVOR,
            lambda cloud, name: cloud.find_flavor(name),
            _made_flavor,
            None,
            _create_flavor,
            lambda cloud, external_id: cloud.delete_flavor(external_id),
        ),
    )
}
