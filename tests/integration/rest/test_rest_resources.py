"""Tenants, networks, subnets, images, flavors, volumes and VIMs by REST."""

from __future__ import annotations

import pytest
from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import deployment, group, network, of_tenant
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.rest.client import BASE, V0, Rest


def test_a_tenant_with_an_id_and_a_name(house: House, admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    path = f"{V0}/tenants/t-1"
    made = rest.post(path, f'<tenant xmlns="{BASE}"><name>red</name></tenant>')
    assert made.status == 200, made.text
    event = subscriber.until("CREATE_TENANT")[-1]
    assert (event.status, event.tenant) == ("SUCCESS", "red")
    shown = rest.json("GET", path).json["tenant"]
    assert shown == {
        "name": "red",
        "internal_tenant_id": "t-1",
        "enabled": True,
        "external_tenant_id": event.tenant_id,
    }
    assert rest.get(f"{V0}/tenants/red").texts("internal_tenant_id") == ["t-1"]
    assert "red" in rest.get(f"{V0}/tenants").texts("name")
    assert rest.post(path, "<tenant><name>blue</name></tenant>").error == (
        409,
        "Internal id: t-1 is already in use",
    )
    assert rest.post(f"{V0}/tenants/t-2", "<tenant><name>red</name></tenant>").error[0] == 409
    # the id reaches what is in the tenant
    assert rest.post(f"{V0}/t-1/deployments/in-red", deployment("d", group(kpi=False), tenant="red")).status == 200
    subscriber.until("SERVICE_ALIVE", depname="d", status="SUCCESS")
    assert rest.get(f"{V0}/t-1/deployments").texts("internal_deployment_id") == ["in-red"]
    assert rest.delete(path).error == (409, "tenant red has deployments: undeploy them first")
    assert rest.delete(f"{V0}/t-1/deployments/in-red").status == 200
    subscriber.until("SERVICE_UNDEPLOYED", depname="d")
    until(lambda: rest.get(f"{V0}/t-1/deployments").xml.find("deployment") is None, "the deployment is gone")
    gone = rest.delete(path)
    assert (gone.status, gone.content) == (200, b"")
    subscriber.until("DELETE_TENANT", status="SUCCESS")
    assert rest.get(path).error == (404, "Tenant Id not found")


def test_a_tenant_without_a_body_has_its_id_for_a_name(rest: Rest, subscriber: Subscriber) -> None:
    assert rest.call("POST", f"{V0}/tenants/green").status == 200
    subscriber.until("CREATE_TENANT", tenant="green", status="SUCCESS")
    assert rest.get(f"{V0}/tenants/green").texts("name") == ["green"]
    assert rest.delete(f"{V0}/tenants/green").status == 200
    subscriber.until("DELETE_TENANT", tenant="green")


def test_shared_networks_and_their_subnets(admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    networks = f"{V0}/SystemAdminTenantId/networks"
    assert rest.post(f"{networks}/n-1", f'<network xmlns="{BASE}"><name>mgmt</name></network>').status == 200
    created = subscriber.until("CREATE_NETWORK")[-1]
    assert (created.status, created.network) == ("SUCCESS", "SystemAdminTenantIdmgmt")
    subnets = f"{networks}/n-1/subnets"
    body = {"subnet": {"name": "low", "ipversion": "ipv4", "dhcp": False, "address": "10.44.0.0"}}
    missing = rest.json("POST", f"{subnets}/s-1", body)
    assert missing.status == 400
    assert "netmask" in missing.json["error"]["error_message"]
    body["subnet"]["netmask"] = "255.255.255.0"
    assert rest.json("POST", f"{subnets}/s-1", body).status == 200
    subscriber.until("CREATE_SUBNET", status="SUCCESS")
    shown = rest.json("GET", f"{subnets}/s-1").json["subnet"]
    assert (shown["name"], shown["dhcp"], shown["internal_subnet_id"]) == ("low", False, "s-1")
    assert shown["external_subnet_id"]
    assert shown["cidr"] == "10.44.0.0/24"
    for reference in ("n-1", "mgmt", "SystemAdminTenantIdmgmt"):
        assert rest.get(f"{networks}/{reference}").texts("internal_network_id") == ["n-1"]
    assert rest.get(f"{networks}/other/subnets").error == (404, "Network Id not found")
    assert rest.delete(f"{subnets}/low").status == 200
    subscriber.until("DELETE_SUBNET", status="SUCCESS")
    assert rest.get(f"{subnets}/s-1").error == (404, "Subnet Id not found")
    assert rest.get(subnets).text.endswith("<subnets/>")
    assert rest.delete(f"{networks}/n-1").status == 200
    subscriber.until("DELETE_NETWORK", status="SUCCESS")


def test_networks_of_a_tenant_made_by_netconf_go_by_tenant_and_name(
    admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    admin.edit(of_tenant("admin", f"<networks>{network('own', '10.45.0.0')}</networks>"))
    subscriber.until("CREATE_SUBNET", status="SUCCESS")
    shown = rest.json("GET", f"{V0}/admin/networks/own").json["network"]
    assert (shown["internal_network_id"], shown["internal_tenant_id"]) == ("adminown", "admin")
    assert shown["subnet"][0]["address"] == "10.45.0.0"
    shared = rest.json("GET", f"{V0}/SystemAdminTenantId/networks").json["networks"]["network"]
    assert "own" not in [one["name"] for one in shared]
    assert rest.delete(f"{V0}/admin/networks/adminown").status == 200
    subscriber.until("DELETE_NETWORK", status="SUCCESS")
    assert rest.get(f"{V0}/nowhere/networks").error == (404, "Deployment or tenant not found")


def test_a_flavor(rest: Rest, subscriber: Subscriber) -> None:
    path, leaves = f"{V0}/flavors/small", {"vcpus": 1, "memory_mb": 64, "root_disk_mb": 1024}
    assert rest.json("POST", path, {"flavor": leaves}).status == 200
    subscriber.until("CREATE_FLAVOR", flavor="small", status="SUCCESS")
    shown = rest.json("GET", path).json["flavor"]
    assert {name: shown[name] for name in leaves} == leaves
    assert shown["external_flavor_id"]
    assert rest.json("POST", path, {"flavor": leaves}).status == 409
    assert rest.delete(path).status == 200
    subscriber.until("DELETE_FLAVOR", flavor="small", status="SUCCESS")
    assert rest.delete(path).error == (404, "Flavor Id not found")


def test_an_image_that_cannot_be_fetched_says_why(rest: Rest, subscriber: Subscriber) -> None:
    path = f"{V0}/images/broken"
    body = f'<image xmlns="{BASE}"><name>broken</name><src>http://127.0.0.1:1/x</src><disk_format>qcow2</disk_format></image>'
    assert rest.post(path, body).status == 200
    assert subscriber.until("CREATE_IMAGE", image="broken")[-1].status == "FAILURE"
    shown = rest.json("GET", path).json["image"]
    assert shown["imageisenabled"] is False
    assert (shown["src"], shown["disk_format"]) == ("http://127.0.0.1:1/x", "qcow2")
    assert rest.delete(path).status == 200


def test_volumes_of_a_tenant_are_refused_in_the_words_of_netconf(rest: Rest) -> None:
    answer = rest.post(f"{V0}/admin/volumes/v", f'<volume xmlns="{BASE}"><name>v</name><size>1</size></volume>')
    assert answer.error[0] in (400, 409)
    assert rest.get(f"{V0}/admin/volumes").text.endswith("<volumes/>")
    assert rest.get(f"{V0}/admin/volumes/v").error == (404, "Volume Id not found")
    assert rest.get(f"{V0}/SystemAdminTenantId/volumes").error == (404, "Deployment or tenant not found")


def test_vim_connectors_hide_their_secrets(rest: Rest) -> None:
    secret = {"property": [{"name": "os_password", "value": "s3"}]}
    body = {
        "vim_connector": {
            "type": "OPENSTACK",
            "properties": {"property": [{"name": "os_auth_url", "value": "http://127.0.0.1:9/v3"}]},
            "users": {"user": [{"id": "u", "credentials": {"properties": secret}}]},
        }
    }
    path = f"{V0}/vims/second"
    assert rest.json("POST", path, body).status == 200
    shown = rest.json("GET", path).json["vim_connector"]
    assert shown["properties"]["property"] == [{"name": "os_auth_url", "value": "http://127.0.0.1:9/v3"}]
    assert shown["users"]["user"][0]["credentials"]["properties"]["property"][0]["value"] == "****"
    assert "s3" not in rest.get(path).text
    listed = [one["id"] for one in rest.json("GET", f"{V0}/vims").json["vim_connectors"]["vim_connector"]]
    assert listed == ["default_openstack_vim", "second"]
    assert rest.json("POST", path, body).status == 409
    assert rest.delete(path).status == 200
    assert rest.get(path).error == (404, "there is no VIM connector second")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("tenants/SystemAdminTenantId", "<tenant><name>x</name></tenant>", "internal id"),
        ("tenants/" + "x" * 73, "<tenant><name>x</name></tenant>", "internal id"),
        ("tenants/x", "<network/>", "the body is network; this takes tenant"),
        ("flavors/x", "<flavor/>", "vcpus is mandatory and missing"),
        ("vims/x", "<vim_connector><id>y</id></vim_connector>", "the body's id is y, the path's x"),
        ("vims/x", "<vim_connector/>", "type is mandatory and missing"),
    ],
)
def test_what_is_wrong_is_named(rest: Rest, path: str, body: str, said: str) -> None:
    answer = rest.post(f"{V0}/{path}", body)
    assert answer.error[0] == 400
    assert said in answer.error[1]
