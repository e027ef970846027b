"""How an operation ends, so that two clouds can be compared: what was told, what is, and how much is in the cloud."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.integration.main_job.house import House, texts, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Event
from tests.openstack.acceptance.conftest import RUN, SECONDS, PatientSubscriber

Named = Callable[[str], Mapping[str, Sequence[str]]]
"""Names in the cloud that begin so, by kind; a kind of which there is nothing may be missing."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")


@dataclass(frozen=True)
class End:
    """The end of an operation, without names and ids.

    Args:
        events: type, status and text of each.
        states: of the service and its VMs.
        things: how many there are in the cloud, by kind.
    """

    events: tuple[tuple[str, str, str], ...]
    states: tuple[str, ...]
    things: Mapping[str, int]

    @property
    def types(self) -> list[str]:
        """The types of the events; FAILURE shows."""
        return [kind if status == "SUCCESS" else f"{kind} {status}" for kind, status, _ in self.events]


class Place:
    """A server, a cloud, and a deployment of one VM there.

    Args:
        house: the server.
        named: what the cloud has.
    """

    def __init__(self, house: House, named: Named) -> None:
        self.house = house
        self.named = named
        self.name = f"{RUN}-{uuid.uuid4().hex[:4]}"
        self.since = datetime.now(UTC)

    def events(self, last: str) -> list[Event]:
        """All events of the deployment since the latest operation began, up to the last one of this type."""
        subscriber = PatientSubscriber(self.house.session(), self.since)
        return [event for event in subscriber.until(last, depname=self.name) if event.depname == self.name]

    def deploy(self) -> None:
        """Deploy one VM, and wait until it is alive."""
        self.house.session().edit(deployment(self.name, group()))
        self.events("SERVICE_ALIVE")
        self.since = datetime.now(UTC)

    @property
    def vm(self) -> str:
        """The name of the VM."""
        (name,) = texts(self.house.session().deployment(self.name), "vm_name")
        return name

    def ended(self, last: str) -> End:
        """The end of the operation that this event closes."""
        events = tuple((one.type, str(one.status), self._plain(str(one.status_message))) for one in self.events(last))
        entry = self.house.session().deployment(self.name)
        states = texts(entry, "state") if entry is not None else []
        return End(events, tuple(states), {kind: len(many) for kind, many in self.named(self.name).items() if many})

    def _plain(self, text: str) -> str:
        return UUID.sub("ID", re.sub(rf"{self.name}[\w.-]*", "NAME", text))

    def leave(self) -> None:
        """Undeploy; nothing is left."""
        session = self.house.session()
        if session.config(self.name) is not None:
            self.since = datetime.now(UTC)
            session.edit(undeploy(self.name))
            self.events("SERVICE_UNDEPLOYED")
        until(lambda: not any(self.named(self.name).values()), f"nothing of {self.name} is left", SECONDS)
        self.house.leave()
