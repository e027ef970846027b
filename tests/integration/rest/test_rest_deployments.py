"""Deployments by REST: made, read, updated, taken away; one world with NETCONF."""

from __future__ import annotations

import json

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, removed_group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed
from tests.integration.rest.client import BASE, V0, Rest

V2 = "SolTest-Cirros-Flavor-v2"


def test_a_deployment_made_with_an_id_of_the_clients_choice(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    made = rest.post(f"{V0}/admin/deployments/my-dep.1", deployment("chosen", group(kpi=False)))
    assert made.status == 200
    assert made.headers["Location"] == f"{V0}/deployments/my-dep.1"
    assert made.texts("internal_deployment_id") == ["my-dep.1"]
    alive = subscriber.until("SERVICE_ALIVE", depname="chosen")[-1]
    assert (alive.status, alive.depid) == ("SUCCESS", "my-dep.1")
    entry = admin.deployment("chosen")
    assert texts(entry, "deployment_id") == ["my-dep.1"]
    again = rest.post(f"{V0}/admin/deployments/another", deployment("chosen", group(kpi=False)))
    assert again.error[0] == 409
    taken = rest.post(f"{V0}/admin/deployments/my-dep.1", deployment("chosen-2", group(kpi=False)))
    assert taken.error == (409, "Internal id: my-dep.1 is already in use")
    assert admin.config("chosen-2") is None
    gone = rest.delete(f"{V0}/deployments/my-dep.1")
    assert (gone.status, gone.content) == (200, b"")
    assert subscriber.until("SERVICE_UNDEPLOYED", depname="chosen")[-1].status == "SUCCESS"
    assert rest.get(f"{V0}/deployments/my-dep.1").error == (404, "Deployment or tenant not found")
    assert house.of_deployment("chosen") == {"servers": [], "ports": []}


def test_what_netconf_made_goes_by_its_depid(house: House, admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    vnf = deployed("by-netconf", house, admin, subscriber, [group(kpi=False)])
    (depid,) = texts(vnf.entry(), "deployment_id")
    for path in (f"{V0}/deployments/{depid}", f"{V0}/admin/deployments/{depid}"):
        shown = rest.get(path)
        assert shown.status == 200
        assert shown.texts("deployment_id") == [depid]
        assert shown.texts("vm_name") == vnf.vms
        assert shown.xml.tag == "{http://www.cisco.com/esc/esc}esc_datamodel"
    assert rest.get(f"{V0}/blue/deployments/{depid}").error == (404, "Deployment or tenant not found")
    in_json = rest.json("GET", f"{V0}/deployments/{depid}").json
    (tenant,) = in_json["esc_datamodel"]["tenants"]["tenant"]
    assert tenant["deployments"]["deployment"][0]["vm_group"][0]["scaling"] == {
        "min_active": 1,
        "max_active": 1,
    }
    listed = rest.get(f"{V0}/deployments")
    assert listed.xml.tag == "deployments"
    assert depid in listed.texts("internal_deployment_id")
    assert depid in [
        one["internal_deployment_id"]
        for one in rest.json("GET", f"{V0}/admin/deployments").json["deployments"]["deployment"]
    ]
    assert rest.get(f"{V0}/nowhere/deployments").error == (404, "Deployment or tenant not found")
    admin.edit(undeploy("by-netconf"))
    vnf.until("SERVICE_UNDEPLOYED")


def test_put_merges_and_honours_operations(house: House, admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    path = f"{V0}/deployments/merge"
    rest.post(path, deployment("merge", group("a", kpi=False), group("b", kpi=False)))
    subscriber.until("SERVICE_ALIVE", depname="merge", status="SUCCESS")
    added = rest.put(path, deployment("merge", group("c", kpi=False)))
    assert (added.status, added.content) == (200, b"")
    assert "VM_DEPLOYED" in types(subscriber.until("SERVICE_UPDATED", depname="merge", status="SUCCESS"))
    groups = texts(admin.config("merge"), "name")
    assert [name for name in groups if len(name) == 1] == ["a", "b", "c"], "groups that are not named stay"
    undeclared = removed_group("merge", "b").replace(f' xmlns:nc="{BASE}"', "")
    assert "xmlns:nc" not in undeclared
    assert rest.put(path, f"<?xml version='1.0'?>\n{undeclared}").status == 200, "as in files for esc_nc_cli"
    assert "VM_UNDEPLOYED" in types(subscriber.until("SERVICE_UPDATED", depname="merge", status="SUCCESS"))
    in_json = {
        "esc_datamodel": {
            "tenants": {
                "tenant": [
                    {
                        "name": "admin",
                        "deployments": {
                            "deployment": [
                                {"name": "merge", "vm_group": [{"@": {"nc:operation": "delete"}, "name": "c"}]}
                            ]
                        },
                    }
                ]
            }
        }
    }
    assert rest.json("PUT", path, in_json).status == 200
    subscriber.until("SERVICE_UPDATED", depname="merge", status="SUCCESS")
    assert [name for name in texts(admin.config("merge"), "name") if len(name) == 1] == ["a"]
    sent_back = rest.put(path, rest.get(path).content)
    assert sent_back.status == 200, "what GET gave may be sent back"
    as_json = rest.json("PUT", path, rest.json("GET", path).json)
    assert as_json.status == 200, as_json.text
    subscriber.quiet()
    assert rest.put(path, deployment("merge", operation="delete")).status == 200
    subscriber.until("SERVICE_UNDEPLOYED", depname="merge")


def test_who_has_not_seen_the_last_change_changes_nothing(admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    path, one = f"{V0}/deployments/tagged", deployment("tagged", group("a", kpi=False))
    rest.post(path, one)
    early = rest.get(path).headers["ETag"]
    subscriber.until("SERVICE_ALIVE", depname="tagged", status="SUCCESS")
    assert rest.get(path).headers["ETag"] == rest.json("GET", path).headers["ETag"] == early, "states do not change it"
    admin.edit(deployment("tagged", group("b", kpi=False)))
    subscriber.until("SERVICE_UPDATED", depname="tagged", status="SUCCESS")
    late = rest.get(path).headers["ETag"]
    removal = removed_group("tagged", "b")
    code, message = rest.put(path, removal, If_Match=early).error
    assert (code, "has changed since" in message) == (412, True)
    assert rest.delete(path, If_Match=f"W/{late}").error[0] == 412, "a weak tag matches nothing"
    assert rest.put(path, removal, If_Match="tagged").error[0] == 400
    assert "b" in texts(admin.config("tagged"), "name")
    assert rest.put(path, removal, If_Match=f"{early}, {late}").status == 200
    subscriber.until("SERVICE_UPDATED", depname="tagged", status="SUCCESS")
    assert rest.delete(path, If_Match=late).error[0] == 412
    assert rest.delete(path, If_Match="*").status == 200
    subscriber.until("SERVICE_UNDEPLOYED", depname="tagged")


def test_the_deployment_alone_is_a_body_too(rest: Rest, subscriber: Subscriber) -> None:
    bare = f'<deployment xmlns="{BASE}"><name>bare</name>{group(kpi=False)}</deployment>'
    made = rest.post(f"{V0}/admin/deployments", bare)
    assert made.status == 200, made.text
    subscriber.until("SERVICE_ALIVE", depname="bare", status="SUCCESS")
    path = made.headers["Location"]
    assert rest.delete(f"{V0}/admin/deployments/{path.rpartition('/')[2]}").status == 200
    subscriber.until("SERVICE_UNDEPLOYED", depname="bare")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("<esc_datamodel", 400, "not well-formed XML"),
        ('<!DOCTYPE x [<!ENTITY y "z">]><esc_datamodel/>', 400, "DOCTYPE"),
        ("", 400, "the request has no body"),
        ("<esc_datamodel/>", 400, "the document has 0 deployments; this takes one"),
        ("<tenants/>", 400, "the body is tenants; this takes esc_datamodel"),
        (deployment("other", group()), 400, "the document is of deployment other in tenant admin"),
        (deployment("checks", group(), tenant="blue"), 400, "in tenant blue"),
        (deployment("checks", group("g1", image="")), 400, "vm_group[name='g1']/image"),
        (deployment("checks", group("g2").replace("<min_active>1", "<min_active>2")), 409, "min_active"),
        (deployment("checks", group("g1", flavor="No-Such-Flavor")), 400, "flavor No-Such-Flavor of vm_group g1"),
        (deployment("checks", '<vm_group nc:operation="delete"><name>nix</name></vm_group>'), 409, "nix"),
        ("<a>" * 70 + "</a>" * 70, 400, "nested deeper than 64"),
    ],
)
def test_a_wrong_document_names_its_culprit(
    shared: str, admin: Session, rest: Rest, body: str, status: int, said: str
) -> None:
    before = rest.get(shared).content
    answer = rest.put(shared, body)
    assert answer.error[0] == status, answer.text
    assert said in answer.error[1].replace("esc:", "")
    assert rest.get(shared).content == before, "nothing was changed"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[]", "the JSON is no object"),
        ('{"a": 1}', "no single member"),
        ('{"esc_datamodel": {"tenants": 1, "tenants": 2}}', "the member tenants stands twice"),
        ('{"esc_datamodel": {"x": NaN}}', "NaN is no JSON"),
        ('{"esc_datamodel": {"x y": 1}}', "'x y' is no name of an element"),
        ('{"esc_datamodel": ' + '{"a": ' * 70 + "1" + "}" * 71, "nested deeper than 64"),
        ('{"esc_datamodel": ' + "[" * 100_000, "nested deeper"),
        ('{"esc_datamodel": {"a": "\\u0000"}}', "a character that XML cannot carry"),
        (json.dumps({"esc_datamodel": {"@": {"x": "y"}}}), "there is no attribute x"),
    ],
)
def test_wrong_json(shared: str, rest: Rest, body: str, said: str) -> None:
    answer = rest.put(shared, body, Content_Type="application/json")
    assert answer.error[0] == 400
    assert said in answer.error[1]


def test_ids_that_cannot_be(rest: Rest) -> None:
    for wrong in ("a%2Fb", "x" * 42, "%20", ".hidden"):
        answer = rest.post(f"{V0}/admin/deployments/{wrong}", deployment("never", group()))
        assert answer.error[0] == 400
        assert "internal_deployment_id" in answer.error[1]


def test_a_lock_of_netconf_keeps_edits_out(admin: Session, rest: Rest, shared: str) -> None:
    with admin.client.locked("running"):
        answer = rest.put(shared, deployment("checks", group("g1", kpi=False, bootup=77)))
        assert answer.error[0] == 409
        assert "running is locked by session" in answer.error[1]
        assert rest.get(shared).status == 200
    assert rest.put(shared, deployment("checks", group("g1", kpi=False, bootup=77))).status == 200


@pytest.fixture(scope="module")
def shared(shared_house: House) -> str:
    """The path of a deployment with one group, g1."""
    path = f"{V0}/deployments/checks-id"
    with Rest.of(shared_house) as rest:
        watching = Subscriber(shared_house.session())
        assert rest.post(path, deployment("checks", group("g1", kpi=False))).status == 200
        watching.until("SERVICE_ALIVE", depname="checks", status="SUCCESS")
    return path
