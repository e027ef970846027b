"""The planner on a real store with a queue that only writes rows down."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import pytest_asyncio
from lxml import etree
from sqlalchemy import update

from openesc.errors import OperationRefused
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service, move_vm
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import journal
from openesc.lifecycle.engine import Engine, EngineSettings, Flow
from openesc.lifecycle.journal import OperationRow
from openesc.lifecycle.locks import EXCLUSIVE, name_key
from openesc.lifecycle.planner import INTERRUPTED_BY_UNDEPLOY, Planner, Wish
from openesc.store import Store, Tx
from openesc.store import tables as t

ESC = "http://www.cisco.com/esc/esc"
KINDS = [
    "deploy",
    "update",
    "undeploy",
    "create-tenant",
    "delete-tenant",
    "create-artifact",
    "delete-artifact",
    "apply-network",
    "delete-network",
]


def document(*groups: str, active: int = 1, most: int = 9) -> bytes:
    made = "".join(
        f"<vm_group><name>{name}</name><image>i</image><flavor>f</flavor><bootup_time>60</bootup_time>"
        "<recovery_wait_time>0</recovery_wait_time><interfaces><interface><nicid>0</nicid><network>n</network>"
        f"</interface></interfaces><scaling><min_active>{active}</min_active><max_active>{most}</max_active></scaling>"
        "</vm_group>"
        for name in groups
    )
    text = (
        f'<esc_datamodel xmlns="{ESC}"><tenants><tenant><name>t</name><deployments><deployment><name>d</name>'
        f"{made}</deployment></deployments></tenant></tenants></esc_datamodel>"
    )
    return etree.tostring(etree.fromstring(text))


class House:
    """A planner over an engine that never starts: operations stay queued until a test ends them."""

    def __init__(self, store: Store) -> None:
        async def never(_op: object) -> None: ...

        flows = {kind: Flow(never, lambda *_: None) for kind in KINDS}
        self.store = store
        self.planner = Planner(Engine(store, flows, EngineSettings()), "vim")

    async def plan(self, *wishes: Wish) -> list[OperationRow]:
        return await self.store.write(lambda tx: self.planner.plan(tx, wishes, "somebody"))

    async def deploy(self, wanted: bytes | None) -> list[OperationRow]:
        return await self.plan(Wish("deployment", ("t", "d"), wanted))

    async def end(self, rows: Sequence[OperationRow], trigger: str, state: str = journal.SUCCEEDED) -> None:
        """The operations end; services and VMs get there by the triggers the flows use."""

        def fn(tx: Tx) -> None:
            for row in rows:
                journal.set_state(tx, row.id, state)
                assert row.deployment_id is not None
                for vm in inventory.vms_of(tx.connection, row.deployment_id):
                    if vm.state == states.VM_UNDEF:
                        move_vm(tx, vm.id, "deploy")
                        move_vm(tx, vm.id, "up" if trigger == "up" else "fail")
                        inventory.put_interface(tx, Interface(vm.id, 0, "virtual", "p", "n", "s", "10.0.0.1", "fa"))
                move_service(tx, row.deployment_id, trigger)
                if trigger == "up":
                    move_service(tx, row.deployment_id, "alive", alive_at=1)

        await self.store.write(fn)

    async def vms(self, row: OperationRow) -> list[Vm]:
        return await self.store.read(lambda c: inventory.vms_of(c, row.deployment_id or ""))

    async def deployments(self) -> list[tuple[str, str]]:
        rows = await self.store.read(lambda c: inventory.deployments_named(c, "t", "d"))
        return [(row.id, row.state) for row in rows]


@pytest_asyncio.fixture
async def house(store: Store) -> House:
    return House(store)


async def test_a_new_deployment_has_its_rows_before_its_operation_begins(house: House) -> None:
    (row,) = await house.deploy(document("a", "b", active=2))
    assert (row.kind, row.subject, row.requested_by) == ("deploy", "t/d", "somebody")
    assert (name_key("t", "d"), EXCLUSIVE) in row.claims
    assert {"image/i", "flavor/f", "network/n", "network/t/n", "tenant/t"} <= {key for key, _ in row.claims}
    assert await house.deployments() == [(row.deployment_id, states.SERVICE_DEPLOYING)]
    vms = await house.store.read(lambda c: inventory.vms_of(c, row.deployment_id or ""))
    assert [(vm.vm_group, vm.ordinal, vm.state) for vm in vms] == [
        (group, ordinal, states.VM_UNDEF) for group in "ab" for ordinal in (0, 1)
    ]


async def test_the_same_document_again_needs_nothing(house: House) -> None:
    rows = await house.deploy(document("a"))
    assert await house.deploy(document("a")) == []  # on its way
    await house.end(rows, "up")
    assert await house.deploy(document("a")) == []  # applied


async def test_a_change_while_active_is_an_update_behind_it(house: House) -> None:
    (first,) = await house.deploy(document("a"))
    (second,) = await house.deploy(document("a", "b"))
    assert (second.kind, second.deployment_id) == ("update", first.deployment_id)
    assert second.position > first.position
    assert await house.deploy(document("a", "b")) == []


async def test_a_change_of_what_is_applied_is_an_update(house: House) -> None:
    await house.end(await house.deploy(document("a")), "up")
    (row,) = await house.deploy(document("a", "b"))
    assert row.kind == "update"


async def test_more_vms_have_their_rows_before_the_update_begins(house: House) -> None:
    """Lowering the number takes none away; a maximum below it is refused with both numbers."""
    await house.end(await house.deploy(document("a", active=2)), "up")
    (row,) = await house.deploy(document("a", active=3))
    assert row.kind == "update"
    assert [vm.ordinal for vm in await house.vms(row)] == [0, 1, 2]
    (row,) = await house.deploy(document("a", active=1))
    assert len(await house.vms(row)) == 3
    with pytest.raises(OperationRefused) as caught:
        await house.deploy(document("a", active=1, most=2))
    assert caught.value.error_message == "scaling/max_active 2 of vm_group a is below the number of its VMs, 3"


async def test_what_failed_is_tried_again_when_it_is_sent_again(house: House) -> None:
    (first,) = await house.deploy(document("a"))
    await house.end([first], "fail", journal.FAILED)
    (again,) = await house.deploy(document("a"))
    assert (again.kind, again.deployment_id) == ("deploy", first.deployment_id)
    assert await house.deployments() == [(first.deployment_id, states.SERVICE_DEPLOYING)]
    await house.end([again], "fail", journal.FAILED)
    (retried,) = await house.store.write(
        lambda tx: house.planner.retry(tx, inventory.deployments_named(tx.connection, "t", "d")[0])
    )
    assert retried.deployment_id == first.deployment_id


async def test_what_failed_and_changed_is_brought_to_the_new_document(house: House) -> None:
    (first,) = await house.deploy(document("a"))
    await house.end([first], "fail", journal.FAILED)
    (row,) = await house.deploy(document("b"))
    assert row.deployment_id == first.deployment_id
    assert row.arguments["document"].encode() == document("b")


async def test_undeploy_interrupts_everything_of_its_deployment(house: House) -> None:
    running = await house.deploy(document("a"))
    queued = await house.deploy(document("a", "b"))
    (gone,) = await house.deploy(None)
    assert gone.kind == "undeploy"
    assert await house.deployments() == [(gone.deployment_id, states.SERVICE_UNDEPLOYING)]
    for row in (*running, *queued):
        found = await house.store.read(lambda c, row=row: journal.operation(c, row.id))  # type: ignore[misc]
        assert found is not None
        assert found.cancel == INTERRUPTED_BY_UNDEPLOY
    assert await house.deploy(None) == []


async def test_made_again_under_its_name_while_it_goes(house: House) -> None:
    (first,) = await house.deploy(document("a"))
    await house.deploy(None)
    (again,) = await house.deploy(document("a"))
    assert again.kind == "deploy"
    assert again.deployment_id != first.deployment_id
    assert (name_key("t", "d"), EXCLUSIVE) in again.claims  # waits for the one that goes
    assert await house.deployments() == [
        (first.deployment_id, states.SERVICE_UNDEPLOYING),
        (again.deployment_id, states.SERVICE_DEPLOYING),
    ]
    (gone,) = await house.deploy(None)
    assert gone.deployment_id == again.deployment_id


async def test_what_others_need_is_made_first_and_taken_away_last(house: House) -> None:
    xml = f'<esc_datamodel xmlns="{ESC}"/>'.encode()
    made = await house.plan(
        Wish("deployment", ("t", "d"), document("a")), Wish("tenant", ("u",), xml), Wish("image", ("i",), xml)
    )
    assert [row.kind for row in made] == ["create-tenant", "create-artifact", "deploy"]
    await house.store.write(lambda tx: tx.execute(update(t.operations).values(state=journal.SUCCEEDED)) and None)
    gone = await house.plan(
        Wish("tenant", ("t",), None), Wish("image", ("i",), None), Wish("deployment", ("t", "d"), None)
    )
    assert [row.kind for row in gone] == ["undeploy", "delete-artifact", "delete-tenant"]


async def test_a_deployments_tenant_is_made_by_it(house: House) -> None:
    tenant = f'<esc_datamodel xmlns="{ESC}"><tenants><tenant><name>t</name></tenant></tenants></esc_datamodel>'
    rows = await house.plan(Wish("tenant", ("t",), tenant.encode()), Wish("deployment", ("t", "d"), document("a")))
    assert [row.kind for row in rows] == ["deploy"]


@pytest.mark.parametrize("kind", ["tenant-volume", "system"])
async def test_some_units_need_no_operation(house: House, kind: str) -> None:
    assert await house.plan(Wish(kind, ("t", "v"), b"<x/>")) == []
