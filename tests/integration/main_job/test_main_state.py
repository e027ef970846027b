"""What ``get`` answers as a whole: valid by the model, complete from the acceptance of a deployment on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lxml import etree
from tests.integration.main_job.house import House, Session, one, texts
from tests.integration.main_job.payloads import ESC, deployment, group, model, network, undeploy
from tests.integration.main_job.subscriber import Subscriber

from openesc.northbound.model import load_schema
from openesc.yang import Schema, validate

VOLUME = "<volumes><volume><name>disk</name><volid>0</volid><size>1</size><bus>virtio</bus></volume></volumes>"


@pytest.fixture(scope="module")
def schema(schema_cache: Path, shared_house: House) -> Schema:
    return load_schema(schema_cache)


def test_the_whole_of_it_is_valid_by_the_model(
    house: House, admin: Session, subscriber: Subscriber, schema: Schema
) -> None:
    """Configuration and state of everything there can be: what is mandatory is there, nothing else is."""
    admin.edit(model(f"<networks>{network('shared-net', '10.40.0.0')}</networks>"))
    admin.edit(deployment("whole", group(extra=VOLUME), tenant="state-tenant"))
    assert subscriber.until("SERVICE_ALIVE", depname="whole")[-1].status == "SUCCESS"
    data = admin.client.get().data
    assert [str(error) for error in validate(schema, list(data), content="all")] == []
    assert texts(data, "version") == [schema.modules["esc"].revision]
    assert texts(data, "hostname")[0] == os.uname().nodename
    assert int(texts(data, "uptime")[0]) > 0 and int(texts(data, "cpu_num")[0]) >= 1
    (volume,) = data.iterfind(f".//{{{ESC}}}vm_instance/{{{ESC}}}volumes/{{{ESC}}}volume")
    assert one(volume, "name") == "disk" and one(volume, "out_of_band") == "false"
    assert one(volume, "volume_id")
    admin.edit(undeploy("whole", "state-tenant"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="whole")


def test_the_version_alone(admin: Session, schema: Schema) -> None:
    data = admin.get("/esc_datamodel/version")
    assert [etree.QName(element).localname for element in data.iterdescendants()] == ["esc_datamodel", "version"]
    assert one(data, "version") == schema.modules["esc"].revision


def test_a_deployment_is_there_from_its_acceptance_on(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Right after ``<ok/>``, with nothing of it in the cloud: its id, its state and a state for each VM."""
    with house.fault("port.create", {"type": "delay", "seconds": 1}, name="accepted*", count=None):
        admin.edit(deployment("accepted", group(count=2)))
        entry = admin.deployment("accepted")
        assert one(entry, "deployment_id")
        assert len(texts(entry, "vm_name")) == 2
        service, *vms = texts(entry, "state")
        assert service in ("SERVICE_UNDEF_STATE", "SERVICE_DEPLOYING_STATE")
        assert set(vms) <= {"VM_UNDEF_STATE", "VM_DEPLOYING_STATE"} and len(vms) == 2
        assert texts(entry, "vm_id") == []
        assert subscriber.until("SERVICE_ALIVE", depname="accepted")[-1].status == "SUCCESS"
    admin.edit(undeploy("accepted"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="accepted")
