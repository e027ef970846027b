"""The headers of a request and what comes of them, on a server that wants a Callback and credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from lxml import etree
from tests.callback_receiver import ReceiverThread
from tests.integration.main_job.house import House, until
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.rest.client import BASE, V0, Rest, operation
from tests.integration.rest.conftest import SETTINGS

from openesc.lifecycle.flows.steps_table import STEPS

PASSWORD = "pass word-1"


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {
        **SETTINGS,
        "OPENESC_REST__REQUIRE_CALLBACK": "true",
        "OPENESC_REST__LOCAL_ADMIN": "false",
    }


@pytest.fixture(scope="module")
def known(shared_house: House) -> tuple[str, str]:
    shared_house.told("user.add", name="op", group="operator", tenants=None, password=PASSWORD)
    return "op", PASSWORD


@pytest.fixture
def rest(house: House, known: tuple[str, str]) -> Iterator[Rest]:
    with Rest.of(house, known) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[ReceiverThread]:
    with ReceiverThread() as receiver:
        yield receiver


def test_nobody_acts_as_an_admin_where_the_setting_says_so(house: House) -> None:
    with Rest.of(house) as nobody:
        assert nobody.get(f"{V0}/deployments").error[0] == 401
        assert nobody.get("/healthz").status == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "admin/deployments/d", deployment("d", group())),
        ("POST", "tenants/t", "<tenant/>"),
        ("DELETE", "snapshots/none", None),
    ],
)
def test_a_callback_is_missing(rest: Rest, method: str, path: str, body: str | None) -> None:
    answer = rest.call(method, f"{V0}/{path}", body, Content_Type="application/xml")
    assert answer.error == (400, "Missing callback")


def test_the_final_result_to_one_receiver_everything_else_to_the_other(
    house: House, rest: Rest, receiver: ReceiverThread, subscriber: Subscriber
) -> None:
    headers = {"Callback": f"{receiver.url}/final", "Callback-ESC-Events": f"{receiver.url}/events"}
    made = rest.post(f"{V0}/admin/deployments/called", deployment("called", group()), **headers)
    assert made.status == 200, made.text
    subscriber.until("SERVICE_ALIVE", depname="called", status="SUCCESS")
    found = receiver.until(lambda receiver: len(receiver.accepted) >= 3)
    assert [(one.path, event_type(one.body)) for one in found] == [
        ("/events", "VM_DEPLOYED"),
        ("/events", "VM_ALIVE"),
        ("/final", "SERVICE_ALIVE"),
    ]
    assert {one.headers["esc-transaction-id"] for one in found} == {made.headers["ESC-Transaction-Id"]}
    final = found[-1]
    assert (final.headers["esc-status-code"], final.status_message) == (
        "200",
        "Service group deployment completed successfully!",
    )
    again = rest.put(f"{V0}/deployments/called", deployment("called", group()), **headers)
    assert again.status == 200
    last = receiver.until(lambda receiver: len(receiver.accepted) >= 4)[-1]
    assert (last.path, event_type(last.body), last.headers["esc-transaction-id"]) == (
        "/final",
        "SERVICE_UPDATED",
        again.headers["ESC-Transaction-Id"],
    ), "nothing was to be done, and who waits for its result gets it"
    vm = etree.fromstring(rest.get(f"{V0}/deployments/called").content).findtext(".//{*}vm_name")
    other = {**headers, "Callback": f"{receiver.url}/stopped"}
    rest.post(f"{V0}/admin/deployments/vm/{vm}", operation("vm_operation", "stop"), **other)
    last = receiver.until(lambda receiver: len(receiver.accepted) >= 5)[-1]
    assert (last.path, event_type(last.body)) == ("/stopped", "VM_STOPPED")


def test_an_update_that_changes_nothing_waits_for_what_is_on_its_way(
    house: House, rest: Rest, receiver: ReceiverThread
) -> None:
    """Its result is that of the deployment as it then is: alive, failed, or going."""
    body = deployment("twice", group())
    with house.fault("server.create", {"type": "delay", "seconds": 2}, name="twice*"):
        assert rest.post(f"{V0}/admin/deployments/twice", body, Callback=f"{receiver.url}/made").status == 200
        assert rest.put(f"{V0}/deployments/twice", body, Callback=f"{receiver.url}/same").status == 200
    found = receiver.until(lambda receiver: len(receiver.accepted) >= 2)
    assert {(one.path, event_type(one.body), one.headers["esc-status-code"]) for one in found} == {
        ("/made", "SERVICE_ALIVE", "200"),
        ("/same", "SERVICE_UPDATED", "200"),
    }
    row = next(row for row in house.told("operation.list", limit=100) if row["kind"] == "unchanged")
    assert [step["step"] for step in house.told("operation.show", id=row["id"])["steps"]] == list(STEPS["unchanged"])


@pytest.mark.parametrize("going", [False, True], ids=["it failed", "it goes"])
def test_an_update_that_changes_nothing_of_what_fails_is_a_failure(
    house: House, rest: Rest, receiver: ReceiverThread, going: bool
) -> None:
    name = f"in-vain-{going}".lower()
    body, path = deployment(name, group()), f"{V0}/deployments/{name}"
    effect = {"type": "delay", "seconds": 2} if going else {"type": "http", "status": 403, "text": "no such luck"}
    with house.fault("server.create", effect, name=f"{name}*"):
        assert rest.post(path, body, Callback=f"{receiver.url}/made").status == 200
        assert rest.put(path, body, Callback=f"{receiver.url}/same").status == 200
        if going:
            assert rest.delete(path, Callback=f"{receiver.url}/gone").status == 200
        found = receiver.until(lambda receiver: any(one.path == "/same" for one in receiver.accepted))
    (same,) = (one for one in found if one.path == "/same")
    assert (event_type(same.body), same.headers["esc-status-code"]) == ("SERVICE_UPDATED", "500")
    assert ("interrupted by undeploy" if going else "no such luck") in same.status_message


def test_a_callback_is_sent_again_by_a_command(house: House, rest: Rest, receiver: ReceiverThread) -> None:
    answer = rest.post(f"{V0}/tenants/t-again", "<tenant/>", Callback=f"{receiver.url}/again")
    (first,) = receiver.until(lambda receiver: len(receiver.accepted) >= 1)
    transaction = answer.headers["ESC-Transaction-Id"]

    def mine() -> dict[str, object] | None:
        rows = house.ask("callback", "list", "--state", "delivered")
        return next((row for row in rows if row["transaction_id"] == transaction), None)

    found = until(mine, "it is written down that it was delivered")
    assert found is not None
    assert (found["event_type"], found["url"], found["tries"]) == ("CREATE_TENANT", f"{receiver.url}/again", 1)
    assert house.openesc("callback", "redeliver", str(found["id"])).returncode == 0
    second = receiver.until(lambda receiver: len(receiver.accepted) >= 2)[1]
    assert (second.path, second.headers, second.body) == (first.path, first.headers, first.body)
    assert house.openesc("callback", "redeliver", "no-such").returncode == 3
    assert house.openesc("callback", "list", "--state", "odd").returncode != 0


def test_the_ids_a_client_chose_come_back(rest: Rest, receiver: ReceiverThread) -> None:
    headers = {"Callback": f"{receiver.url}/final"}
    assert rest.post(f"{V0}/tenants/t-9", "<tenant><name>violet</name></tenant>", **headers).status == 200
    network = "<network><name>n</name><admin_state>true</admin_state></network>"
    receiver.until(lambda receiver: len(receiver.accepted) >= 1)
    assert rest.post(f"{V0}/t-9/networks/n-9", network, **headers).status == 200
    tenant, made = (etree.fromstring(one.body) for one in receiver.until(lambda receiver: len(receiver.accepted) >= 2))
    assert {leaf: tenant.findtext(f"{{{BASE}}}{leaf}") for leaf in ("event_type", "internal_tenant_id", "name")} == {
        "event_type": "CREATE_TENANT",
        "internal_tenant_id": "t-9",
        "name": "violet",
    }
    assert {leaf: made.findtext(f"{{{BASE}}}{leaf}") for leaf in ("internal_network_id", "internal_tenant_id")} == {
        "internal_network_id": "n-9",
        "internal_tenant_id": "t-9",
    }


def event_type(body: bytes) -> str:
    return etree.fromstring(body).findtext(f"{{{BASE}}}event_type") or ""
