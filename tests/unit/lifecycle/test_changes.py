"""What a document changes of a VM in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openesc.inventory import states as s
from openesc.inventory.records import Interface, Resource, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.changes import Applied, VmChange, asked, asked_of_volume, change_of, monitor_mark
from openesc.lifecycle.pools import ADDRESS, Held

SAMPLE = intent.parse((Path(__file__).parents[3] / "examples" / "cirros-vnf.xml").read_bytes())
GROUP = replace(SAMPLE.groups[0], interfaces=())
NONE = Held({}, {})
VM = Vm("v", "d", GROUP.name, 0, "vm", s.VM_ALIVE, "server", "h", "host", "i", "f", True, None, 1)
ALIVE = replace(VM, monitor=monitor_mark(GROUP))


def nic(nicid: int, network: str = "n", **more: Any) -> intent.Interface:
    return replace(intent.Interface(nicid, "virtual", network, None, None, None, (), ()), **more)


def row(wanted: intent.Interface, *, attached: bool = True) -> Interface:
    found = Interface("v", wanted.nicid, "virtual", f"port-{wanted.nicid}", "net", "sub", "10.0.0.1", "fa")
    return replace(found, asked=asked(wanted, NONE), attached=attached)


def change(wanted: list[intent.Interface], rows: list[Interface], vm: Vm = ALIVE, **group: Any) -> VmChange:
    return change_of(vm, replace(GROUP, interfaces=tuple(wanted), **group), Applied(rows, NONE))


def test_what_is_as_wanted_needs_nothing() -> None:
    assert not change([nic(0), nic(1, "m")], [row(nic(0)), row(nic(1, "m"))])


def test_interfaces_come_and_go() -> None:
    assert change([nic(0), nic(1)], [row(nic(0))]) == VmChange(new=(1,))
    assert change([nic(0)], [row(nic(0)), row(nic(1))]) == VmChange(gone=(1,))


@pytest.mark.parametrize(
    "leaf",
    [{"network": "m"}, {"subnet": "x"}, {"ip_address": "10.0.0.9"}, {"mac_address": "fa:16"}, {"type": "direct"}],
)
def test_an_interface_whose_port_cannot_serve_is_exchanged(leaf: dict[str, str]) -> None:
    assert change([nic(0, **leaf)], [row(nic(0))]) == VmChange(gone=(0,), new=(0,))


@pytest.mark.parametrize("leaf", [{"security_groups": ("web",)}, {"allowed_address_pairs": (("10.0.0.0/24", None),)}])
def test_what_a_port_can_change_is_changed_on_it(leaf: dict[str, Any]) -> None:
    assert change([nic(0, **leaf)], [row(nic(0))]) == VmChange(changed=(0,))


def test_a_port_that_was_made_and_not_attached_is_still_to_be_attached() -> None:
    assert change([nic(0), nic(1)], [row(nic(0)), row(nic(1), attached=False)]) == VmChange(new=(1,))


def test_an_interface_of_unknown_leaves_is_left_alone() -> None:
    assert not change([nic(0, "elsewhere")], [replace(row(nic(0)), asked=None)])


def test_the_address_a_vm_holds_of_a_pool_is_what_it_asked_for() -> None:
    held = Held({(ADDRESS, "n", 0): "10.0.0.7"}, {})
    wanted = nic(0, ip_address="10.0.0.1")
    group = replace(GROUP, interfaces=(wanted,))
    assert not change_of(ALIVE, group, Applied([replace(row(wanted), asked=asked(wanted, held))], held))


def test_another_kpi_sets_the_monitor_anew_where_it_is_on() -> None:
    kpis = (replace(GROUP.kpis[0], metric_value="2"),)
    assert change([], [], kpis=kpis) == VmChange(monitor=True)
    assert change([], [], kpis=(), monitored=False) == VmChange(monitor=True)
    for state in (s.VM_SHUTOFF, s.VM_MONITOR_UNSET):
        assert not change([], [], replace(ALIVE, state=state), kpis=kpis)
    waiting = replace(ALIVE, state=s.VM_MONITOR_DISABLED, vim_status=s.VERIFY_RESIZE)
    assert not change([], [], waiting, kpis=kpis)


def test_a_monitor_that_an_update_left_off_is_set_again() -> None:
    assert change([], [], replace(ALIVE, state=s.VM_MONITOR_DISABLED)) == VmChange(monitor=True)


def test_it_is_kept_in_the_journal() -> None:
    found = VmChange((1,), (1, 2), (0,), monitor=True)
    assert VmChange.from_json(found.to_json()) == found
    assert found.resources and not VmChange(monitor=True).resources


def volume(name: str, **more: Any) -> intent.Volume:
    return replace(intent.Volume(name, 1, None, None, None, None, 0), **more)


def stored(wanted: intent.Volume, *, attached: bool = True) -> Resource:
    facts = {"asked": asked_of_volume(wanted), "attached": attached}
    return Resource("r", "volume", f"k/{wanted.name}", wanted.name, "t", "d", "v", "c", "id", True, facts, None, 1)


def of_volumes(wanted: list[intent.Volume], rows: list[Resource]) -> VmChange:
    return change_of(ALIVE, replace(GROUP, volumes=tuple(wanted)), Applied([], NONE, rows))


def test_volumes_come_and_go() -> None:
    assert not of_volumes([volume("a")], [stored(volume("a"))])
    assert of_volumes([volume("b")], [stored(volume("a"))]) == VmChange(volumes_gone=("a",), volumes_new=("b",))
    assert of_volumes([volume("a")], [stored(volume("a"), attached=False)]) == VmChange(volumes_new=("a",))


def test_a_boot_volume_gives_its_place_to_another() -> None:
    data, old, new = volume("data"), volume("old", boot_index=0), volume("new", size=None, boot_index=0)
    assert of_volumes([new, data], [stored(old), stored(data)]) == VmChange(boot=("old", "new"))


def test_what_an_attached_volume_does_not_change_is_named() -> None:
    [(leaf, text)] = of_volumes([volume("a", size=2)], [stored(volume("a"))]).faults
    assert leaf == "volumes/volume[name='a']/size"
    assert text == f"size of volume a in vm_group {GROUP.name} cannot change: give it another name"
    assert of_volumes([volume("a", size=2)], [stored(volume("a"), attached=False)]).faults == ()


def test_a_boot_volume_that_only_goes_or_only_comes_is_named() -> None:
    boot = volume("boot", boot_index=0)
    assert of_volumes([], [stored(boot)]).faults[0][1].startswith(f"the boot volume boot of vm_group {GROUP.name} goes")
    assert of_volumes([boot], []).faults[0][0] == "volumes/volume[name='boot']/boot_index"
