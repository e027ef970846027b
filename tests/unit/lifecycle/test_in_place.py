"""What an update may change while VMs run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openesc.lifecycle.in_place import refusals
from openesc.lifecycle.intent import Deployment, Interface, Placement, Volume, parse

SAMPLE = Path(__file__).parents[3] / "examples" / "cirros-vnf.xml"
NAME = "SolTest-Cirros-VM-Group"


@pytest.fixture
def deployed() -> Deployment:
    return parse(SAMPLE.read_bytes())


def with_group(deployment: Deployment, **changes: object) -> Deployment:
    group = replace(deployment.group(NAME), **changes)  # type: ignore[arg-type]
    return replace(deployment, groups=(group,))


def interface(network: str) -> Interface:
    return Interface(0, "virtual", network, None, None, None, (), ())


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("interfaces", {"interfaces": (interface("other"),)}),
        ("volumes", {"volumes": (Volume("v", 1, None, None, None, None, 0),)}),
        ("placement", {"placements": (Placement("zone_host", "Host-24", None),)}),
        ("vim_vm_name", {"vim_vm_name": "cirros-vm"}),
    ],
)
def test_what_running_vms_do_not_allow_is_refused_by_name(
    deployed: Deployment, part: str, changes: dict[str, object]
) -> None:
    changed = with_group(deployed, **changes)
    assert list(refusals(deployed, changed, {NAME})) == [
        f"{part} of vm_group {NAME} cannot change while its VMs run: delete the group, add it anew"
    ]
    assert list(refusals(deployed, changed, set())) == []


@pytest.mark.parametrize("changes", [{"image": "snapshot"}, {"bootup_time": 90}, {"kpis": ()}, {"max_active": 4}])
def test_the_rest_may_change(deployed: Deployment, changes: dict[str, object]) -> None:
    assert list(refusals(deployed, with_group(deployed, **changes), {NAME})) == []


def test_a_running_deployment_does_not_move_to_another_cloud(deployed: Deployment) -> None:
    moved = replace(deployed, vim_id="other")
    assert list(refusals(deployed, moved, {NAME})) == [
        "locator of a deployment cannot change while its VMs run: undeploy it and deploy it anew"
    ]
