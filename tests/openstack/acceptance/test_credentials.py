"""Passwords that change and tokens that die in the middle of operations."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.main_job.house import House, texts, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import types
from tests.integration.operations.vnf import rpc
from tests.integration.snapshots.actions import BOOT_VOLUME
from tests.openstack.acceptance.conftest import RUN, PatientSubscriber, settings_of
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.openstack.acceptance.test_outages import held
from tests.server_process import ServerProcess

REFUSED = "The request you have made requires authentication."


class Changing:
    """A server whose connector is a user of its own.

    Args:
        outside: the cloud.
        folder: where the server and its clouds.yaml are.
    """

    def __init__(self, outside: Outside, folder: Path) -> None:
        self.outside = outside
        self.file = folder / "clouds.yaml"
        self.name = f"{RUN}-{uuid.uuid4().hex[:4]}"
        identity = outside.cloud.identity
        self.user: Any = identity.create_user(name=self.name, password="first", domain_id="default")
        project, role = identity.find_project("admin"), identity.find_role("admin")
        identity.assign_project_role_to_user(project, self.user, role)
        self.tell("first")
        environment = settings_of(
            outside.settings,
            OS_CLIENT_CONFIG_FILE=str(self.file),
            OPENESC_VIM__CLOUD="ours",
            OPENESC_ENGINE__CLOUD_PATIENCE_S="30",
        )
        self.house = House(ServerProcess(folder / "data", environment))
        self.house.server.start()

    def tell(self, password: str) -> None:
        """What clouds.yaml says from now on; JSON is YAML too."""
        auth = {**self.outside.settings.auth(), "username": self.name, "password": password}
        self.file.write_text(json.dumps({"clouds": {"ours": {"region_name": "RegionOne", "auth": auth}}}))

    def change(self, password: str) -> None:
        """The cloud wants this one from now on; Keystone takes back the tokens of the user."""
        self.outside.cloud.identity.update_user(self.user, password=password)
        self.outside.forget_tokens()

    def deploy(self, name: str) -> str:
        """The VM of a deployment."""
        session, subscriber = self.house.session(), PatientSubscriber(self.house.session())
        session.edit(deployment(f"{self.name}-{name}", group(kpi=False)))
        assert subscriber.until("SERVICE_ALIVE")[-1].status == "SUCCESS"
        (vm,) = texts(session.deployment(f"{self.name}-{name}"), "vm_name")
        return vm

    def undeploy(self, name: str) -> None:
        session, subscriber = self.house.session(), PatientSubscriber(self.house.session())
        session.edit(undeploy(f"{self.name}-{name}"))
        came = subscriber.until("SERVICE_UNDEPLOYED")
        assert (types(came), came[-1].status) == (["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], "SUCCESS")

    def close(self) -> None:
        self.house.close()
        self.outside.cloud.identity.delete_user(self.user)


@pytest.fixture(scope="module")
def changing(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    found = Changing(outside, tmp_path_factory.mktemp("changing"))
    yield found
    found.close()
    assert outside.is_empty(found.name)


def test_operations_go_on(changing: Changing, outside: Outside) -> None:
    """The token is taken back in the middle, then the password changes: each time in a wait for the host."""
    admin, subscriber = changing.house.session(), PatientSubscriber(changing.house.session())
    vm = changing.deploy("first")
    for password in ("first", "second"):
        with held(outside, f"nova-compute.{outside.host(vm)}"):
            rpc(admin, "vmAction", actionType="STOP", vmName=vm)
            changing.change(password)
            changing.tell(password)
        assert subscriber.until("VM_STOPPED")[-1].status == "SUCCESS"
        rpc(admin, "vmAction", actionType="START", vmName=vm)
        assert subscriber.until("VM_STARTED")[-1].status == "SUCCESS"
    changing.undeploy("first")


def test_nobody_tells_the_new_password(changing: Changing, outside: Outside) -> None:
    """Operations fail with Keystone's words; nothing is lost, and all goes on once it is told."""
    admin, subscriber = changing.house.session(), PatientSubscriber(changing.house.session())
    vm = changing.deploy("third")
    changing.change("third")
    rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    stopped = subscriber.until("VM_STOPPED")[-1]
    assert stopped.status == "FAILURE"
    assert REFUSED in str(stopped.status_message) and "req-" in str(stopped.status_message)
    changing.tell("third")
    changing.undeploy("third")


EXPIRY = 60
"""Seconds; openstacksdk asks for another token half a minute before."""


def test_tokens_expire(outside: Outside, tmp_path: Path, name: str) -> None:
    """The token of the request, which Nova's build goes on with, and all that openesc has, expire in the middle."""
    with outside.short_tokens(EXPIRY):
        house = House(ServerProcess(tmp_path / "data", settings_of(outside.settings)))
        house.server.start()
        try:
            admin, subscriber = house.session(), PatientSubscriber(house.session())
            with held(outside, "nova-conductor"):
                admin.edit(deployment(name, group(extra=BOOT_VOLUME)))
                until(lambda: outside.named(name).get("servers"), "the server is asked for", SECONDS)
                time.sleep(EXPIRY + 5)
            came = subscriber.until("SERVICE_ALIVE")
            assert (types(came), came[-1].status) == (["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"], "SUCCESS")
            admin.edit(undeploy(name))
            assert subscriber.until("SERVICE_UNDEPLOYED")[-1].status == "SUCCESS"
        finally:
            house.close()
