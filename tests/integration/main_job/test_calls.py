"""How many calls to the cloud a deployment takes: none twice, none for each VM that one could answer for all."""

from __future__ import annotations

from collections import Counter

from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber

VMS = 20


def calls(house: House, since: int) -> Counter[str]:
    """The calls after that one, by operation."""
    rows = house.sim("GET", f"/sim/requests?since={since}")["requests"]
    return Counter(row["operation"] for row in rows)


def last(house: House) -> int:
    """The number of the last call."""
    return int(house.sim("GET", "/sim/requests")["last"])


def test_calls_of_a_deployment_and_of_its_end(house: House, admin: Session, subscriber: Subscriber) -> None:
    admin.edit(deployment("first", group()))  # logs in, finds out what the services are
    subscriber.until("SERVICE_ALIVE", depname="first")
    since = last(house)
    admin.edit(deployment("counted", group(count=VMS)))
    subscriber.until("SERVICE_ALIVE", seconds=60, depname="counted")
    made = calls(house, since)
    looks = made.pop("server.list", 0) + made.pop("server.show", 0)  # as long as the cloud takes
    once = ("flavor.list", "image.list", "network.list", "subnet.list")
    assert made == Counter({"port.create": VMS, "server.create": VMS, **dict.fromkeys(once, 1)})
    assert looks < VMS
    since = last(house)
    admin.edit(undeploy("counted"))
    subscriber.until("SERVICE_UNDEPLOYED", seconds=60, depname="counted")
    gone = calls(house, since)
    lists, servers = gone.pop("port.list"), gone.pop("server.list") + gone.pop("server.show", 0)
    assert gone == Counter({"server.delete": VMS, "port.delete": VMS})
    assert lists < VMS and servers < VMS, "what is left is asked for all VMs together"
