"""Who may log in: local users with a group, the tenants they may see, a password (argon2) and public keys.

There is no default password anywhere. The first start makes one user with a key pair in the data directory.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import argon2
import asyncssh
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from openesc.errors import InvalidRequest, NotFound, OperationRefused, ResourceDenied
from openesc.netconf.backend import User
from openesc.store import Store, Tx, iso
from openesc.store.tables import user_keys, users

GROUPS = ("admin", "operator", "read-only")
CACHE_SECONDS = 300
"""How long a verified password is not verified again."""
CACHE_LIMIT = 1000
HASHERS = 2
"""Verifications at once: each takes 64 MiB and a core for some 50 ms."""

_NAME = re.compile(r"[^\s:/\x00-\x1f\x7f]{1,256}")


@dataclass(frozen=True, slots=True)
class Account:
    """A user as `openesc user list` shows it. `tenants` None means all; times are ISO 8601 in UTC."""

    name: str
    group: str
    tenants: list[str] | None
    password: bool
    keys: int
    created_at: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Users:
    """The users of one store. What of theirs is open is the doors' business."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hasher = argon2.PasswordHasher()
        self._unknown = self._hasher.hash(secrets.token_hex())
        self._hashing = asyncio.Semaphore(HASHERS)
        self._verifying = 0
        self._cache_key = secrets.token_bytes(32)
        self._verified: dict[bytes, float] = {}

    async def add(
        self, name: str, group: str, tenants: Sequence[str] | None = None, password: str | None = None
    ) -> None:
        """Add a user; without a password only keys let it in.

        Raises: InvalidRequest for a name or group that cannot be; OperationRefused when the name is taken.
        """
        _check(name, group)
        hashed = await self._hash(password) if password else None

        def insert_user(tx: Tx) -> None:
            if _row(tx.connection, name) is not None:
                raise OperationRefused(f"user {name} exists already; delete it first, or change its password")
            tx.execute(insert(users).values(**_new_row(tx, name, group, tenants), password_hash=hashed))

        await self._store.write(insert_user)

    async def set_password(self, name: str, password: str) -> None:
        """Give a user another password. Raises: NotFound, InvalidRequest."""
        hashed = await self._hash(password)

        def change(tx: Tx) -> None:
            _require(tx.connection, name)
            tx.execute(update(users).where(users.c.name == name).values(password_hash=hashed))

        await self._store.write(change)

    async def add_key(self, name: str, line: str) -> str:
        """Let `name` in with the public key of an OpenSSH `line` too; returns its SHA256 fingerprint.

        Raises: InvalidRequest when the line is no public key; NotFound.
        """
        key = _public_key(line)

        def add(tx: Tx) -> None:
            _require(tx.connection, name)
            insert_key(tx, name, key)

        await self._store.write(add)
        return key.get_fingerprint()

    async def list(self) -> list[Account]:
        """Every user, by name."""
        return await self._store.read(_accounts)

    async def delete(self, name: str) -> None:
        """Remove a user and its keys. Raises: NotFound."""

        def remove(tx: Tx) -> None:
            _require(tx.connection, name)
            tx.execute(delete(user_keys).where(user_keys.c.user == name))
            tx.execute(delete(users).where(users.c.name == name))

        await self._store.write(remove)

    async def check_password(self, name: str, password: str, at_once: int | None = None) -> User | None:
        """The user if `password` is right. Takes as long for unknown users and wrong passwords alike.

        `at_once`: so many passwords that are not remembered may be verified or wait for it.
        Raises: ResourceDenied where there are more.
        """
        row = await self._store.read(lambda connection: _row(connection, name))
        known = row is not None and row.password_hash is not None
        hashed = row.password_hash if row is not None and known else self._unknown
        return _user(row) if await self._verify(hashed, password, at_once) and known else None

    async def check_public_key(self, name: str, key: asyncssh.SSHKey) -> User | None:
        """The user if `key` is one of its keys; that the peer holds the private half is proved elsewhere."""
        mine = user_keys.select().where(user_keys.c.user == name, user_keys.c.fingerprint == key.get_fingerprint())

        def find(connection: Connection) -> Row[Any] | None:
            return _row(connection, name) if connection.execute(mine).first() is not None else None

        return _user(await self._store.read(find))

    async def _hash(self, password: str) -> str:
        if not password:
            raise InvalidRequest("the password is empty")
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _verify(self, hashed: str, password: str, at_once: int | None) -> bool:
        digest = hmac.digest(self._cache_key, f"{hashed}\0{password}".encode(), hashlib.sha256)
        if self._verified.get(digest, 0) > time.monotonic():
            return True
        if at_once is not None and self._verifying >= at_once:
            raise ResourceDenied("too many logins at once; try again")
        self._verifying += 1
        try:
            async with self._hashing:
                good = await asyncio.to_thread(self._matches, hashed, password)
        finally:
            self._verifying -= 1
        if good:
            self._remember(digest)
        return good

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def _remember(self, digest: bytes) -> None:
        if len(self._verified) >= CACHE_LIMIT:
            self._verified.clear()
        self._verified[digest] = time.monotonic() + CACHE_SECONDS


def insert_key(tx: Tx, name: str, key: asyncssh.SSHKey) -> None:
    """Store a public key for `name`; one that is there already stays."""
    mine = (user_keys.c.user == name) & (user_keys.c.fingerprint == key.get_fingerprint())
    if tx.execute(select(user_keys.c.user).where(mine)).first() is None:
        line = key.export_public_key().decode().strip()
        tx.execute(insert(user_keys).values(user=name, fingerprint=key.get_fingerprint(), key=line))


def insert_keyed_admin(tx: Tx, name: str, key: asyncssh.SSHKey) -> None:
    """An admin who logs in with `key` alone; one of that name that is there already stays as it is."""
    if _row(tx.connection, name) is None:
        tx.execute(insert(users).values(**_new_row(tx, name, "admin", None), password_hash=None))
        insert_key(tx, name, key)


def _new_row(tx: Tx, name: str, group: str, tenants: Sequence[str] | None) -> dict[str, Any]:
    limits = sorted(set(tenants)) if tenants else None
    return {"name": name, "grp": group, "tenants": limits, "created_at": tx.clock.tick()}


def _check(name: str, group: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is no user name: 1 to 256 characters, no blanks, colons or slashes")
    if group not in GROUPS:
        raise InvalidRequest(f"{group!r} is no group; the groups are {', '.join(GROUPS)}")


def _public_key(line: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(line)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise InvalidRequest(f"this is no OpenSSH public key: {error}") from None


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(users.select().where(users.c.name == name)).first()


def _require(connection: Connection, name: str) -> None:
    if _row(connection, name) is None:
        raise NotFound(f"there is no user {name}; `openesc user list` shows who there is")


def _user(row: Row[Any] | None) -> User | None:
    if row is None:
        return None
    tenants = None if row.tenants is None else frozenset(row.tenants)
    return User(name=row.name, group=row.grp, tenants=tenants)


def _accounts(connection: Connection) -> list[Account]:
    keys = select(func.count()).where(user_keys.c.user == users.c.name).scalar_subquery()
    rows = connection.execute(select(users, keys.label("keys")).order_by(users.c.name))
    return [
        Account(row.name, row.grp, row.tenants, row.password_hash is not None, row.keys, iso(row.created_at))
        for row in rows
    ]
