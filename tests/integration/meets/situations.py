"""A VNF of two VMs in each state of the table of what meets what, and held there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, subscribe
from tests.integration.operations.vnf import Vnf, deployed, rpc

from openesc.inventory import states
from openesc.lifecycle import meets

SUBSCRIBERS: dict[Path, Subscriber] = {}
FLAVOR, OTHER_FLAVOR = "SolTest-Cirros-Flavor", "SolTest-Cirros-Flavor-v2"


def document(name: str, *, flavor: str = FLAVOR, bootup: int = 60, count: int = 1, nics: int = 1) -> str:
    """Two groups of one monitored VM each; `flavor`, `bootup` and `nics` are those of g1, `count` that of g2."""
    networks = ["SolTest-Network"] * nics
    return deployment(name, group("g1", flavor=flavor, bootup=bootup, networks=networks), group("g2", count=count))


def service(vnf: Vnf, action: str) -> None:
    rpc(vnf.admin, "serviceAction", actionType=action, tenantName="admin", depName=vnf.name)


def clients(house: House) -> tuple[Session, Subscriber]:
    """The first session and subscriber of the module: logging in for every cell would take longer than the cell."""
    if not house.sessions:
        house.session()
        SUBSCRIBERS[house.server.data_dir] = subscribe(house)
    return house.sessions[0], SUBSCRIBERS[house.server.data_dir]


def _begun(house: House, name: str) -> Vnf:
    """Its document is accepted."""
    admin, subscriber = clients(house)
    admin.edit(document(name))
    vnf = Vnf(name, house, admin, subscriber, [])
    vnf.vms = [machine.text or "" for machine in vnf.entry().iterfind(".//{*}vm_state_machine/{*}vm_name")]
    return vnf


def _come_to(vnf: Vnf, state: str) -> Vnf:
    """Its operation is at work on each VM: what is held now changes no more by itself."""
    until(lambda: set(vnf.states[1:]) == {state}, f"all VMs of {vnf.name} are in {state}")
    return vnf


def _active(house: House, name: str) -> Vnf:
    return deployed(name, house, *clients(house), [group("g1"), group("g2")])


@contextmanager
def _deploying(house: House, name: str) -> Iterator[Vnf]:
    with house.fault("server.create", {"type": "freeze"}, name=f"{name}_*", count=None):
        yield _come_to(_begun(house, name), states.VM_DEPLOYING)


@contextmanager
def active(house: House, name: str) -> Iterator[Vnf]:
    yield _active(house, name)


@contextmanager
def _inert(house: House, name: str) -> Iterator[Vnf]:
    """Up; its guests do not answer yet."""
    rule = {"match": {"server": f"{name}_*"}, "action": {"type": "ping_silent"}}
    identifier = house.sim("POST", "/sim/faults", rule)["fault"]["id"]
    vnf = _begun(house, name)
    for _ in vnf.vms:
        vnf.until("VM_DEPLOYED", status="SUCCESS")
    yield vnf
    house.sim("DELETE", f"/sim/faults/{identifier}")


@contextmanager
def _unmonitored(house: House, name: str) -> Iterator[Vnf]:
    vnf = _active(house, name)
    rpc(vnf.admin, "vmAction", actionType="DISABLE_MONITOR", vmName=vnf.vms[0])
    vnf.until("VM_MONITOR_UNSET")
    yield vnf


@contextmanager
def _partly_stopped(house: House, name: str) -> Iterator[Vnf]:
    vnf = _active(house, name)
    rpc(vnf.admin, "vmAction", actionType="STOP", vmName=vnf.vms[1])
    vnf.until("VM_STOPPED")
    yield vnf


@contextmanager
def _stopped(house: House, name: str) -> Iterator[Vnf]:
    vnf = _active(house, name)
    service(vnf, "STOP")
    vnf.until("SERVICE_STOPPED")
    yield vnf


@contextmanager
def _rebooting(house: House, name: str) -> Iterator[Vnf]:
    vnf = _active(house, name)
    with house.fault("server.stop", {"type": "freeze"}, name=f"{name}_*", count=2):
        service(vnf, "REBOOT")
        yield _come_to(vnf, states.VM_REBOOTING)


@contextmanager
def _verify_resize(house: House, name: str) -> Iterator[Vnf]:
    vnf = _active(house, name)
    vnf.admin.edit(document(name, flavor=OTHER_FLAVOR))
    vnf.until("VM_VERIFY_RESIZE")
    until(lambda: not vnf.open_operations(), "its update is over")
    yield vnf


@contextmanager
def _error(house: House, name: str) -> Iterator[Vnf]:
    """The cloud refused to stop it."""
    vnf = _active(house, name)
    with house.fault("server.stop", {"type": "http", "status": 409}, name=f"{name}_*", count=2):
        service(vnf, "STOP")
        vnf.until("SERVICE_STOPPED", status="FAILURE")
    yield vnf


@contextmanager
def _recovering(house: House, name: str) -> Iterator[Vnf]:
    vnf = _active(house, name)
    with house.fault("server.reboot", {"type": "freeze"}, name=f"{name}_*"):
        rpc(vnf.admin, "recoveryVmAction", actionType="DO", vmName=vnf.vms[0])
        vnf.until("VM_RECOVERY_INIT")
        yield vnf


@contextmanager
def _undeploying(house: House, name: str) -> Iterator[Vnf]:
    vnf = _active(house, name)
    with house.fault("server.delete", {"type": "freeze"}, name=f"{name}_*", count=2):
        vnf.admin.edit(undeploy(name))
        yield vnf


SITUATIONS: Mapping[str, Callable[[House, str], AbstractContextManager[Vnf]]] = {
    meets.DEPLOYING: _deploying,
    meets.ACTIVE: active,
    meets.INERT: _inert,
    meets.UNMONITORED: _unmonitored,
    meets.PARTLY_STOPPED: _partly_stopped,
    meets.STOPPED: _stopped,
    meets.REBOOTING: _rebooting,
    meets.VERIFY_RESIZE: _verify_resize,
    meets.ERROR: _error,
    meets.RECOVERING: _recovering,
    meets.UNDEPLOYING: _undeploying,
}
"""By column. What holds it there is over when the block ends."""

NEXT: Mapping[str, str] = {
    meets.DEPLOYING: meets.ACTIVE,
    meets.INERT: meets.ACTIVE,
    meets.REBOOTING: meets.ACTIVE,
    meets.RECOVERING: meets.ACTIVE,
}
"""The column a VNF comes to when nothing holds it any more; the others stay where they are."""
