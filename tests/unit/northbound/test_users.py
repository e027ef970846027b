"""Users on a real store: who gets in, who does not, and what the first start makes."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from openesc.errors import InvalidRequest, NotFound, OperationRefused, ResourceDenied
from openesc.netconf import User
from openesc.northbound.first_start import admin_key_path, first_start
from openesc.northbound.users import Users
from openesc.store import Store
from openesc.store.tables import user_keys
from openesc.store.tables import users as table


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


async def test_a_user_gets_in_with_its_password_and_only_with_it(store: Store) -> None:
    users = Users(store)
    await users.add("alice", "operator", ["t2", "t1"], "correct horse")
    alice = User("alice", "operator", frozenset({"t1", "t2"}))
    assert await users.check_password("alice", "correct horse") == alice
    assert await users.check_password("alice", "correct horse") == alice  # from memory
    for name, password in [("alice", "wrong"), ("alice", ""), ("bob", "correct horse"), ("", "")]:
        assert await users.check_password(name, password) is None


async def test_the_password_is_kept_as_argon2_only(store: Store) -> None:
    await Users(store).add("alice", "admin", None, "correct horse")
    row = await store.read(lambda connection: connection.execute(table.select()).one())
    assert row.password_hash.startswith("$argon2id$")
    assert (row.grp, row.tenants) == ("admin", None)


async def test_a_changed_or_deleted_password_is_not_remembered(store: Store) -> None:
    users = Users(store)
    await users.add("alice", "operator", None, "old")
    assert await users.check_password("alice", "old") is not None
    await users.set_password("alice", "new")
    assert await users.check_password("alice", "old") is None
    assert await users.check_password("alice", "new") is not None
    await users.delete("alice")
    assert await users.check_password("alice", "new") is None


async def test_a_verified_password_is_quick_and_a_wrong_or_unknown_one_is_not(store: Store) -> None:
    users = Users(store)
    await users.add("alice", "operator", None, "right")

    async def took(name: str, password: str) -> float:
        began = time.perf_counter()
        await users.check_password(name, password)
        return time.perf_counter() - began

    await took("alice", "right")
    quick = min([await took("alice", "right") for _ in range(3)])
    assert min(await took("alice", "wrong"), await took("nobody", "right")) > 3 * quick


async def test_a_flood_of_wrong_passwords_keeps_nobody_out_who_is_remembered(store: Store) -> None:
    users = Users(store)
    await users.add("alice", "operator", None, "correct horse")
    alice = await users.check_password("alice", "correct horse")
    flood = [asyncio.create_task(users.check_password("alice", f"wrong {number}", 3)) for number in range(8)]
    with pytest.raises(ResourceDenied, match="too many logins"):
        await next(iter(asyncio.as_completed(flood)))
    assert await users.check_password("alice", "correct horse", 3) == alice
    answers = await asyncio.gather(*flood, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers].count("ResourceDenied") == 5
    assert answers.count(None) == 3


async def test_a_user_without_password_never_gets_in_by_one(store: Store) -> None:
    users = Users(store)
    await users.add("keyed", "operator")
    assert await users.check_password("keyed", "") is None
    assert await users.check_password("keyed", "None") is None


async def test_a_key_lets_its_user_in_and_nobody_else(store: Store) -> None:
    users, key, other = Users(store), *(asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    await users.add("alice", "read-only")
    await users.add("bob", "read-only")
    line = key.export_public_key().decode()
    assert await users.add_key("alice", line) == key.get_fingerprint()
    await users.add_key("alice", line)  # again changes nothing
    public = asyncssh.import_public_key(line)
    assert await users.check_public_key("alice", public) == User("alice", "read-only")
    assert await users.check_public_key("bob", public) is None
    assert await users.check_public_key("alice", other.convert_to_public()) is None
    [alice, _] = await users.list()
    assert (alice.keys, alice.password, alice.tenants) == (1, False, None)


async def test_deleting_a_user_deletes_its_keys(store: Store) -> None:
    users = Users(store)
    await users.add("alice", "admin")
    await users.add_key("alice", asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode())
    await users.delete("alice")
    assert await users.list() == []
    assert await store.read(lambda connection: connection.execute(user_keys.select()).all()) == []


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a/b", "a\n", "x" * 257])
async def test_a_name_that_cannot_be_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidRequest, match="is no user name"):
        await Users(store).add(name, "admin")


async def test_what_is_wrong_is_said(store: Store) -> None:
    users = Users(store)
    await users.add("alice", "admin")
    with pytest.raises(InvalidRequest, match="'root' is no group; the groups are admin, operator, read-only"):
        await users.add("bob", "root")
    with pytest.raises(OperationRefused, match="user alice exists already"):
        await users.add("alice", "admin")
    with pytest.raises(InvalidRequest, match="no OpenSSH public key"):
        await users.add_key("alice", "ssh-ed25519 nonsense")
    with pytest.raises(InvalidRequest, match="the password is empty"):
        await users.set_password("alice", "")
    for attempt in (users.delete("bob"), users.set_password("bob", "x")):
        with pytest.raises(NotFound, match="there is no user bob"):
            await attempt


async def test_two_who_add_the_same_name_at_once_get_one_user(store: Store) -> None:
    users = Users(store)
    results = await asyncio.gather(*(users.add("alice", "admin") for _ in range(5)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", *["OperationRefused"] * 4]


async def test_the_first_start_makes_keys_and_one_admin_without_password(store: Store, tmp_path: Path) -> None:
    users = Users(store)
    host_key = await first_start(tmp_path, store)
    key = asyncssh.read_private_key(admin_key_path(tmp_path))
    assert await users.check_public_key("esc-nc-admin", key.convert_to_public()) == User("esc-nc-admin", "admin")
    assert await users.check_password("esc-nc-admin", "") is None
    assert asyncssh.read_private_key(host_key).get_algorithm() == "ssh-ed25519"
    for private in (host_key, admin_key_path(tmp_path)):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(host_key.parent.stat().st_mode) == 0o700


async def test_later_starts_change_nothing_and_a_deleted_admin_stays_deleted(store: Store, tmp_path: Path) -> None:
    host_key = await first_start(tmp_path, store)
    before = (host_key.read_bytes(), admin_key_path(tmp_path).read_bytes())
    await Users(store).delete("esc-nc-admin")
    await first_start(tmp_path, store)
    assert (host_key.read_bytes(), admin_key_path(tmp_path).read_bytes()) == before
    assert await Users(store).list() == []


async def test_a_first_start_cut_short_is_finished_by_the_next(store: Store, tmp_path: Path) -> None:
    await first_start(tmp_path, store)
    mine = admin_key_path(tmp_path).read_bytes()
    with_rows_lost = Store(tmp_path / "again.db")  # killed after the files, before the rows
    await first_start(tmp_path, with_rows_lost)
    key = asyncssh.read_private_key(admin_key_path(tmp_path))
    assert admin_key_path(tmp_path).read_bytes() == mine
    assert await Users(with_rows_lost).check_public_key("esc-nc-admin", key.convert_to_public()) is not None
    with_rows_lost.close()
