"""ESC's data model as this server loads it: modules, unit kinds, names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openesc.datastore.units import UnitKind, UnitTree
from openesc.netconf import YANG_DIR, YANG_FEATURES, YANG_MODULES
from openesc.yang import Schema

ESC = "http://www.cisco.com/esc/esc"
TENANT = "/esc:esc_datamodel/tenants/tenant"
MODULES = ("esc", *YANG_MODULES)

KINDS = (
    UnitKind("image", "/esc:esc_datamodel/images/image"),
    UnitKind("flavor", "/esc:esc_datamodel/flavors/flavor"),
    UnitKind("network", "/esc:esc_datamodel/networks/network"),
    UnitKind("tenant", TENANT),
    UnitKind("tenant-network", f"{TENANT}/networks/network"),
    UnitKind("tenant-volume", f"{TENANT}/volumes/volume"),
    UnitKind("deployment", f"{TENANT}/deployments/deployment"),
    UnitKind("system", "/esc:esc_system_config"),
)
"""What running is stored and edited in."""

SECRET_KINDS = frozenset({"system"})
"""Units that hold credentials: encrypted at rest, masked for all but admins."""

TENANT_KINDS = frozenset({"tenant", "tenant-network", "tenant-volume", "deployment"})
"""Units whose first key is a tenant."""


def yang_folders() -> Sequence[Path]:
    """Where the modules are: in the installed package, or beside the sources."""
    package = Path(__file__).resolve().parent.parent
    candidates = (package / "_yang", package.parent.parent / "yang")
    found = [folder for folder in candidates if folder.is_dir()]
    return [*found[:1], YANG_DIR]


def load_schema(cache_dir: Path | None) -> Schema:
    """The compiled modules; from the cache when nothing changed."""
    return Schema.load(yang_folders(), MODULES, cache_dir=cache_dir, features=YANG_FEATURES)


def load_payloads() -> Schema:
    """The payloads of REST's operations: a module apart, since it has the namespace of NETCONF's messages."""
    return Schema.load(yang_folders(), ("esc-manager",))


def unit_tree(schema: Schema) -> UnitTree:
    """The units of the model."""
    return UnitTree(schema, KINDS)


def local(qname: str) -> str:
    """The local part of a Clark name."""
    return qname.rpartition("}")[2]
