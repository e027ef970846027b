"""Somebody deletes the project that a deployment lives in: OpenStack keeps what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openstack
import pytest
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import rpc

VOLUME = "<volumes><volume><name>data</name><volid>1</volid><size>1</size><sizeunit>GiB</sizeunit></volume></volumes>"


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House]) -> House:
    return make_house(OPENESC_ENGINE__CLOUD_PATIENCE_S="4")


@pytest.fixture
def cloud(house: House) -> Iterator[Any]:
    """The cloud as its administrator sees it; the SDK types what its two API versions have in common."""
    facts = house.server.cloud_facts
    words = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
    with openstack.connect(auth={word: facts[word] for word in words}, region_name="RegionOne") as found:
        yield found


def left(house: House, name: str) -> list[str]:
    """What the cloud has of the deployment."""
    return [one for kind in ("servers", "ports", "volumes") for one in house.names(kind) if one.startswith(name)]


def deployed(admin: Session, subscriber: Subscriber, name: str) -> str:
    """A deployment in a project of its name."""
    admin.edit(deployment(name, group(kpi=False, extra=VOLUME), tenant=name))
    assert subscriber.until("SERVICE_ALIVE", depname=name)[-1].status == "SUCCESS"
    (vm,) = texts(admin.deployment(name, name), "vm_name")
    return vm


def test_operations_undeployment_and_a_new_one(
    house: House, admin: Session, subscriber: Subscriber, cloud: Any
) -> None:
    """An operation fails soon and says why; the undeployment removes all the same; the next one has a new project."""
    vm = deployed(admin, subscriber, "orphans")
    assert len(left(house, "orphans")) == 3
    cloud.identity.delete_project(cloud.identity.find_project("orphans"))
    rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    came = subscriber.until("VM_STOPPED", depname="orphans")
    assert came[-1].status == "FAILURE"
    assert "is not there any more" in str(came[-1].status_message) and "(req-" in str(came[-1].status_message)
    admin.edit(undeploy("orphans", "orphans"))
    came = subscriber.until("SERVICE_UNDEPLOYED", depname="orphans")
    assert types(came)[-2:] == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert came[-1].status == "SUCCESS", came[-1]
    until(lambda: not left(house, "orphans"), "nothing is left in the cloud")
    deployed(admin, subscriber, "orphans")
    assert cloud.identity.find_project("orphans") is not None
    admin.edit(undeploy("orphans", "orphans"))
    assert subscriber.until("SERVICE_UNDEPLOYED", depname="orphans")[-1].status == "SUCCESS"
