"""A deployment that needs others, or networks, is refused until they are there (policies/external_dependencies)."""

from __future__ import annotations

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import deployment, group, model, network, undeploy
from tests.integration.main_job.subscriber import Subscriber

VM = group("g1", kpi=False)


def on_service(name: str) -> str:
    return _dependencies(
        f"<service_dependency><service><service_name>{name}</service_name><service_version>1.0</service_version>"
        "</service></service_dependency>"
    )


def on_network(name: str) -> str:
    return _dependencies(f"<network_dependency><network>{name}</network></network_dependency>")


def _dependencies(content: str) -> str:
    return f"<policies><external_dependencies>{content}</external_dependencies></policies>"


def test_a_deployment_that_is_not_there(admin: Session, subscriber: Subscriber) -> None:
    """Refused by name; accepted once it is there; what is there already may be sent again when the other has gone."""
    needs = deployment("needs", VM, before=on_service("dns"))
    error = admin.refused(needs)
    assert (error.tag, error.message) == (
        "invalid-value",
        "deployment dns, which deployment needs depends on, is not there: deploy it first",
    )
    assert "service[service_name='dns']" in str(error.path)
    assert admin.deployment("needs") is None
    admin.edit(deployment("dns", VM))
    admin.edit(needs)
    subscriber.until("SERVICE_ALIVE", depname="needs")
    admin.edit(undeploy("dns"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="dns")
    admin.edit(needs)


def test_both_in_one_edit(admin: Session, subscriber: Subscriber) -> None:
    first, second = (
        f"<deployment><name>{name}</name>{before}{VM}</deployment>"
        for name, before in (("pair-a", on_service("pair-b")), ("pair-b", ""))
    )
    admin.edit(
        model(f"<tenants><tenant><name>admin</name><deployments>{first}{second}</deployments></tenant></tenants>")
    )
    subscriber.until("SERVICE_ALIVE", depname="pair-a")


def test_a_network_that_is_not_there(house: House, admin: Session, subscriber: Subscriber) -> None:
    needs = deployment("netted", VM, before=on_network("backbone"))
    error = admin.refused(needs)
    assert (error.tag, error.message) == (
        "invalid-value",
        "network backbone, which deployment netted depends on, is not there: make it first",
    )
    admin.edit(model(f"<networks>{network('backbone', '10.61.0.0')}</networks>"))
    admin.edit(needs)
    subscriber.until("SERVICE_ALIVE", depname="netted")


@pytest.mark.parametrize("tenant", ["admin", "a-new-tenant"])
def test_a_network_of_the_cloud(admin: Session, subscriber: Subscriber, tenant: str) -> None:
    """Nobody configured it here; a tenant without a project yet sees what is shared."""
    admin.edit(deployment("clouded", VM, before=on_network("SolTest-Network"), tenant=tenant))
    subscriber.until("SERVICE_ALIVE", depname="clouded", tenant=tenant)


def test_a_cloud_that_does_not_answer_refuses_nothing(house: House, admin: Session) -> None:
    house.sim(
        "POST",
        "/sim/faults",
        {"match": {"service": "network", "method": "GET"}, "action": {"type": "http", "status": 503}, "count": None},
    )
    assert "<ok/>" in admin.edit(deployment("unasked", VM, before=on_network("who-knows")))
