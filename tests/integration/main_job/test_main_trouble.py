"""Undeploy over a hanging cloud, and passing troubles of the cloud: one server in the end, nothing left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import deployment, group, network, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, types

SUCCESSFUL = ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House]) -> House:
    """A server with little patience for one call."""
    return make_house(OPENESC_VIM__HTTP_TIMEOUT_S="3")


def nothing_left(house: House, name: str) -> None:
    """Neither in the cloud nor on the list."""
    assert house.of_deployment(name) == {"servers": [], "ports": []}
    assert [row for row in house.told("leftover.list") if row["deployment"] == name] == []


class TestUndeployInterrupts:
    """From ``<ok/>`` to the first VM_UNDEPLOYED at most 5 s, whatever the cloud does."""

    @pytest.mark.parametrize(
        "operation, action, name",
        [
            ("server.create", {"type": "delay", "seconds": 60}, "delayed"),
            ("server.create", {"type": "hang"}, "hanging"),
            ("server.create", {"type": "lost_reply", "effect_after": 2}, "late"),
            ("port.create", {"type": "hang"}, "portless"),
        ],
    )
    def test_a_call_hangs(
        self, house: House, admin: Session, subscriber: Subscriber, operation: str, action: dict[str, object], name: str
    ) -> None:
        with house.fault(operation, action, name=f"{name}*"):
            admin.edit(deployment(name, group("g1")))
            until(lambda: self._asked(house, operation, name), f"{operation} of {name}")
            admin.edit(undeploy(name))
            accepted = time.monotonic()
            came = subscriber.until("VM_UNDEPLOYED", depname=name)
            took = time.monotonic() - accepted
            came += subscriber.until("SERVICE_UNDEPLOYED", depname=name)
        assert took <= 5.0
        interrupted = next(event for event in came if event.type == "SERVICE_ALIVE")
        assert interrupted.short == ("SERVICE_ALIVE", "FAILURE", "interrupted by undeploy")
        assert interrupted.status_code == "500"
        assert came[-1].status == "SUCCESS"
        assert [event.type for event in came if event.status == "SUCCESS"] == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
        assert admin.deployment(name) is None
        nothing_left(house, name)

    def _asked(self, house: House, operation: str, name: str) -> bool:
        """The call has reached the cloud: the rule that makes it hang has fired."""
        return any(
            rule["fired"]
            for rule in house.sim("GET", "/sim/faults")["faults"]
            if rule["match"].get("name") == f"{name}*"
        )

    def test_a_call_that_takes_effect_after_all(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """The hung server.create is answered while the undeploy runs: its server goes too."""
        with house.fault("server.create", {"type": "delay", "seconds": 2}, name="belated*"):
            admin.edit(deployment("belated", group("g1", count=2)))
            until(lambda: self._asked(house, "server.create", "belated"), "server.create")
            admin.edit(undeploy("belated"))
            came = subscriber.until("SERVICE_UNDEPLOYED", depname="belated")
        assert types(came).count("VM_UNDEPLOYED") == 2
        until(lambda: len(house.requests("server.create")) >= 1, "the late call")
        nothing_left(house, "belated")

    def test_a_vm_that_never_boots(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """The deploy waits for a sign of life: undeploy does not."""
        with house.fault("*", {"type": "ping_silent"}, name="mute*"):
            admin.edit(deployment("mute", group("g1", bootup=300)))
            subscriber.until("VM_DEPLOYED", depname="mute")
            admin.edit(undeploy("mute"))
            accepted = time.monotonic()
            came = subscriber.until("SERVICE_UNDEPLOYED", depname="mute")
        assert time.monotonic() - accepted <= 5.0
        assert types(came) == ["SERVICE_ALIVE", "VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
        nothing_left(house, "mute")

    def test_an_update(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """An interrupted update is closed by its own event."""
        admin.edit(deployment("updating", group("g1")))
        subscriber.until("SERVICE_ALIVE", depname="updating")
        with house.fault("server.create", {"type": "hang"}, name="updating_g2*"):
            admin.edit(deployment("updating", group("g2")))
            until(lambda: house.sim("GET", "/sim/faults")["faults"][0]["fired"], "server.create")
            admin.edit(undeploy("updating"))
            came = subscriber.until("SERVICE_UNDEPLOYED", depname="updating")
        closed = next(event for event in came if event.type == "SERVICE_UPDATED")
        assert closed.short == ("SERVICE_UPDATED", "FAILURE", "interrupted by undeploy")
        nothing_left(house, "updating")

    def test_with_a_network(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """A network whose creation hung is found and taken away."""
        before = f"<networks>{network('lostnet', '192.168.30.0')}</networks>"
        with house.fault("network.create", {"type": "lost_reply", "effect_after": 1}, name="lostnet*"):
            admin.edit(deployment("netgone", group("g1", networks=("lostnet",)), before=before))
            until(lambda: house.sim("GET", "/sim/faults")["faults"][0]["fired"], "network.create")
            admin.edit(undeploy("netgone"))
            came = subscriber.until("SERVICE_UNDEPLOYED", depname="netgone")
        assert came[-1].status == "SUCCESS"
        left = [row["name"] for row in house.told("leftover.list") if row["deployment"] == "netgone"]
        there = [name for name in house.names("networks") if name.startswith("lostnet")]
        assert there == left == []


def one_server(house: House, admin: Session, came: list[Event], name: str) -> None:
    """The deployment is alive with one server and one port, none of them twice."""
    assert types(came) == SUCCESSFUL
    assert {event.status for event in came} == {"SUCCESS"}
    until(lambda: not _under_way(house, name), "the sweep")
    held = house.of_deployment(name)
    assert len(held["servers"]) == 1 and len(held["ports"]) == 1
    assert texts(admin.deployment(name), "vm_id") == [house.guest(held["servers"][0])["id"]]
    assert [row for row in house.told("leftover.list") if row["deployment"] == name] == []
    admin.edit(undeploy(name))
    until(lambda: not _under_way(house, name), "the undeployment, which the next test is not to hear of")


def _under_way(house: House, name: str) -> bool:
    rows = house.told("operation.list")
    return any(row["subject"].endswith(f"/{name}") and row["ended_at"] is None for row in rows)


class TestPassingTrouble:
    """Troubles that end by themselves delay a deployment, and nothing else."""

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_burst_of_errors(self, house: House, admin: Session, subscriber: Subscriber, status: int) -> None:
        name = f"burst-{status}"
        with house.fault("*", {"type": "http", "status": status, "text": "in a moment"}, count=4):
            admin.edit(deployment(name, group("g1")))
            came = subscriber.until("SERVICE_ALIVE", depname=name)
        one_server(house, admin, came, name)

    @pytest.mark.parametrize("effect_after", [0, 2])
    def test_a_lost_reply(self, house: House, admin: Session, subscriber: Subscriber, effect_after: int) -> None:
        """The server shows after a while: it is taken, or what was made in its place is the only one in the end."""
        name = f"lost-{effect_after}"
        with house.fault("server.create", {"type": "lost_reply", "effect_after": effect_after}, name=f"{name}*"):
            admin.edit(deployment(name, group("g1")))
            came = subscriber.until("SERVICE_ALIVE", depname=name)
            one_server(house, admin, came, name)

    def test_a_lost_reply_of_a_port(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        with house.fault("port.create", {"type": "lost_reply", "effect_after": 2}, name="lost-port*"):
            admin.edit(deployment("lost-port", group("g1")))
            came = subscriber.until("SERVICE_ALIVE", depname="lost-port")
            one_server(house, admin, came, "lost-port")

    def test_the_cloud_is_down_for_a_while(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        """Killed in the middle of a boot; it comes back as it was."""
        house.sim("PUT", "/sim/settings", {"latency_factor": 1.0})
        try:
            admin.edit(deployment("outage", group("g1")))
            until(lambda: house.of_deployment("outage")["servers"], "the server")
            restart_cloud(house, pause=1.0)
            came = subscriber.until("SERVICE_ALIVE", depname="outage")
        finally:
            house.sim("PUT", "/sim/settings", {"latency_factor": 0.05})
        one_server(house, admin, came, "outage")


def restart_cloud(house: House, pause: float) -> None:
    """Kill the simulator and start it again on the same data and port."""
    facts = house.server.cloud_facts
    os.kill(int(facts["pid"]), signal.SIGKILL)
    time.sleep(pause)
    directory = house.server.data_dir / "cloudsim"
    with (directory / "cloudsim.log").open("ab") as log:
        cloud = subprocess.Popen(
            [sys.executable, "-m", "openesc.cloudsim", "--data-dir", str(directory), "--boot-seconds", "0.1"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until(
        lambda: (directory / "cloudsim.json").exists() and house.server.cloud_facts["pid"] != facts["pid"], "the cloud"
    )
    house.clouds.append(cloud)
