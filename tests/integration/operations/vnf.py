"""A deployed VNF, and what a client sees of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import ESC, deployment, group
from tests.integration.main_job.subscriber import Event, Subscriber


@dataclass
class Vnf:
    """One deployment. `vms` are the generated names, in the order of groups and ordinals."""

    name: str
    house: House
    admin: Session
    subscriber: Subscriber
    vms: list[str]

    def entry(self) -> etree._Element:
        found = self.admin.deployment(self.name)
        assert found is not None
        return found

    @property
    def state(self) -> str:
        """The service's state."""
        return self.entry().findtext(f"{{{ESC}}}state_machine/{{{ESC}}}state") or ""

    def vm_state(self, vm: str) -> str:
        for machine in self.entry().iter(f"{{{ESC}}}vm_state_machine"):
            if machine.findtext(f"{{{ESC}}}vm_name") == vm:
                return machine.findtext(f"{{{ESC}}}state") or ""
        raise AssertionError(f"opdata has no VM {vm}")

    @property
    def states(self) -> list[str]:
        """The service's state, then its VMs'."""
        return [self.state, *(self.vm_state(vm) for vm in self.vms)]

    def leaf(self, vm: str, name: str) -> str | None:
        """A leaf of the VM's entry."""
        for instance in self.entry().iter(f"{{{ESC}}}vm_instance"):
            if instance.findtext(f"{{{ESC}}}name") == vm:
                return instance.findtext(f"{{{ESC}}}{name}")
        raise AssertionError(f"opdata has no VM {vm}")

    def configured(self) -> str | None:
        """The deployment as running has it, as text; None when it is not there."""
        found = self.admin.config(self.name)
        return None if found is None else etree.tostring(found).decode()

    def operations(self) -> list[dict[str, Any]]:
        """Its operations, newest first."""
        rows = self.house.told("operation.list")
        named = (f"admin/{self.name}", *self.vms)
        return [row for row in rows if row["subject"].split(" ")[0] in named]

    def open_operations(self) -> list[dict[str, Any]]:
        """Those that run or wait."""
        return [row for row in self.operations() if row["state"] in ("queued", "running")]

    def until(self, type: str, each: Callable[[Event], None] | None = None, **fields: str) -> list[Event]:
        """The events up to this one of this deployment; `each` hears of every one as it comes."""
        return self.subscriber.until(type, each=each, **{"depname": self.name, **fields})  # type: ignore[arg-type]


def deployed(name: str, house: House, admin: Session, subscriber: Subscriber, groups: Sequence[str] = ()) -> Vnf:
    """Deploy it (by default one monitored VM) and wait for SERVICE_ALIVE."""
    admin.edit(deployment(name, *(groups or (group(),))))
    last = subscriber.until("SERVICE_ALIVE", depname=name)[-1]
    assert last.status == "SUCCESS", last
    vms = texts(admin.deployment(name), "vm_name")
    return Vnf(name, house, admin, subscriber, vms)


def rpc(session: Session, name: str, **leaves: str) -> str:
    """Send an action; the reply. Raises: RPCError."""
    content = "".join(f"<{key}>{value}</{key}>" for key, value in leaves.items())
    reply = session.client.dispatch(to_ele(f'<{name} xmlns="{ESC}">{content}</{name}>'))
    return str(reply.xml)


def refused(session: Session, name: str, **leaves: str) -> str:
    """Send an action that must not be taken; the text of its error."""
    try:
        reply = rpc(session, name, **leaves)
    except RPCError as error:
        return str(error.message)
    raise AssertionError(f"was accepted: {reply}")


def told(events: Sequence[Event]) -> list[tuple[str, str | None, str | None]]:
    """Type, status and text of each event."""
    return [event.short for event in events]
