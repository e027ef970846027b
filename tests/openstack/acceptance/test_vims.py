"""Two connectors: one straight to the services, one to a region behind a proxy that goes down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import types
from tests.integration.main_job.test_main_connectors import connector
from tests.integration.main_job.test_main_vims import ends
from tests.integration.snapshots.actions import call, recover
from tests.openstack.acceptance.conftest import SECONDS, PatientSubscriber, settings_of
from tests.openstack.acceptance.outside import Outside
from tests.openstack.acceptance.proxied import REGION, Proxied
from tests.openstack.lab.settings import REGION as DIRECT
from tests.reverse_proxy import DOWN, ReverseProxy
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    """A server that goes on trying for longer than any VIM here is away."""
    environment = settings_of(
        outside.settings, OPENESC_ENGINE__CLOUD_PATIENCE_S="900", OPENESC_VIM__HTTP_TIMEOUT_S="20"
    )
    made = House(ServerProcess(tmp_path_factory.mktemp("vims") / "data", environment))
    made.server.start()
    yield made
    made.close()


@pytest.fixture
def name(own_name: str) -> str:
    """What the names of the test's deployments begin with; nothing of them may be left."""
    return own_name


@pytest.fixture
def two(house: House, outside: Outside, proxied: Proxied) -> Iterator[Session]:
    """A session with a server that has two connectors: `direct` and `proxied`."""
    session = house.session()
    auth, ca = outside.settings.auth(), proxied.authority.ca.read_text()
    session.edit(connector("direct", auth, os_region_name=DIRECT))
    session.edit(connector("proxied", auth, auth_url=proxied.auth_url, os_region_name=REGION, os_cacert=ca))
    yield session
    house.leave()


def at(vim_id: str, name: str) -> str:
    """A deployment of one monitored VM there."""
    watched = group(extra="<reboot_time>120</reboot_time>", bootup=180)
    return deployment(name, watched, before=f"<locator><vim_id>{vim_id}</vim_id></locator>")


@pytest.mark.parametrize("down", DOWN)
def test_one_that_is_down_harms_no_other(
    house: House,
    two: Session,
    outside: Outside,
    proxied: Proxied,
    name: str,
    down: Callable[[ReverseProxy], AbstractContextManager[None]],
) -> None:
    """On the other a VM comes, is recovered and goes; on the one that is down, operations go on when it is back."""
    old, far, near = f"{name}-old", f"{name}-far", f"{name}-near"
    subscriber = PatientSubscriber(house.session())
    two.edit(at("proxied", old))
    subscriber.until("SERVICE_ALIVE", depname=old, status="SUCCESS")
    with down(proxied.proxy):
        two.edit(at("proxied", far))
        two.edit(undeploy(old))
        seen = len(subscriber.events)
        assert lives(two, subscriber, outside, near) == [
            *("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"),
            *("VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE"),
            *("VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"),
        ]
        assert {(event.depname, event.status) for event in subscriber.events[seen:]} == {(near, "SUCCESS")}
    assert ends(subscriber, 2, SECONDS) == {(far, "SERVICE_ALIVE", "SUCCESS"), (old, "SERVICE_UNDEPLOYED", "SUCCESS")}
    two.edit(undeploy(far))
    subscriber.until("SERVICE_UNDEPLOYED", depname=far, status="SUCCESS")


def lives(admin: Session, subscriber: PatientSubscriber, outside: Outside, name: str) -> list[str]:
    """On the direct connector a VM comes, falls silent, is recovered, and goes; the events of that."""
    admin.edit(at("direct", name))
    came = subscriber.until("SERVICE_ALIVE")
    (vm,) = texts(admin.deployment(name), "vm_name")
    outside.silence(vm)
    call(admin, recover(vm))
    came += subscriber.until("VM_RECOVERY_COMPLETE")
    admin.edit(undeploy(name))
    return types(came + subscriber.until("SERVICE_UNDEPLOYED"))
