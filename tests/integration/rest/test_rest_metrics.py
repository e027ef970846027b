"""GET /metrics: what a deployment leaves behind in the counters."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.rest.client import Rest


def samples(rest: Rest) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels."""
    answer = rest.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(rest: Rest, name: str, **labels: str) -> float:
    return samples(rest).get((name, frozenset(labels.items())), 0.0)


def test_a_deployment_is_counted(house: House, rest: Rest, admin: Session, subscriber: Subscriber) -> None:
    before = samples(rest)
    admin.edit(deployment("counted", group()))
    subscriber.until("SERVICE_ALIVE", depname="counted", status="SUCCESS")
    deployed = {"kind": "deploy", "result": "succeeded"}
    until(lambda: value(rest, "openesc_operations_total", **deployed) == 1, "the deployment is counted")
    after = samples(rest)

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after.get(key, 0.0) - before.get(key, 0.0)

    assert grown("openesc_operation_seconds_count", kind="deploy") == 1
    assert 0 < grown("openesc_operation_seconds_sum", kind="deploy") < 60
    assert grown("openesc_vim_calls_total", service="compute", code="202") >= 1
    assert grown("openesc_vim_calls_total", service="network", code="201") >= 1
    assert grown("openesc_vim_call_seconds_count", service="compute") >= 2
    assert grown("openesc_edit_units_sum") == 2, "the deployment, and the tenant that it names"
    assert grown("openesc_edit_constraints_sum") > 0
    assert after["openesc_netconf_sessions", frozenset()] == 2
    assert after["openesc_operations_open", frozenset({("state", "running")})] == 0
    assert after["openesc_callback_backlog", frozenset({("state", "waiting")})] == 0


def test_a_callback_that_waits_is_backlog(house: House, rest: Rest, admin: Session, subscriber: Subscriber) -> None:
    """Nobody listens at the discard port."""
    admin.edit(deployment("unheard", group()))
    depid = subscriber.until("SERVICE_ALIVE", depname="unheard", status="SUCCESS")[-1].depid
    nobody = "http://127.0.0.1:9/callback"
    assert rest.delete(f"/ESCManager/v0/admin/deployments/{depid}", Callback=nobody).status == 200
    subscriber.until("SERVICE_UNDEPLOYED", depname="unheard")
    until(lambda: value(rest, "openesc_callback_backlog", state="waiting") == 1, "it waits")
    until(lambda: value(rest, "openesc_callback_tries_total", outcome="failed") >= 1, "it was tried")
    assert value(rest, "openesc_callback_backlog_oldest_seconds") > 0
    assert value(rest, "openesc_event_backlog", reader="callbacks") == 0
