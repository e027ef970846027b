"""Running on a real store: staging, publishing, rolling back, restarts, secrets, refusals."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.unit.datastore.edits import ESC, config, edit, fresh, opened

from openesc.datastore.partition import split
from openesc.datastore.secrets import Vault
from openesc.datastore.units import Unit, UnitId, UnitTree
from openesc.northbound.model import SECRET_KINDS
from openesc.store import StoreError, Tx
from openesc.yang import YangError, YangErrors

TENANTS = "<esc_datamodel><tenants>{}</tenants></esc_datamodel>"
T1 = TENANTS.format("<tenant><name>t1</name></tenant>")
T2 = TENANTS.format("<tenant><name>t2</name></tenant>")
CONNECTOR = (
    "<esc_system_config><vim_connectors><vim_connector><id>v</id><type>OPENSTACK</type><properties><property>"
    "<name>os_password</name><value>s3cr3t-of-the-cloud</value></property></properties></vim_connector>"
    "</vim_connectors></esc_system_config>"
)


def errors_of(tree: UnitTree, text: str, default: str = "merge") -> list[YangError]:
    with pytest.raises(YangErrors) as caught:
        split(tree, config(text), default)
    return list(caught.value.errors)


@pytest.mark.parametrize(
    "text, tag, culprit",
    [
        ("<nonsense/>", "unknown-element", "nonsense"),
        ('<esc_datamodel xmlns="urn:other"/>', "unknown-element", "esc_datamodel"),
        (TENANTS.format("<tenants/>"), "unknown-element", "tenants"),
        (TENANTS.format("words<tenant><name>a</name></tenant>"), "bad-element", "words"),
        (TENANTS.format("<tenant/>"), "missing-element", "name"),
        (TENANTS.format("<tenant><name/></tenant>"), "missing-element", "name"),
        (TENANTS.format("<tenant><name>a</name></tenant>" * 2), "bad-element", "'a' stands twice"),
        ('<esc_datamodel><tenants nc:operation="destroy"/></esc_datamodel>', "bad-attribute", "destroy"),
    ],
)
def test_what_no_unit_holds_is_refused(tree: UnitTree, text: str, tag: str, culprit: str) -> None:
    (error,) = errors_of(tree, text)
    assert error.error_tag == tag
    assert culprit in error.error_message


def test_all_errors_at_once(tree: UnitTree) -> None:
    found = errors_of(tree, "<nonsense/>" + TENANTS.format("<tenant/><foo/>"))
    assert sorted(error.error_tag for error in found) == [
        "missing-element",
        "unknown-element",
        "unknown-element",
    ]


def test_every_trie_node_that_is_no_unit_holds_units_alone(tree: UnitTree) -> None:
    """What split() refuses there is not part of the model either."""
    for node in tree._walk():
        if node.kind is None:
            assert {name for name, child in node.schema.children.items() if child.config} <= {
                *node.children,
                *node.keys,
            }, node.schema.path


async def test_a_top_container_with_content_of_its_own_can_be_deleted(tree: UnitTree) -> None:
    with fresh(tree) as (store, running):
        await edit(store, running, config(CONNECTOR))
        await edit(store, running, config(T1))
        await edit(store, running, config('<esc_system_config nc:operation="delete"/>'))
        assert [unit.id.text for unit in running.select(None)] == ["tenant:t1"]
        with pytest.raises(YangErrors) as caught:
            await edit(store, running, config('<esc_system_config nc:operation="delete"/>'))
        assert caught.value.errors[0].error_tag == "data-missing"


async def test_a_refused_edit_in_a_batch_leaves_the_others(tree: UnitTree) -> None:
    with fresh(tree) as (store, running):
        wrong = config(TENANTS.format('<tenant nc:operation="delete"><name>nobody</name></tenant>'))
        results = await asyncio.gather(
            *(edit(store, running, document) for document in (config(T1), wrong, config(T2))),
            return_exceptions=True,
        )
        assert [isinstance(result, YangErrors) for result in results] == [False, True, False]
        assert {unit.id.text for unit in running.select(None)} == {"tenant:t1", "tenant:t2"}
        assert not running._staged


async def test_one_that_fails_after_staging_takes_only_its_own_back(tree: UnitTree) -> None:
    with fresh(tree) as (store, running):
        first, second = (split(tree, config(text), "merge") for text in (T1, T2))

        def fails(tx: Tx) -> None:
            running.stage(tx, second, "merge")
            raise ValueError("refused afterwards")

        results = await asyncio.gather(
            store.write(lambda tx: running.stage(tx, first, "merge")),
            store.write(fails),
            return_exceptions=True,
        )
        assert isinstance(results[1], ValueError)
        assert [unit.id.text for unit in running.select(None)] == ["tenant:t1"]


async def test_a_commit_that_fails_leaves_head_and_lane_as_they_were(tree: UnitTree) -> None:
    with fresh(tree) as (store, running):
        await edit(store, running, config(T1))

        def full(tx: Tx) -> None:
            running.stage(tx, split(tree, config(T2), "merge"), "merge")
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            tx.connection.exec_driver_sql("insert into meta values ('big', zeroblob(10000000))")

        with pytest.raises(StoreError):
            await store.write(full)
        assert [unit.id.text for unit in running.select(None)] == ["tenant:t1"]
        seen = await store.write(lambda tx: [unit.text for unit in running.current_ids()])
        assert seen == ["tenant:t1"]


async def test_a_document_sent_again_changes_nothing(tree: UnitTree) -> None:
    with fresh(tree) as (store, running):
        await edit(store, running, config(T1))
        changes = await edit(store, running, config(T1))
        assert [change.before == change.after for change in changes] == [True]


async def test_a_restart_gives_the_same_head(tree: UnitTree, tmp_path: Path) -> None:
    with opened(tree, tmp_path) as (store, running):
        await edit(store, running, config(T1 + CONNECTOR))
        await edit(store, running, config(T2))
        before = {unit.id: unit.document for unit in running.select(None)}
    with opened(tree, tmp_path) as (_, running):
        assert {unit.id: unit.document for unit in running.select(None)} == before


async def test_secrets_are_not_in_the_files(tree: UnitTree, tmp_path: Path) -> None:
    with opened(tree, tmp_path) as (store, running):
        await edit(store, running, config(CONNECTOR))
        assert b"s3cr3t-of-the-cloud" in running.select(None)[0].document
        assert not _found(tmp_path, b"s3cr3t-of-the-cloud")
    assert not _found(tmp_path, b"s3cr3t-of-the-cloud")
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(RuntimeError, match=r"secrets\.key is not the key"), opened(tree, tmp_path):
        pass


def _found(folder: Path, text: bytes) -> bool:
    return any(text in file.read_bytes() for file in folder.iterdir())


def test_the_vault_seals_what_it_is_told_to(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "keys" / "k", SECRET_KINDS)
    assert vault.seal("image", b"x") == b"x"
    sealed = vault.seal("system", b"x")
    assert sealed != b"x"
    assert Vault(tmp_path / "keys" / "k", SECRET_KINDS).open("system", sealed) == b"x"
    assert (tmp_path / "keys" / "k").stat().st_mode & 0o777 == 0o600


async def test_what_is_provided_gives_way_to_what_is_configured(tree: UnitTree) -> None:
    with fresh(tree) as (store, running):
        unit_id = UnitId(tree.kinds["tenant"], ("t1",))
        text = f'<esc_datamodel xmlns="{ESC}"><tenants><tenant><name>t1</name></tenant></tenants></esc_datamodel>'
        running.provide(Unit(unit_id, text.encode()))
        assert running.get(unit_id) is not None
        flag = "<managed_resource>false</managed_resource>"
        await edit(store, running, config(TENANTS.format(f"<tenant><name>t1</name>{flag}</tenant>")))
        running.provide(Unit(unit_id, text.encode()))
        found = running.get(unit_id)
        assert found is not None
        assert flag.encode() in found.document


@pytest.mark.parametrize("key", ["plain", "a/b", "a:b", "ä ö", "100%"])
def test_unit_ids_are_texts_and_back(tree: UnitTree, key: str) -> None:
    unit_id = UnitId(tree.kinds["deployment"], ("t", key))
    assert tree.parse_id(unit_id.text) == unit_id
    assert tree.parse_id("system:") == UnitId(tree.kinds["system"], ())
