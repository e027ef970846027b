"""VIM connectors by NETCONF: a second cloud beside the one of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from tests import cloudsim_process
from tests.cloudsim_process import CloudsimProcess
from tests.integration.main_job.house import House, Session, one, texts, until
from tests.integration.main_job.payloads import ESC, NC, deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.reverse_proxy import Authority, ReverseProxy, running

PATIENCE = 4.0
"""Seconds the server of these tests goes on trying."""


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House]) -> House:
    return make_house(OPENESC_ENGINE__CLOUD_PATIENCE_S=str(PATIENCE))


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudsimProcess]:
    """Another cloud."""
    cloud = cloudsim_process.start(tmp_path_factory.mktemp("second"), latency_factor=0.05, boot_seconds=0.0)
    yield cloud
    cloud.kill()


def connector(name: str, facts: dict[str, Any], operation: str = "", **changes: str) -> str:
    """A vim_connector in the words of ESC's clients."""
    auth = {**facts, **changes}
    named = {
        "os_auth_url": "auth_url",
        "os_project_name": "project_name",
        "os_project_domain_name": "project_domain_name",
        **{name: name for name in auth if name.startswith("os_")},
    }
    secret = {"os_password": "password", "os_user_domain_name": "user_domain_name"}
    attribute = f' nc:operation="{operation}"' if operation else ""
    user = f"<id>{auth['username']}</id><credentials><properties>{_properties(auth, secret)}</properties></credentials>"
    body = (
        f"<type>OPENSTACK</type><properties>{_properties(auth, named)}</properties><users><user>{user}</user></users>"
    )
    return (
        f'<esc_system_config xmlns="{ESC}" xmlns:nc="{NC}"><vim_connectors><vim_connector{attribute}><id>{name}</id>'
        f"{'' if operation == 'delete' else body}</vim_connector></vim_connectors></esc_system_config>"
    )


def _properties(auth: dict[str, Any], names: dict[str, str]) -> str:
    return "".join(
        f"<property><name>{name}</name><value>{auth[word]}</value></property>"
        for name, word in names.items()
        if auth[word]
    )


def at(vim_id: str, name: str) -> str:
    return deployment(name, group("g1", kpi=False), before=f"<locator><vim_id>{vim_id}</vim_id></locator>")


def test_a_second_connector(house: House, admin: Session, subscriber: Subscriber, second: CloudsimProcess) -> None:
    """A deployment that names it lives there; the default stays what it was; secrets are in running as sent."""
    admin.edit(connector("second", second.auth))
    ids = texts(admin.get("/esc_system_config/vim_connectors/vim_connector[id='second']"), "id")
    assert ids[0] == "second"
    admin.edit(at("second", "there"))
    came = subscriber.until("SERVICE_ALIVE", depname="there")
    assert came[-1].status == "SUCCESS", came[-1].status_message
    assert came[0].vm_source_vim_id == "second"
    assert one(admin.deployment("there"), "vim_id") == "second"
    assert [name for name in _names(second) if name.startswith("there")]
    assert house.of_deployment("there") == {"servers": [], "ports": []}
    admin.edit(deployment("here", group("g1", kpi=False)))
    came = subscriber.until("SERVICE_ALIVE", depname="here")
    assert came[0].vm_source_vim_id == "default_openstack_vim"
    assert not [name for name in _names(second) if name.startswith("here")]
    admin.edit(undeploy("there"))
    assert types(subscriber.until("SERVICE_UNDEPLOYED", depname="there")) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert not [name for name in _names(second) if name.startswith("there")]


def _names(cloud: CloudsimProcess) -> list[str]:
    found = cloud.objects()["servers"]
    return list(found["names"] if isinstance(found, dict) else found)


def test_after_a_restart(house: House, admin: Session, second: CloudsimProcess) -> None:
    """Connectors are configuration: there again, with their secrets, which the files of the store do not show."""
    admin.edit(connector("lasting", second.auth))
    password = second.auth["password"].encode()
    for file in house.server.data_dir.glob("openesc.db*"):
        assert password not in file.read_bytes(), file
    house.leave()
    house.server.stop()
    house.server.start()
    admin = house.session()
    subscriber = Subscriber(house.session())
    admin.edit(at("lasting", "lasts"))
    assert subscriber.until("SERVICE_ALIVE", depname="lasts")[-1].status == "SUCCESS"
    admin.edit(undeploy("lasts"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="lasts")


def test_an_unknown_vim_id(admin: Session) -> None:
    """Refused by name at the edit, with those there are."""
    error = admin.refused(at("nowhere", "lost"))
    assert "nowhere" in error.message and "default_openstack_vim" in error.message
    assert "deployment[name='lost']/locator" in (error.path or "")
    assert admin.config("lost") is None and admin.deployment("lost") is None


def test_a_region(admin: Session, subscriber: Subscriber, second: CloudsimProcess) -> None:
    """That of the connector, where it says one."""
    admin.edit(connector("regional", second.auth, os_region_name="RegionOne"))
    locator = "<locator><vim_id>regional</vim_id><vim_region>{}</vim_region></locator>"
    one_vm = group("g1", kpi=False)
    error = admin.refused(deployment("abroad", one_vm, before=locator.format("RegionTwo")))
    assert "VIM connector regional is of region RegionOne" in error.message and "RegionTwo" in error.message
    admin.edit(deployment("abroad", one_vm, before=locator.format("RegionOne")))
    assert subscriber.until("SERVICE_ALIVE", depname="abroad")[-1].status == "SUCCESS"
    admin.edit(undeploy("abroad"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="abroad")


def test_the_project_is_that_of_the_vim(
    house: House, admin: Session, subscriber: Subscriber, second: CloudsimProcess
) -> None:
    """Two clouds have each a project of the tenant's name; one that is not there is not made."""
    admin.edit(deployment("near", group("g1", kpi=False)))
    near = subscriber.until("SERVICE_ALIVE", depname="near")
    admin.edit(connector("projects", second.auth))
    admin.edit(at("projects", "far"))
    far = subscriber.until("SERVICE_ALIVE", depname="far")
    with openstack.connect(**second.connect_args) as cloud:
        assert far[0].vm_source_vim_project_id == cloud.current_project_id != near[0].vm_source_vim_project_id
    locator = "<locator><vim_id>projects</vim_id><vim_project>unheard-of</vim_project></locator>"
    admin.edit(deployment("nowhere", group("g1", kpi=False), before=locator))
    came = subscriber.until("SERVICE_ALIVE", depname="nowhere")
    assert "VIM projects has no project named unheard-of" in str(came[-1].status_message)
    for name in ("near", "far", "nowhere"):
        admin.edit(undeploy(name))
        subscriber.until("SERVICE_UNDEPLOYED", depname=name)


def test_a_deleted_connector(admin: Session, second: CloudsimProcess) -> None:
    admin.edit(connector("fleeting", second.auth))
    admin.edit(connector("fleeting", second.auth, operation="delete"))
    assert "fleeting" in admin.refused(at("fleeting", "too-late")).message
    assert "fleeting" not in texts(admin.get("/esc_system_config"), "id")


def test_a_connector_in_use_is_not_deleted(
    house: House, admin: Session, subscriber: Subscriber, second: CloudsimProcess
) -> None:
    """What is deployed there could never be taken away again."""
    admin.edit(connector("used", second.auth))
    admin.edit(at("used", "user"))
    subscriber.until("SERVICE_ALIVE", depname="user")
    error = admin.refused(connector("used", second.auth, operation="delete"))
    assert "used" in error.message and "user" in error.message
    admin.edit(undeploy("user"))
    assert subscriber.until("SERVICE_UNDEPLOYED", depname="user")[-1].status == "SUCCESS"
    admin.edit(connector("used", second.auth, operation="delete"))


def test_a_connector_and_its_deployment_in_one_edit(
    admin: Session, subscriber: Subscriber, second: CloudsimProcess
) -> None:
    admin.edit(connector("fresh", second.auth) + at("fresh", "first"))
    assert subscriber.until("SERVICE_ALIVE", depname="first")[-1].status == "SUCCESS"
    error = admin.refused(undeploy("first") + connector("fresh", second.auth, operation="delete"))
    assert "fresh" in error.message and "first" in error.message
    admin.edit(undeploy("first"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="first")


class TestTls:
    """A cloud behind a proxy with a certificate of one's own CA, one path for each service."""

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority.create(tmp_path)

    @pytest.fixture
    def proxy(self, second: CloudsimProcess, authority: Authority) -> Iterator[ReverseProxy]:
        with running({"cloud": second.url}, authority) as started:
            yield started

    def test_the_ca_comes_with_the_document(
        self,
        house: House,
        admin: Session,
        subscriber: Subscriber,
        second: CloudsimProcess,
        proxy: ReverseProxy,
        authority: Authority,
    ) -> None:
        """First the wrong one, which the failure names; the right one heals it; a restart keeps it."""
        behind = {"auth_url": f"{proxy.url}/cloud/identity/v3"}
        admin.edit(connector("tls", second.auth, **behind))
        admin.edit(at("tls", "secured"))
        came = subscriber.until("SERVICE_ALIVE", PATIENCE + 15, depname="secured")
        assert f"the certificate of {proxy.url} is not accepted by" in str(came[-1].status_message)
        admin.edit(connector("tls", second.auth, **behind, os_cacert=authority.ca.read_text()))
        admin.edit(at("tls", "secured"))
        assert subscriber.until("SERVICE_ALIVE", depname="secured")[-1].status == "SUCCESS"
        house.leave()
        house.server.stop()
        house.server.start()
        admin, subscriber = house.session(), Subscriber(house.session())
        admin.edit(undeploy("secured"))
        assert subscriber.until("SERVICE_UNDEPLOYED", depname="secured")[-1].status == "SUCCESS"

    def test_a_new_address_while_it_deploys(
        self, house: House, admin: Session, subscriber: Subscriber, second: CloudsimProcess, proxy: ReverseProxy
    ) -> None:
        """The old address leads nowhere any more; the operation goes on by the new one."""
        old = {"auth_url": f"{proxy.url}/cloud/identity/v3", "os_insecure": "true"}
        admin.edit(connector("moving", second.auth, **old))
        proxy.status = 503
        admin.edit(at("moving", "moves"))
        until(lambda: proxy.requests, "a call by the old address")
        admin.edit(connector("moving", second.auth))
        assert subscriber.until("SERVICE_ALIVE", depname="moves")[-1].status == "SUCCESS"
        admin.edit(undeploy("moves"))
        assert subscriber.until("SERVICE_UNDEPLOYED", depname="moves")[-1].status == "SUCCESS"

    def test_a_value_that_could_never_work(self, admin: Session, second: CloudsimProcess) -> None:
        error = admin.refused(connector("bad", second.auth, os_cacert="/no/such/ca.pem"))
        assert "os_cacert of VIM connector bad: /no/such/ca.pem is no file on this server" in error.message
        assert "bad" not in texts(admin.get("/esc_system_config"), "id")


class TestTrouble:
    """A cloud that cannot be reached, credentials that are refused: said as such, healed by the right ones."""

    def test_a_wrong_password(
        self, house: House, admin: Session, subscriber: Subscriber, second: CloudsimProcess
    ) -> None:
        admin.edit(connector("wrong", second.auth, password="not-the-password"))
        admin.edit(at("wrong", "refused"))
        came = subscriber.until("SERVICE_ALIVE", PATIENCE + 15, depname="refused")
        assert (came[-1].status, came[-1].status_code) == ("FAILURE", "500")
        text = str(came[-1].status_message)
        assert "The request you have made requires authentication." in text, text
        admin.edit(connector("wrong", second.auth))
        admin.edit(at("wrong", "refused"))
        assert subscriber.until("SERVICE_ALIVE", depname="refused")[-1].status == "SUCCESS"
        admin.edit(undeploy("refused"))
        subscriber.until("SERVICE_UNDEPLOYED", depname="refused")

    def test_a_password_that_changes_in_the_middle(
        self, admin: Session, subscriber: Subscriber, second: CloudsimProcess
    ) -> None:
        """The operation under way goes on with the new one, and comes to its end."""
        changing = {**second.auth, "username": "changing", "password": "first"}
        cloud: Any  # the SDK types what its two API versions have in common
        with openstack.connect(**second.connect_args) as cloud:
            user = cloud.identity.create_user(name="changing", password="first")
            project, role = cloud.identity.find_project("admin"), cloud.identity.find_role("admin")
            cloud.identity.assign_project_role_to_user(project, user, role)
            admin.edit(connector("changing", changing))
            admin.edit(at("changing", "before"))
            assert subscriber.until("SERVICE_ALIVE", depname="before")[-1].status == "SUCCESS"
            cloud.identity.update_user(user, password="second")
        began = second.requests()[-1]["seq"]
        admin.edit(at("changing", "meanwhile"))
        admin.edit(undeploy("before"))
        refused = lambda: [row for row in second.requests("token.create", began) if row["status"] == 401]  # noqa: E731
        until(refused, "the old password was tried")
        admin.edit(connector("changing", {**changing, "password": "second"}))
        assert subscriber.until("SERVICE_ALIVE", depname="meanwhile")[-1].status == "SUCCESS"
        assert subscriber.until("SERVICE_UNDEPLOYED", depname="before")[-1].status == "SUCCESS"
        admin.edit(undeploy("meanwhile"))
        subscriber.until("SERVICE_UNDEPLOYED", depname="meanwhile")

    def test_nobody_there(self, house: House, admin: Session, subscriber: Subscriber, second: CloudsimProcess) -> None:
        admin.edit(connector("dead", second.auth, auth_url="http://127.0.0.1:9/identity/v3"))
        admin.edit(at("dead", "unreachable"))
        came = subscriber.until("SERVICE_ALIVE", PATIENCE + 15, depname="unreachable")
        assert came[-1].status == "FAILURE"
        assert "127.0.0.1:9" in str(came[-1].status_message), came[-1].status_message
        admin.edit(undeploy("unreachable"))
        gone = subscriber.until("SERVICE_UNDEPLOYED", PATIENCE + 15, depname="unreachable")
        assert admin.deployment("unreachable") is None
        assert gone[-1].status in ("SUCCESS", "FAILURE")
        until(lambda: admin.config("unreachable") is None, "configuration")
