"""How each row of `openesc.lifecycle.failures` is brought about: what is there before, and the edit that fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.integration.main_job.payloads import deployment, group, model, network, of_tenant, removed_group, undeploy

from openesc.events import types as e
from openesc.lifecycle.failures import BROKEN, REFUSED, SILENT, TABLE, TURN, Failure

DELETE = ' nc:operation="delete"'
WORDS = "Refused for the table."
INNER = f"<networks>{network('inner', '192.168.40.0')}</networks>"
BOTH = ("SolTest-Network", "inner")
VOLUME = "<volumes><volume><name>disk</name><volid>0</volid><size>1</size><bus>virtio</bus></volume></volumes>"
STARTUP = (
    "<policies><startup><target_vm_group_ref>g2</target_vm_group_ref><depends_on><vm_group_ref>g1</vm_group_ref>"
    "</depends_on></startup></policies>"
)
ACTIONS: Mapping[str, Mapping[str, Any]] = {
    REFUSED: {"type": "http", "status": 403, "text": WORDS},
    BROKEN: {"type": "error"},
    SILENT: {"type": "ping_silent"},
}


@dataclass(frozen=True)
class Scenario:
    """`before`: documents, each with the event that closes it. `edit`: the one that fails. `fault`: rules beside or in
    place of that of the row. `prelude`: the failure of an earlier operation that comes first. `extra`: a port tagged
    as the deployment's, made by somebody else. The VM concerned is of the group g2; everything is in the tenant `name`.
    """

    edit: str
    before: tuple[tuple[str, str], ...] = ()
    fault: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    prelude: str | None = None
    extra: bool = False


def faults(row: Failure) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The row's own fault rule."""
    return () if row.fault is None else ((row.fault.call, ACTIONS[row.fault.effect]),)


@dataclass(frozen=True)
class Names:
    """Where things of one row are."""

    name: str
    images: str
    row: Failure = field(repr=False)

    @property
    def bootup(self) -> int:
        return 1 if self.row.fault is not None and self.row.fault.effect == SILENT else 60

    def all_of_it(self, before: str = INNER) -> str:
        """A deployment of a VM with everything that can fail."""
        made = group("g2", networks=BOTH if before == INNER else BOTH[:1], bootup=self.bootup, extra=VOLUME)
        return deployment(self.name, made, before=before, tenant=self.name)

    def only(self, member: str, before: str = "", **more: Any) -> str:
        """A deployment of one group, or what adds it."""
        return deployment(self.name, group(member, **more), before=before, tenant=self.name)


def _making(names: Names) -> Scenario:
    if names.row.operation == "deploy":
        return Scenario(names.all_of_it())
    return Scenario(names.all_of_it(), before=((names.only("g1"), e.SERVICE_ALIVE),))


def _tenant_in_update(names: Names) -> Scenario:
    """An update that waits behind a deploy whose tenant could not be made either."""
    held = (("project.list", {"type": "delay", "seconds": 1}),)
    return Scenario(names.only("g2"), ((names.only("g1"), ""),), held, prelude=e.SERVICE_ALIVE)


def _not_there(names: Names) -> Scenario:
    edit = names.only("g2", image="no-such-image")
    return Scenario(edit, () if names.row.operation == "deploy" else ((names.only("g1"), e.SERVICE_ALIVE),))


def _startup(names: Names) -> Scenario:
    groups = (group("g1"), group("g2"))
    edit = deployment(names.name, *groups, before=STARTUP, tenant=names.name)
    before = () if names.row.operation == "deploy" else ((names.only("g3"), e.SERVICE_ALIVE),)
    return Scenario(edit, before, (("server.create", ACTIONS[REFUSED]),))


def _taking(names: Names) -> Scenario:
    nets = names.row.fault is not None and names.row.fault.call in ("subnet.delete", "network.delete")
    made = names.all_of_it(INNER if nets else "")
    return Scenario(undeploy(names.name, names.name), ((made, e.SERVICE_ALIVE),))


def _cloud_away(names: Names) -> Scenario:
    away = (("*", {"type": "http", "status": 503, "text": WORDS}),)
    return Scenario(undeploy(names.name, names.name), ((names.only("g2"), e.SERVICE_ALIVE),), away)


def _proof(names: Names) -> Scenario:
    return Scenario(undeploy(names.name, names.name), ((names.only("g2"), e.SERVICE_ALIVE),), extra=True)


def _group_leaves(names: Names) -> Scenario:
    both = deployment(names.name, group("g1"), group("g2", extra=VOLUME), tenant=names.name)
    return Scenario(removed_group(names.name, "g2", tenant=names.name), ((both, e.SERVICE_ALIVE),))


def _network_leaves(names: Names) -> Scenario:
    gone = f"<networks><network{DELETE}><name>inner</name></network></networks>"
    edit = deployment(names.name, before=gone, tenant=names.name)
    return Scenario(edit, ((names.only("g1", before=INNER), e.SERVICE_ALIVE),))


def _tenant(names: Names) -> Scenario:
    gone = model(f"<tenants><tenant{DELETE}><name>{names.name}</name></tenant></tenants>")
    made = of_tenant(names.name)
    return Scenario(made) if names.row.operation == "create-tenant" else Scenario(gone, ((made, e.CREATE_TENANT),))


def _network(names: Names) -> Scenario:
    own = network(names.name, "10.50.0.0")
    made, bare = (
        of_tenant(names.name, f"<networks>{content}</networks>")
        for content in (own, f"<network><name>{names.name}</name></network>")
    )
    if names.row.operation == "delete-network":
        return Scenario(bare.replace("<network>", f"<network{DELETE}>"), ((made, e.CREATE_SUBNET),))
    if names.row.events != (e.DELETE_SUBNET,):
        return Scenario(made)
    subnet = f"<subnet{DELETE}><name>{names.name}-subnet</name></subnet></network>"
    return Scenario(bare.replace("</network>", subnet), ((made, e.CREATE_SUBNET),))


def _artifact(names: Names) -> Scenario:
    kind = names.row.events[0].partition("_")[2].lower()
    leaves = {
        "image": f"<src>{names.images}/cirros.qcow2</src><disk_format>qcow2</disk_format>",
        "flavor": "<vcpus>1</vcpus><memory_mb>64</memory_mb>",
    }[kind]
    made = model(f"<{kind}s><{kind}><name>{names.name}</name>{leaves}</{kind}></{kind}s>")
    gone = model(f"<{kind}s><{kind}{DELETE}><name>{names.name}</name></{kind}></{kind}s>")
    if names.row.operation == "create-artifact":
        return Scenario(made)
    return Scenario(gone, ((made, f"CREATE_{kind.upper()}"),))


_STEPS: Mapping[str, Callable[[Names], Scenario]] = {
    "a group names an image, flavor, network or subnet that is not there": _not_there,
    "a group that must be alive before (policies/startup) failed": _startup,
    "the server or a port of a VM that leaves is deleted": _group_leaves,
    "a volume of a VM that leaves is deleted (the cloud keeps one that has snapshots)": _group_leaves,
    "an ephemeral network that leaves, or its subnet, is deleted": _network_leaves,
    "the cloud cannot be had within the patience of a step": _cloud_away,
    "something of it is still there when all was deleted (the proof)": _proof,
}
_OPERATIONS: Mapping[str, Callable[[Names], Scenario]] = {
    "deploy": _making,
    "update": _making,
    "undeploy": _taking,
    "create-tenant": _tenant,
    "delete-tenant": _tenant,
    "apply-network": _network,
    "delete-network": _network,
    "create-artifact": _artifact,
    "delete-artifact": _artifact,
}
SHOWN_ELSEWHERE: Mapping[tuple[str, str], str] = {
    (
        "deploy",
        "an undeploy interrupts it (`interrupted by undeploy`)",
    ): "main_job/test_main_trouble.py::test_a_call_hangs",
    ("create-tenant", "managed_resource is false and the project is not there"): (
        "main_job/test_main_catalogue.py::test_unmanaged_and_absent"
    ),
    ("update", "a port is made, given to a VM, changed, taken from it or deleted"): (
        "operations/test_interfaces.py::test_a_failed_update_is_sent_again"
    ),
    ("update", "a volume is made, found, given to a VM, taken from it or deleted"): (
        "operations/test_volumes.py::test_a_failed_update_is_sent_again"
    ),
    ("update", "a boot volume is replaced, the cloud does not swap it, and `restore.root_volume` is refuse"): (
        "operations/test_restore.py::test_refused_by_the_setting_where_the_cloud_does_not_swap"
    ),
    ("update", "a boot volume is replaced: the server that is made anew is refused, or goes to ERROR"): (
        "operations/test_restore.py::test_a_restore_that_failed_half_way_is_sent_again"
    ),
    ("update", "a changed VM is not alive within bootup_time when its monitor is set again"): (
        "operations/test_interfaces.py::test_a_vm_that_does_not_come_back_to_life"
    ),
    **{
        (row.operation, row.step): "operations/test_action_failures.py::test_row"
        for row in TABLE
        if row.operation == "update" and ("resize" in row.step or row.step.startswith(TURN))
    },
}
"""Rows that another test of tests/integration shows."""


def scenario(names: Names) -> Scenario:
    """What brings the row about."""
    row = names.row
    if (row.operation, row.fault and row.fault.call) == ("update", "project.create"):
        return _tenant_in_update(names)
    return _STEPS.get(row.step, _OPERATIONS[row.operation])(names)


ROWS = [row for row in TABLE if row.operation in _OPERATIONS and (row.operation, row.step) not in SHOWN_ELSEWHERE]
"""The rows of what edits begin; those of actions on what is deployed are shown with the actions."""
