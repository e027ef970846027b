"""What REST tells beyond ESC: events, operations, VMs, callbacks, health."""

from __future__ import annotations

import threading
import time
from typing import Any

from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed
from tests.integration.rest.client import V0, V1, Answer, Rest, operation


def test_events_since_a_position_nothing_missed_and_nothing_twice(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    start = rest.get(f"{V1}/events?limit=1000").json["next"]
    vnf = deployed("told", house, admin, subscriber, [group(kpi=False)])
    seen: list[dict[str, Any]] = []
    since = start
    while page := rest.get(f"{V1}/events?since={since}&limit=1").json:
        if not page["events"]:
            break
        seen += page["events"]
        since = page["next"]
    assert [event["type"] for event in seen] == types(subscriber.events)
    last = seen[-1]
    assert (last["type"], last["depname"], last["status_code"]) == ("SERVICE_ALIVE", "told", 200)
    assert [event["position"] for event in seen] == sorted(event["position"] for event in seen)
    assert last["operation_id"] in [one["id"] for one in rest.get(f"{V1}/operations").json["operations"]]
    since_time = rest.get(f"{V1}/events?since={last['time']}").json["events"]
    assert [event["position"] for event in since_time] == []
    assert since == last["position"]
    admin.edit(undeploy("told"))
    vnf.until("SERVICE_UNDEPLOYED")


def test_waiting_for_an_event(admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    since = rest.get(f"{V1}/events?limit=1000").json["next"]
    answers: list[Answer] = []
    waiter = threading.Thread(target=lambda: answers.append(rest.get(f"{V1}/events?since={since}&wait=20")))
    waiter.start()
    admin.edit(deployment("awaited", group(kpi=False)))
    waiter.join(20)
    assert answers[0].json["events"][0]["depname"] == "awaited"
    subscriber.until("SERVICE_ALIVE", depname="awaited")
    at_rest = rest.get(f"{V1}/events?limit=1000").json["next"]
    began = time.monotonic()
    nothing = rest.get(f"{V1}/events?since={at_rest}&wait=1").json
    assert time.monotonic() - began >= 1
    assert nothing == {"events": [], "next": at_rest}
    for wrong in ("since=yesterday", "wait=x", "limit=-1"):
        answer = rest.get(f"{V1}/events?{wrong}")
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
        assert wrong.partition("=")[0] in answer.json["detail"]


def test_operations_by_transaction_cancelled_and_tried_again(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    with house.fault("server.create", {"type": "fail", "text": "disk gone"}):
        made = rest.post(
            f"{V0}/admin/deployments/trouble",
            deployment("trouble", group(kpi=False)),
            Client_Transaction_Id="tx-1",
            X_Request_Id="req-1",
        )
        assert made.headers["ESC-Transaction-Id"] == made.headers["Client-Transaction-Id"] == "tx-1"
        assert subscriber.until("SERVICE_ALIVE", depname="trouble")[-1].status == "FAILURE"
    (failed,) = until(
        lambda: rest.get(f"{V1}/operations?transaction_id=tx-1&state=failed").json["operations"], "the deploy has ended"
    )
    assert (failed["kind"], failed["state"], failed["requested_by"]) == ("deploy", "failed", "local")
    assert (failed["transaction_id"], failed["request_id"]) == ("tx-1", "req-1")
    told = [event for event in rest.get(f"{V1}/events?limit=1000").json["events"] if event["depname"] == "trouble"]
    assert {(event["transaction_id"], event["request_id"]) for event in told} == {("tx-1", "req-1")}
    shown = rest.get(f"{V1}/operations/{failed['id']}").json
    assert shown["deployment_id"] == "trouble"
    assert shown["failure"] == failed["failure"]
    assert [step["state"] for step in shown["steps"]]
    again = rest.post(f"{V1}/operations/{failed['id']}/retry")
    assert again.status == 202, again.text
    assert subscriber.until("SERVICE_ALIVE", depname="trouble")[-1].status == "SUCCESS"
    done = rest.get(f"{V1}/operations/{again.json['id']}").json
    assert (done["requested_by"], done["transaction_id"], done["request_id"]) == ("local", None, None)
    until(lambda: rest.get(f"{V1}/operations/{done['id']}").json["state"] == "succeeded", "the retry has ended")
    refused = rest.post(f"{V1}/operations/{done['id']}/cancel")
    assert (refused.status, refused.json["detail"]) == (409, f"operation {done['id']} has ended: succeeded")
    unknown = rest.get(f"{V1}/operations/none")
    assert (unknown.status, unknown.headers["Content-Type"]) == (404, "application/problem+json")
    assert rest.get(f"{V1}/operations?state=odd").status == 400
    assert len(rest.get(f"{V1}/operations?deployment_id=trouble").json["operations"]) == 2


def test_a_running_operation_is_cancelled(house: House, admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    with house.fault("server.create", {"type": "freeze"}):
        assert rest.post(f"{V0}/admin/deployments/slow", deployment("slow", group(kpi=False))).status == 200
        (running,) = until(
            lambda: rest.get(f"{V1}/operations?deployment_id=slow&state=running").json["operations"], "it runs"
        )
        cancelled = rest.post(f"{V1}/operations/{running['id']}/cancel")
        assert (cancelled.status, cancelled.json["state"]) == (202, "cancelling")
        closing = subscriber.until("SERVICE_ALIVE", depname="slow")[-1]
    assert closing.status == "FAILURE"
    assert "cancelled by local" in str(closing.status_message)
    undeploy_it = rest.delete(f"{V0}/deployments/slow")
    assert undeploy_it.status == 200
    subscriber.until("SERVICE_UNDEPLOYED", depname="slow", status="SUCCESS")


def test_vms_by_host(house: House, admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    vnf = deployed("spread", house, admin, subscriber, [group(kpi=False, count=2)])
    mine = [one for one in rest.get(f"{V1}/vms").json["vms"] if one["deployment"] == "spread"]
    assert sorted(one["name"] for one in mine) == sorted(vnf.vms)
    for host in {one["host"] for one in mine}:
        found = rest.get(f"{V1}/vms?host={host}").json["vms"]
        assert {one["host"] for one in found} == {host}
        assert {one["name"] for one in mine if one["host"] == host} <= {one["name"] for one in found}
    assert rest.get(f"{V1}/vms?host=nowhere").json == {"vms": []}
    assert rest.get(f"{V1}/vms?tenant=blue").json == {"vms": []}


def test_callbacks_are_listed_and_sent_again(house: House, admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    vnf = deployed("calling", house, admin, subscriber, [group(kpi=False)])
    answer = rest.post(
        f"{V0}/admin/deployments/vm/{vnf.vms[0]}",
        operation("vm_operation", "stop"),
        Callback="http://127.0.0.1:1/final",
        Callback_ESC_Events="http://127.0.0.1:1/events",
    )
    assert answer.status == 200
    vnf.until("VM_STOPPED")
    found = until(
        lambda: rest.get(f"{V1}/callbacks?state=waiting").json["callbacks"], "a callback that waits for its receiver"
    )
    assert {one["transaction_id"] for one in found} == {answer.headers["ESC-Transaction-Id"]}
    waiting = rest.post(f"{V1}/callbacks/{found[0]['id']}/redeliver")
    assert (waiting.status, waiting.json["detail"]) == (409, f"callback {found[0]['id']} is being tried already")
    assert rest.post(f"{V1}/callbacks/none/redeliver").status == 404
    assert rest.get(f"{V1}/callbacks?state=odd").status == 400
    outside = rest.post(
        f"{V0}/admin/deployments/vm/{vnf.vms[0]}", operation("vm_operation", "start"), Callback="http://10.1.2.3/"
    )
    assert outside.error[0] == 400
    assert outside.error[1].startswith("Callback: 10.1.2.3 is 10.1.2.3, outside the networks")


def test_health(rest: Rest) -> None:
    assert rest.get("/healthz").json == {"status": "ok"}
    assert rest.get("/readyz").json["status"] == "ready"
