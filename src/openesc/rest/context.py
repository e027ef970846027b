"""What handlers of REST work with: the rooms below, put together by the wiring."""

from __future__ import annotations

from dataclasses import dataclass, field

from openesc.datastore.running import Running
from openesc.events.log import EventLog
from openesc.lifecycle.engine import Engine
from openesc.lifecycle.planner import Planner
from openesc.netconf import LockTable
from openesc.northbound.edits import Edits
from openesc.northbound.invocations import Invocations
from openesc.northbound.snapshot_volumes import SnapshotVolumes
from openesc.northbound.users import Users
from openesc.rest.codec import BASE
from openesc.rest.options import Options
from openesc.store import Store
from openesc.yang import Schema, SchemaNode


@dataclass(frozen=True, slots=True)
class Context:
    """`payloads` is the compiled module ``esc-manager``."""

    store: Store
    running: Running
    edits: Edits
    invocations: Invocations
    volumes: SnapshotVolumes
    events: EventLog
    engine: Engine
    planner: Planner
    users: Users
    locks: LockTable
    payloads: Schema
    options: Options = field(default_factory=Options)

    def payload(self, name: str) -> SchemaNode:
        """The schema of an operation's payload."""
        return self.payloads.rpcs[f"{{{BASE}}}{name}"]
