"""Deployments that are made, changed and taken away."""

from __future__ import annotations

from tests.crash import documents, requests
from tests.crash.scenario import Scenario


def _making(vm: str, *, ports: int = 1, volume: bool = False, alive: bool = True) -> tuple[str, ...]:
    steps = [f"{vm}/begin", *(f"{vm}/port/{nicid}" for nicid in range(ports))]
    steps += [f"{vm}/volume/data", f"{vm}/volume/data/available"] if volume else []
    steps += [f"{vm}/server", f"{vm}/up"]
    return (*steps, *([f"{vm}/alive/deadline", f"{vm}/alive"] if alive else []))


def _removing(vm: str, *, volume: bool = False) -> tuple[str, ...]:
    """`vm` as group_ordinal; its whole name has an id at the end."""
    path = f"vm/*_{vm}_*"
    volumes = [f"{path}/volume/data/delete", f"{path}/volume/data/deleted"] if volume else []
    return (f"{path}/server/delete", f"{path}/port/delete", *volumes, f"{path}/gone")


def _network(stem: str) -> tuple[str, str]:
    return f"network/{stem}-n???", f"network/{stem}-n???/subnet/*"


def _network_goes(stem: str) -> tuple[str, str]:
    return f"subnet:network:*/{stem}-n???/*/delete", f"network:*/{stem}-n???/delete"


_TENANT = ("tenant/*/found", "tenant/tenant-n???", "project")
_G1 = (*_making("g1/0", ports=2, volume=True), *_making("g1/1", ports=2, volume=True), "g1/lookup")
_G2 = (*_making("g2/0", ports=2), *_making("g2/1", ports=2), "g2/lookup")

DEPLOY_ONE = Scenario(
    "deploy-one",
    "deploy",
    documents.single,
    ("begin", "plan", *_TENANT, *_making("g1/0"), "g1/lookup", "resize/plan", "close"),
)
UNDEPLOY_ONE = Scenario(
    "undeploy-one",
    "undeploy",
    documents.gone,
    ("begin", "project", *_removing("g1_0"), "late/until", "proof", "close"),
    before=[documents.single],
)
UPDATE_ONE = Scenario(
    "update-one",
    "update",
    documents.single_with_other_group,
    ("plan", *_making("g2/0"), "g2/lookup", "resize/plan", "leaving", *_removing("g1_0"), "close"),
    before=[documents.single],
)
UPDATE_HANDED_OVER = Scenario(
    "update-handed-over",
    "update",
    documents.addressed_elsewhere,
    ("plan", "leaving/first", *_removing("g1_0"), *_making("g2/0"), "g2/lookup", "resize/plan", "close"),
    before=[documents.addressed],
    sample=["leaving/first"],
)
DEPLOY_MANY = Scenario(
    "deploy-many",
    "deploy",
    documents.multi,
    ("begin", "plan", *_TENANT, *_network("inner"), *_network("side"), *_G1, *_G2, "resize/plan", "close"),
)
UNDEPLOY_MANY = Scenario(
    "undeploy-many",
    "undeploy",
    documents.gone,
    (
        "begin",
        "project",
        *_removing("g1_0", volume=True),
        *_removing("g1_1", volume=True),
        *_removing("g2_0"),
        *_removing("g2_1"),
        *_network_goes("inner"),
        *_network_goes("side"),
        "late/until",
        "late/strays",
        "proof",
        "close",
    ),
    before=[documents.multi],
)
UPDATE_MANY = Scenario(
    "update-many",
    "update",
    documents.multi_with_other_groups,
    (
        "plan",
        *_network("fresh"),
        *_making("g3/0", ports=2, alive=False),
        "g3/lookup",
        "resize/plan",
        "leaving",
        *_removing("g2_0"),
        *_removing("g2_1"),
        *_network_goes("side"),
        "close",
    ),
    before=[documents.multi],
)
DEPLOY_REFUSED = Scenario(
    "deploy-refused",
    "deploy",
    documents.single,
    (
        *("begin", "plan", *_TENANT, "g1/0/begin", "g1/lookup", "g1/0/port/0", "g1/0/server"),
        *("g1/0/undo/server/delete", "g1/0/undo/port/delete", "g1/0/failed", "resize/plan", "close"),
    ),
    refused=[{"match": {"operation": "server.create"}, "action": {"type": "quota"}, "count": None}],
    state="failed",
    sample=("g1/0/undo/server/delete", "g1/0/undo/port/delete"),
    failing=("g1/0/server",),
)
DEPLOY_APART = Scenario(
    "deploy-apart",
    "deploy",
    documents.apart,
    (
        *("begin", "plan", *_TENANT, "placement/*", *_making("g1/0"), *_making("g1/1"), "g1/lookup"),
        *("resize/plan", "close"),
    ),
    sample=["placement/*"],
)
UNDEPLOY_APART = Scenario(
    "undeploy-apart",
    "undeploy",
    documents.gone,
    (
        *("begin", "project", *_removing("g1_0"), *_removing("g1_1"), "late/until", "late/strays"),
        *("placement/*/delete", "proof", "close"),
    ),
    before=[documents.apart],
    sample=["placement/*/delete"],
)
_LOST = {
    "port.create": "*{suffix}_g1_0_*",
    "volume.create": "*{suffix}_g1_1_*",
    "network.create": "inner{suffix}_*",
    "server.create": "*{suffix}_g2_0_*",
}
"""Asked for again before the first one shows itself."""

SWEEP = Scenario(
    "sweep",
    "sweep",
    documents.multi,
    ("vm/*_g1_0_*", "vm/*_g1_1_*", "vm/*_g2_0_*", "vm/*_g2_1_*", "strays"),
    refused=[
        {"match": {"operation": operation, "name": name}, "action": {"type": "lost_reply", "effect_after": 1.0}}
        for operation, name in _LOST.items()
    ],
)


def _changing(vm: str, *steps: str, alive: bool = True) -> tuple[str, ...]:
    """`vm` changes in place: between the monitor off and on again."""
    around = ("pause", *steps, "updated", "metadata", "resume", *(("alive/deadline", "alive") if alive else ()))
    return tuple(f"{vm}/change/{step}" for step in around)


UPDATE_INTERFACES = Scenario(
    "update-interfaces",
    "update",
    documents.rewired,
    (
        *("plan", *_network("side"), "g1/lookup"),
        *_changing(
            "g1/0",
            *("interface/1/detach", "interface/1/delete", "port/1", "interface/1/attach", "interface/0/change"),
        ),
        *("resize/plan", *_network_goes("inner"), "close"),
    ),
    before=[documents.wired],
)

UPDATE_VOLUMES = Scenario(
    "update-volumes",
    "update",
    documents.stored_elsewhere,
    (
        *("plan", "g1/lookup"),
        *_changing(
            "g1/0",
            *("volume/old/detach", "volume/old/detached", "volume/old/delete", "volume/old/deleted"),
            *("volume/new", "volume/new/available"),
            *("volume/new/attach", "volume/new/attached"),
        ),
        *("resize/plan", "close"),
    ),
    before=[documents.stored],
)


def _restoring(*steps: str, alive: bool = True) -> tuple[str, ...]:
    began = ("lookup", "volume/new", "volume/new/available", "swap")
    restore = _changing("g1/0", *(f"restore/{step}" for step in (*began, *steps)), alive=alive)
    return ("plan", "g1/lookup", *restore, "resize/plan", "close")


RESTORE_ANEW = Scenario(
    "restore-anew",
    "update",
    documents.restored,
    _restoring("server/delete", "server/gone", "volume/old/left", "server", "up"),
    before=[documents.booted],
)
RESTORE_SWAP = Scenario(
    "restore-swap",
    "update",
    documents.restored,
    _restoring("swapped"),
    before=[documents.booted],
    cloud={"root_volume_swap": True},
)
RESTORE_STOPPED = Scenario(
    "restore-stopped",
    "update",
    documents.restored,
    _restoring("server/delete", "server/gone", "volume/old/left", "server", "stop", "up", alive=False),
    before=[documents.booted, requests.service_action("STOP")],
)

ONE = (DEPLOY_ONE, UNDEPLOY_ONE, UPDATE_ONE, UPDATE_HANDED_OVER, DEPLOY_REFUSED)
APART = (DEPLOY_APART, UNDEPLOY_APART)
MANY = (DEPLOY_MANY, UNDEPLOY_MANY, UPDATE_MANY)
IN_PLACE = (UPDATE_INTERFACES, UPDATE_VOLUMES, RESTORE_ANEW, RESTORE_SWAP, RESTORE_STOPPED)
