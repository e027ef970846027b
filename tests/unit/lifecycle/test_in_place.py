"""What an update may change while VMs run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openesc.lifecycle.in_place import refusals
from openesc.lifecycle.intent import Deployment, Placement, PlacementRule, parse

SAMPLE = Path(__file__).parents[3] / "examples" / "cirros-vnf.xml"
NAME = "SolTest-Cirros-VM-Group"


@pytest.fixture
def deployed() -> Deployment:
    return parse(SAMPLE.read_bytes())


def with_group(deployment: Deployment, **changes: object) -> Deployment:
    group = replace(deployment.group(NAME), **changes)  # type: ignore[arg-type]
    return replace(deployment, groups=(group,))


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("placement", {"placements": (Placement("zone_host", "Host-24", None),)}),
        ("vim_vm_name", {"vim_vm_name": "cirros-vm"}),
    ],
)
def test_what_running_vms_do_not_allow_is_refused_by_name(
    deployed: Deployment, part: str, changes: dict[str, object]
) -> None:
    changed = with_group(deployed, **changes)
    [refused] = refusals(deployed, changed, {NAME})
    assert refused.error_message == (
        f"{part} of vm_group {NAME} cannot change while its VMs run: delete the group, add it anew"
    )
    assert (refused.error_path or "").endswith(f"/vm_group[name='{NAME}']/{part}")
    assert list(refusals(deployed, changed, set())) == []


@pytest.mark.parametrize(
    "changes", [{"interfaces": ()}, {"image": "snapshot"}, {"bootup_time": 90}, {"kpis": ()}, {"max_active": 4}]
)
def test_the_rest_may_change(deployed: Deployment, changes: dict[str, object]) -> None:
    assert list(refusals(deployed, with_group(deployed, **changes), {NAME})) == []


def test_a_running_deployment_does_not_move_to_another_cloud(deployed: Deployment) -> None:
    moved = replace(deployed, vim_id="other")
    [refused] = refusals(deployed, moved, {NAME})
    assert refused.error_message == (
        "locator of a deployment cannot change while its VMs run: undeploy it and deploy it anew"
    )


def test_a_server_group_takes_members_in_and_lets_them_go(deployed: Deployment) -> None:
    """A server that runs does not get into another one."""
    alone, both = (PlacementRule("r", "affinity", frozenset(groups)) for groups in ({NAME}, {NAME, "new"}))
    assert list(refusals(replace(deployed, rules=(alone,)), replace(deployed, rules=(both,)), {NAME})) == []
    assert list(refusals(replace(deployed, rules=(both,)), deployed, {NAME})) == []
    [refused] = refusals(deployed, replace(deployed, rules=(alone,)), {NAME})
    assert refused.error_message.startswith(f"policies/placement of vm_group {NAME} cannot change while its VMs run")
