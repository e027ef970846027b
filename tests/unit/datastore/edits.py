"""Random edits of ESC's model, and a datastore to try them on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st
from lxml import etree

from openesc.datastore.partition import split
from openesc.datastore.running import Change, DefaultOperation, Running
from openesc.datastore.secrets import Vault
from openesc.datastore.units import UnitTree
from openesc.northbound.model import SECRET_KINDS
from openesc.store import Store, Tx

ESC = "http://www.cisco.com/esc/esc"
NC = "urn:ietf:params:xml:ns:netconf:base:1.0"
OPERATIONS = ("merge", "replace", "create", "delete", "remove")


def config(text: str) -> etree._Element:
    """A config element around `text`, ESC's namespace and ``nc`` declared."""
    return etree.fromstring(f'<config xmlns="{ESC}" xmlns:nc="{NC}">{text}</config>')


@contextmanager
def opened(tree: UnitTree, folder: Path) -> Iterator[tuple[Store, Running]]:
    store = Store(folder / "openesc.db")
    try:
        yield store, Running(store, tree, Vault(folder / "secrets.key", SECRET_KINDS))
    finally:
        store.close()


@contextmanager
def fresh(tree: UnitTree) -> Iterator[tuple[Store, Running]]:
    with tempfile.TemporaryDirectory() as folder, opened(tree, Path(folder)) as pair:
        yield pair


async def edit(
    store: Store, running: Running, document: etree._Element, default: DefaultOperation = "merge"
) -> list[Change]:
    parts = split(running.tree, document, default)

    def stage(tx: Tx) -> list[Change]:
        return running.stage(tx, parts, default)

    return await store.write(stage)


# random edits


def _element(name: str, children: list[str], operation: str | None, key: str | None = None) -> str:
    mark = f' nc:operation="{operation}"' if operation else ""
    named = f"<name>{key}</name>" if key else ""
    return f"<{name}{mark}>{named}{''.join(children)}</{name}>"


operations = st.one_of(st.none(), st.none(), st.sampled_from(OPERATIONS))


def _entries(name: str, keys: list[str], content: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    one = st.tuples(st.sampled_from(keys), operations, content).map(lambda t: (t[0], _element(name, t[2], t[1], t[0])))
    return st.lists(one, max_size=2, unique_by=lambda pair: pair[0]).map(lambda pairs: [text for _, text in pairs])


def _container(name: str, entries: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    made = st.tuples(entries, operations).map(lambda t: [_element(name, *t)])
    return st.one_of(st.just([]), made)


def _joined(*parts: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    return st.tuples(*parts).map(lambda lists: [text for texts in lists for text in texts])


_flags: st.SearchStrategy[list[str]] = st.one_of(
    st.just([]), st.sampled_from([["<managed_resource>false</managed_resource>"]])
)
_image: st.SearchStrategy[list[str]] = st.sampled_from(
    [["<src>http://a/b</src><disk_format>raw</disk_format><disk_bus>virtio</disk_bus>"], []]
)
_group = (
    "<vm_group><name>{}</name><bootup_time>60</bootup_time><recovery_wait_time>0</recovery_wait_time>"
    "<interfaces><interface><nicid>0</nicid><network>n</network></interface></interfaces>"
    "<scaling><min_active>1</min_active><max_active>1</max_active></scaling></vm_group>"
)
_groups = st.lists(st.sampled_from(["g1", "g2"]), max_size=2, unique=True).map(
    lambda names: [_group.format(n) for n in names]
)
_networks = _container("networks", _entries("network", ["n1", "n2"], st.just([])))
_deployments = _container("deployments", _entries("deployment", ["d1", "d2"], _groups))
_tenants = _container("tenants", _entries("tenant", ["t1", "t2"], _joined(_flags, _networks, _deployments)))
_images = _container("images", _entries("image", ["i1", "i2"], _image))
documents = st.tuples(_joined(_images, _networks, _tenants), operations).map(lambda t: _element("esc_datamodel", *t))
defaults = st.sampled_from(["merge", "merge", "merge", "none", "replace"])
sequences = st.lists(st.tuples(documents, defaults), min_size=1, max_size=6)
