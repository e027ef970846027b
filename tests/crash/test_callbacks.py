"""The server dies at every boundary of a delivery: every callback comes, in order, and at most once more a crash."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby

import pytest
from lxml import etree
from tests.callback_receiver import Receiver
from tests.crash.documents import ESC, Names
from tests.crash.house import END_SECONDS, House
from tests.crash.runs import Runs
from tests.crash.scenario import MOMENTS, Scenario
from tests.crash.scenarios import DEPLOY_ONE, UNDEPLOY_ONE

from openesc.events.callbacks.outbox import POINTS

BOUNDARIES = [f"callbacks/{point}:{moment}" for point in POINTS for moment in MOMENTS]
FINAL = {"deploy-one": "SERVICE_ALIVE", "undeploy-one": "SERVICE_UNDEPLOYED"}
TRIGGERS = """
create trigger if not exists every_operation after insert on operations begin
    insert into operation_callbacks (operation_id, target, transaction_id, registered_at)
    values (new.id, json_object('url', '{url}/callback', 'addresses', json_array('127.0.0.1')), new.id, new.position);
end;
create trigger if not exists every_deployment after insert on deployments begin
    insert into deployment_callbacks (deployment_id, target, registered_at)
    values (new.id, json_object('url', '{url}/event', 'addresses', json_array('127.0.0.1')), new.created_at);
end;
"""
"""As a client of REST would ask for it with each request, in the transaction of the request."""


@pytest.mark.parametrize("scenario", [DEPLOY_ONE, UNDEPLOY_ONE], ids=lambda scenario: scenario.name)
async def test_no_callback_is_lost_wherever_the_server_dies(house: House, runs: Runs, scenario: Scenario) -> None:
    await house.ensure_running()
    async with Receiver() as receiver:
        _register(house, receiver)
        names, since = await runs.prepare(scenario), datetime.now(UTC)
        await _settled(house)
        receiver.received.clear()
        house.arm(*BOUNDARIES)
        await runs.finish(scenario, names, since, house.crash_through)
        await _settled(house)
        _unregister(house)
    events = [_type(event) for event in await house.replay(since) if _is_of(event, names)]
    assert _got(receiver, "/callback") == [FINAL[scenario.name]]
    assert _got(receiver, "/event") == [event for event in events if event != FINAL[scenario.name]]
    assert len(receiver.received) <= len(events) + len(BOUNDARIES)


def _got(receiver: Receiver, path: str) -> list[str]:
    """The events in the order they came; what came again right after itself once."""
    bodies = (received.body for received in receiver.received if received.path == path)
    return [_event_type(body) for body, _ in groupby(bodies)]


def _event_type(body: bytes) -> str:
    return str(etree.fromstring(body).findtext("{*}event_type"))


def _type(notification: etree._Element) -> str:
    return str(notification.findtext(f".//{{{ESC}}}event/{{{ESC}}}type"))


def _is_of(notification: etree._Element, names: Names) -> bool:
    """A tenant's own events are of no deployment: nobody asked for them."""
    return notification.findtext(f".//{{{ESC}}}depname") == names.deployment


def _register(house: House, receiver: Receiver) -> None:
    with closing(sqlite3.connect(house.server.data_dir / "openesc.db", timeout=30)) as connection:
        connection.executescript(TRIGGERS.format(url=receiver.url))


def _unregister(house: House) -> None:
    with closing(sqlite3.connect(house.server.data_dir / "openesc.db", timeout=30)) as connection:
        connection.executescript("drop trigger every_operation; drop trigger every_deployment;")


async def _settled(house: House) -> None:
    """Wait until every event is routed and nothing waits."""
    end = time.monotonic() + END_SECONDS
    while _behind(house):
        assert time.monotonic() < end, house.server.log[-4000:]
        await asyncio.sleep(0.05)


def _behind(house: House) -> bool:
    position = "coalesce((select cast(value as integer) from meta where key = 'callbacks-position'), 0)"
    query = (
        f"select exists (select 1 from callback_deliveries where state = 'waiting') "
        f"or (select max(position) from events) > {position} "
        f"or exists (select 1 from operation_callbacks where closed_at is null)"
    )
    with closing(sqlite3.connect(house.server.data_dir / "openesc.db", timeout=30)) as connection:
        return bool(connection.execute(query).fetchone()[0])
