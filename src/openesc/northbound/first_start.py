"""What the first start makes: the server's host key and one local admin with a key pair. No password."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncssh
from sqlalchemy import Select, insert, select

from openesc.northbound.users import insert_keyed_admin
from openesc.store import Store, Tx
from openesc.store.tables import meta

ADMIN = "esc-nc-admin"
"""The user ESC's own command line logs in as."""
DONE = "first_start"


def host_key_path(data_dir: Path) -> Path:
    """The server's private host key."""
    return data_dir / "keys" / "ssh_host_ed25519_key"


def admin_key_path(data_dir: Path) -> Path:
    """The private key `esc_nc_cli` logs in with."""
    return data_dir / "keys" / ADMIN


async def first_start(data_dir: Path, store: Store) -> Path:
    """Make what is missing and return the host key's path.

    The admin is made once in the life of a data directory: who deletes it keeps it deleted.
    """
    host_key = host_key_path(data_dir)
    await asyncio.to_thread(_key_pair, host_key, "openesc host key")
    if not await store.read(lambda connection: connection.execute(_done()).first() is not None):
        key = await asyncio.to_thread(_key_pair, admin_key_path(data_dir), f"{ADMIN} of openesc")
        await store.write(lambda tx: _make_admin(tx, key))
    return host_key


def _done() -> Select[tuple[str]]:
    return select(meta.c.key).where(meta.c.key == DONE)


def _make_admin(tx: Tx, key: asyncssh.SSHKey) -> None:
    insert_keyed_admin(tx, ADMIN, key)
    tx.execute(insert(meta).values(key=DONE, value=str(tx.clock.tick())))


def _key_pair(path: Path, comment: str) -> asyncssh.SSHKey:
    """The ed25519 key at `path`, made if it is not there: the private half 0600, the public one beside it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
        _write(path.with_name(path.name + ".pub"), key.export_public_key(), 0o644)
        _write(path, key.export_private_key(), 0o600)
    return asyncssh.read_private_key(path)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, private from the first byte."""
    scratch = path.with_name(f".{path.name}.new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
