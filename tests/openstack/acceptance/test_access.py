"""The ways to a cloud: clouds.yaml, variables, connectors; passwords and application credentials; TLS with a CA of
one's own, regions, interfaces, and endpoints at paths of one address.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import types
from tests.integration.main_job.test_main_connectors import connector
from tests.integration.operations.vnf import rpc
from tests.openstack.acceptance.conftest import RUN, PatientSubscriber, settings_of
from tests.openstack.acceptance.outside import Outside
from tests.openstack.acceptance.proxied import REGION, Proxied
from tests.openstack.lab.settings import REGION as DIRECT
from tests.reverse_proxy import Authority
from tests.server_process import ServerProcess

EVERYTHING = {"identity", "compute", "network", "image"}
"""The services that a deployment without volumes asks for."""


@pytest.fixture(scope="module")
def wary(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    """A server that soon gives up, for connectors that lead nowhere."""
    environment = settings_of(outside.settings, OPENESC_ENGINE__CLOUD_PATIENCE_S="5")
    house = House(ServerProcess(tmp_path_factory.mktemp("wary") / "data", environment))
    house.server.start()
    yield house
    house.close()


@contextmanager
def started(folder: Path, environment: dict[str, str], like: House) -> Iterator[House]:
    """A server for one test; what another has compiled of the model it need not compile again."""
    shutil.copytree(like.server.data_dir / "cache", folder / "data" / "cache")
    house = House(ServerProcess(folder / "data", environment))
    house.server.start()
    try:
        yield house
    finally:
        house.close()


@pytest.fixture
def name(own_name: str) -> str:
    """The name of the test's deployment, of which nothing may be left."""
    return own_name


def clouds(folder: Path, **entry: Any) -> dict[str, str]:
    """A clouds.yaml with one entry (JSON is YAML too), as the environment of a server."""
    file = folder / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"ours": entry}}))
    return {"OS_CLIENT_CONFIG_FILE": str(file), "OPENESC_VIM__CLOUD": "ours"}


def lives(house: House, name: str, tenant: str = "admin", vim_id: str | None = None) -> None:
    """A deployment comes and goes."""
    locator = f"<locator><vim_id>{vim_id}</vim_id></locator>" if vim_id else ""
    admin, subscriber = house.session(), PatientSubscriber(house.session())
    admin.edit(deployment(name, group(kpi=False), before=locator, tenant=tenant))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert came[-1].status == "SUCCESS", came[-1].status_message
    goes(admin, subscriber, name, tenant)
    house.leave()


def goes(admin: Session, subscriber: PatientSubscriber, name: str, tenant: str = "admin") -> None:
    admin.edit(undeploy(name, tenant))
    assert subscriber.until("SERVICE_UNDEPLOYED", depname=name)[-1].status == "SUCCESS"


def test_everything_by_the_proxy(wary: House, proxied: Proxied, outside: Outside, name: str, tmp_path: Path) -> None:
    """clouds.yaml with a CA and a region: deploy, stop, start, migrate, undeploy at the paths of one address."""
    auth = {**outside.settings.auth(), "auth_url": proxied.auth_url}
    found = clouds(tmp_path, auth=auth, region_name=REGION, cacert=str(proxied.authority.ca))
    proxied.asked()
    with started(tmp_path, settings_of(outside.settings, **found), wary) as house:
        admin, subscriber = house.session(), PatientSubscriber(house.session())
        admin.edit(deployment(name, group()))
        assert types(subscriber.until("SERVICE_ALIVE", depname=name)) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
        (vm,) = texts(admin.deployment(name), "vm_name")
        rpc(admin, "vmAction", actionType="STOP", vmName=vm)
        subscriber.until("VM_STOPPED", status="SUCCESS")
        rpc(admin, "vmAction", actionType="START", vmName=vm)
        subscriber.until("VM_ALIVE", status="SUCCESS")
        rpc(admin, "vmMigrate", vmName=vm, migrationType="live")
        subscriber.until("VM_MIGRATE_COMPLETE", status="SUCCESS")
        goes(admin, subscriber, name)
        house.leave()
    assert proxied.asked() >= EVERYTHING


@pytest.mark.parametrize("interface, by_proxy", [("public", True), ("admin", True), ("internal", False)])
def test_variables(
    wary: House, proxied: Proxied, outside: Outside, name: str, tmp_path: Path, interface: str, by_proxy: bool
) -> None:
    """``OS_*`` alone; the interface decides which endpoints count."""
    settings = settings_of(outside.settings)
    del settings["OS_CLIENT_CONFIG_FILE"], settings["OPENESC_VIM__CLOUD"]
    auth = outside.settings.auth()
    auth["auth_url"] = proxied.auth_url if by_proxy else auth["auth_url"]
    variables = {f"OS_{word.upper()}": value for word, value in auth.items()}
    variables |= {"OS_CACERT": str(proxied.authority.ca), "OS_REGION_NAME": REGION, "OS_INTERFACE": interface}
    proxied.asked()
    with started(tmp_path, {**settings, **variables}, wary) as house:
        lives(house, name)
    asked = proxied.asked()
    assert asked >= EVERYTHING if by_proxy else not asked


@pytest.fixture
def credential(outside: Outside) -> Iterator[dict[str, str]]:
    """An application credential of the member, restricted as it is by default: id, name and secret."""
    config = OpenStackConfig(load_yaml_config=False, load_envvars=False)
    as_member: Any = config.get_one(auth=outside.settings.auth("member"), region_name=DIRECT)
    cloud: Any = Connection(config=as_member)
    made = cloud.identity.create_application_credential(cloud.current_user_id, f"openesc-{RUN}")
    assert not made.unrestricted
    yield {"id": made.id, "name": made.name, "secret": made.secret}
    cloud.identity.delete_application_credential(cloud.current_user_id, made)
    cloud.close()


def test_an_application_credential_in_clouds_yaml(
    wary: House, outside: Outside, credential: dict[str, str], name: str, tmp_path: Path
) -> None:
    auth = {
        "auth_url": outside.settings.auth()["auth_url"],
        "application_credential_id": credential["id"],
        "application_credential_secret": credential["secret"],
    }
    found = clouds(tmp_path, auth=auth, auth_type="v3applicationcredential", region_name=DIRECT)
    with started(tmp_path, settings_of(outside.settings, **found), wary) as house:
        lives(house, name, tenant="vim")


@pytest.mark.parametrize("word", ["id", "name"])
def test_an_application_credential_of_a_connector(
    wary: House, outside: Outside, credential: dict[str, str], name: str, word: str
) -> None:
    """Beside a project, which clients of ESC always say and Keystone would refuse."""
    given = {
        f"os_application_credential_{word}": credential[word],
        "os_application_credential_secret": credential["secret"],
        "os_region_name": DIRECT,
    }
    admin = wary.session()
    admin.edit(connector(f"by-{word}", outside.settings.auth("member"), **given))
    lives(wary, name, tenant="vim", vim_id=f"by-{word}")


def test_a_connector_with_a_ca_a_region_and_domains_by_id(
    wary: House, outside: Outside, proxied: Proxied, name: str
) -> None:
    """The CA's certificate comes within the document."""
    given = {
        "auth_url": proxied.auth_url,
        "os_region_name": REGION,
        "os_cacert": proxied.authority.ca.read_text(),
        "os_project_domain_id": "default",
        "os_user_domain_id": "default",
        "project_domain_name": "",
        "user_domain_name": "",
    }
    wary.session().edit(connector("secure", outside.settings.auth(), **given))
    proxied.asked()
    lives(wary, name, vim_id="secure")
    assert proxied.asked() >= EVERYTHING


def test_insecure(wary: House, outside: Outside, proxied: Proxied, name: str) -> None:
    """Only where it is said."""
    given = {"auth_url": proxied.auth_url, "os_region_name": REGION}
    wary.session().edit(connector("careless", outside.settings.auth(), **given, os_insecure="true"))
    lives(wary, name, vim_id="careless")


def refused(house: House, name: str, vim_id: str) -> str:
    """A deployment that fails, and goes; what its failure said."""
    admin, subscriber = house.session(), PatientSubscriber(house.session())
    admin.edit(deployment(name, group(kpi=False), before=f"<locator><vim_id>{vim_id}</vim_id></locator>"))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert came[-1].status == "FAILURE"
    admin.edit(undeploy(name))
    subscriber.until("SERVICE_UNDEPLOYED", depname=name)
    house.leave()
    return str(came[-1].status_message)


def test_another_ca(wary: House, outside: Outside, proxied: Proxied, name: str, tmp_path: Path) -> None:
    """The failure names the server, whom it was not accepted by, and why."""
    other = Authority.create(tmp_path)
    given = {"auth_url": proxied.auth_url, "os_region_name": REGION, "os_cacert": str(other.ca)}
    wary.session().edit(connector("stranger", outside.settings.auth(), **given))
    said = refused(wary, name, "stranger")
    assert f"the certificate of {proxied.proxy.url} is not accepted by the CA file {other.ca}: " in said


def test_another_region(wary: House, outside: Outside, name: str) -> None:
    wary.session().edit(connector("lost", outside.settings.auth(), os_region_name="Nowhere"))
    assert "in Nowhere region not found" in refused(wary, name, "lost")
