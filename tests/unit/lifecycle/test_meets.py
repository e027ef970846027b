"""What meets what: every cell, and the rules of the user guide that the table must keep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openesc.errors import OperationRefused
from openesc.inventory import states as s
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import journal, meets
from openesc.lifecycle.engine import Engine, EngineSettings, Flow
from openesc.lifecycle.locks import EXCLUSIVE, SHARED, name_key
from openesc.lifecycle.queue import Draft
from openesc.northbound.actions import admits
from openesc.store import Store, Tx

KPI = (
    "<kpi_data><kpi><event_name>VM_ALIVE</event_name><metric_value>1</metric_value><metric_cond>GE</metric_cond>"
    "<metric_type>UINT32</metric_type><metric_collector><type>ICMPPing</type></metric_collector></kpi></kpi_data>"
)


def document(kpi: str = KPI) -> bytes:
    return (
        '<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><tenants><tenant><name>t</name><deployments><deployment>'
        f"<name>dep</name><vm_group><name>g</name>{kpi}</vm_group></deployment></deployments></tenant></tenants>"
        "</esc_datamodel>"
    ).encode()


DEPLOYMENT = Deployment("d", "t", "dep", s.SERVICE_ACTIVE, "vim", "t", None, document(), None, None, 1)
MACHINE = Vm(
    id="v0",
    deployment_id="d",
    vm_group="g",
    ordinal=0,
    name="dep_g_0_x",
    state=s.VM_ALIVE,
    server_id="server",
    host_id="h",
    hostname="host",
    image="i",
    flavor="f",
    announced=True,
    failure=None,
    created_at=1,
)

SITUATIONS: dict[str, tuple[str, str, str | None, str]] = {
    meets.DEPLOYING: (s.SERVICE_DEPLOYING, s.VM_DEPLOYING, None, s.VM_DEPLOYING),
    meets.ACTIVE: (s.SERVICE_ACTIVE, s.VM_ALIVE, None, s.VM_ALIVE),
    meets.INERT: (s.SERVICE_INERT, s.VM_INERT, None, s.VM_ALIVE),
    meets.UNMONITORED: (s.SERVICE_ACTIVE, s.VM_MONITOR_UNSET, None, s.VM_ALIVE),
    meets.PARTLY_STOPPED: (s.SERVICE_ACTIVE, s.VM_ALIVE, None, s.VM_SHUTOFF),
    meets.STOPPED: (s.SERVICE_STOPPED, s.VM_SHUTOFF, None, s.VM_SHUTOFF),
    meets.REBOOTING: (s.SERVICE_REBOOTING, s.VM_REBOOTING, None, s.VM_REBOOTING),
    meets.VERIFY_RESIZE: (s.SERVICE_ACTIVE, s.VM_MONITOR_DISABLED, s.VERIFY_RESIZE, s.VM_ALIVE),
    meets.ERROR: (s.SERVICE_ERROR, s.VM_ERROR, None, s.VM_ALIVE),
    meets.RECOVERING: (s.SERVICE_ACTIVE, s.VM_ERROR, None, s.VM_ALIVE),
    meets.UNDEPLOYING: (s.SERVICE_UNDEPLOYING, s.VM_UNDEPLOYING, None, s.VM_UNDEPLOYING),
}
"""State of the service and of the VM, its status in the VIM, the state of a second VM."""

ON_A_VM = {row for row in meets.TABLE if row.startswith("vm ")} | {
    "live migration",
    "cold migration",
    "recovery",
    "backup",
}


def put(tx: Tx, column: str) -> tuple[Deployment, Vm]:
    service, first, vim_status, second = SITUATIONS[column]
    current, vm = replace(DEPLOYMENT, state=service), replace(MACHINE, state=first, vim_status=vim_status)
    inventory.add_deployment(tx, current)
    inventory.add_vm(tx, vm)
    inventory.add_vm(tx, replace(MACHINE, id="v1", ordinal=1, name="dep_g_1_x", state=second))
    if column == meets.RECOVERING:
        claims = [(name_key("t", "dep"), SHARED), ("vm/v0", EXCLUSIVE)]
        row = _queue().submit(tx, Draft("recover", "x", claims, deployment_id="d", vm_id="v0"))
        journal.set_state(tx, row.id, journal.RUNNING)
    return current, vm


def _queue() -> Engine:
    async def run(op: object) -> None:
        raise AssertionError("is not run")

    flow = Flow(run, lambda tx, row, reason: None)
    return Engine(None, {"recover": flow, "busy": flow}, EngineSettings())  # type: ignore[arg-type]  # never started


@pytest.mark.parametrize("column", meets.COLUMNS)
@pytest.mark.parametrize("row", [row for row in meets.TABLE if not row.startswith(("update", "scaling", "undeploy"))])
async def test_every_cell_of_an_action(store: Store, row: str, column: str) -> None:
    cell = meets.TABLE[row][column]

    def ask(tx: Tx) -> bool:
        current, vm = put(tx, column)
        return admits(tx.connection, row, current, vm if row in ON_A_VM else None)

    if cell in (meets.RUN, meets.QUEUE):
        assert await store.write(ask) is (cell == meets.RUN)
    else:
        with pytest.raises(OperationRefused) as refused:
            await store.write(ask)
        what = "VM [dep_g_0_x]" if row in ON_A_VM else "Service group [dep]"
        assert str(refused.value) == f"{what} {cell}"


async def test_what_runs_already_keeps_its_states(store: Store) -> None:
    """An operation that the table lets run still waits for one that holds the deployment."""

    def ask(tx: Tx) -> bool:
        current, vm = put(tx, meets.ACTIVE)
        _queue().submit(tx, Draft("busy", "x", [(name_key("t", "dep"), EXCLUSIVE)], deployment_id="d"))
        return admits(tx.connection, "vm STOP", current, vm)

    assert await store.write(ask) is False


async def test_an_operation_on_another_vm_is_not_waited_for(store: Store) -> None:
    def ask(tx: Tx) -> bool:
        current, vm = put(tx, meets.ACTIVE)
        claims = [(name_key("t", "dep"), SHARED), ("vm/v1", EXCLUSIVE)]
        _queue().submit(tx, Draft("busy", "x", claims, deployment_id="d", vm_id="v1"))
        return admits(tx.connection, "vm STOP", current, vm)

    assert await store.write(ask) is True


@pytest.mark.parametrize("service", [s.SERVICE_ACTIVE, s.SERVICE_ERROR, s.SERVICE_STOPPED])
async def test_a_vm_without_a_kpi_that_is_up_counts_as_alive(store: Store, service: str) -> None:
    def ask(tx: Tx) -> str:
        current, vm = replace(DEPLOYMENT, state=service, wanted=document(kpi="")), replace(MACHINE, state=s.VM_INERT)
        inventory.add_deployment(tx, current)
        inventory.add_vm(tx, vm)
        return meets.column_of_vm(tx.connection, current, vm)

    assert await store.write(ask) == meets.ACTIVE


async def test_what_is_only_planned_does_not_count(store: Store) -> None:
    """A stopped service is stopped also where an update that waits is to add a VM."""

    def ask(tx: Tx) -> str:
        current, _ = put(tx, meets.STOPPED)
        inventory.add_vm(tx, replace(MACHINE, id="v2", ordinal=2, name="dep_g_2_x", state=s.VM_UNDEF))
        return meets.column_of_service(tx.connection, current)

    assert await store.write(ask) == meets.STOPPED


def test_only_undeploy_interrupts_start_and_reboot() -> None:
    running = [row for row, cells in meets.TABLE.items() if cells[meets.REBOOTING] == meets.RUN]
    assert running == ["undeploy"]


def test_a_stopped_vnf_takes_no_recovery_and_no_scaling() -> None:
    for row in ("recovery", "scaling"):
        assert meets.rejection(row, meets.STOPPED, "it") == f"it is stopped: it takes no {row}"


def test_snapshots_are_of_what_is_alive_or_stopped() -> None:
    taken = {column for column in meets.COLUMNS if meets.TABLE["backup"][column] == meets.RUN}
    assert taken == {meets.ACTIVE, meets.UNMONITORED, meets.PARTLY_STOPPED, meets.STOPPED}


def test_cold_migration_takes_a_powered_off_vm_and_live_does_not() -> None:
    assert meets.TABLE["cold migration"][meets.STOPPED] == meets.RUN
    assert meets.rejection("live migration", meets.STOPPED, "it") == "it is powered off: use a cold migration"


def test_undeploy_runs_in_every_state() -> None:
    assert set(meets.TABLE["undeploy"].values()) == {meets.RUN}


def test_nothing_but_update_waits_for_an_undeploy() -> None:
    waits = {row for row, cells in meets.TABLE.items() if cells[meets.UNDEPLOYING] == meets.QUEUE}
    assert waits == {"update", "update of a flavor", "update of a VM", "scaling"}
