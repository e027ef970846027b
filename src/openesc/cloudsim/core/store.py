"""The durable file: SQLite in WAL mode, written once per turn of the event loop, before any answer of that turn leaves.

``synchronous=OFF``: what was committed survives the death of the process at any moment (the promise), not a power
failure of the machine (no promise: a simulator's data is not worth an fsync per request).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (kind TEXT, id TEXT, seq INTEGER, body TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time REAL, method TEXT, path TEXT, operation TEXT, resource_type TEXT,
    resource_id TEXT, resource_name TEXT, project TEXT, status INTEGER, request_id TEXT, fault TEXT, ms REAL);
"""

REQUEST_COLUMNS = (
    "time", "method", "path", "operation", "resource_type", "resource_id", "resource_name", "project",
    "status", "request_id", "fault", "ms",
)  # fmt: skip


class Record(Protocol):
    """What a table holds: a dataclass whose values are plain JSON."""

    id: str


R = TypeVar("R", bound=Record)


class Store:
    """The file. Changes gather in memory and reach it by `commit`."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        self._dirty: dict[tuple[str, str], Record | None] = {}
        self._log: list[tuple[Any, ...]] = []
        self._order: dict[tuple[str, str], int] = {}
        self._seq = 0

    def load(self, kind: str) -> Iterator[dict[str, Any]]:
        """All records of a kind, in the order they were first stored."""
        rows = self._db.execute("SELECT id, seq, body FROM records WHERE kind = ? ORDER BY seq", (kind,))
        for identifier, seq, body in rows.fetchall():
            self._order[kind, identifier] = seq
            self._seq = max(self._seq, seq)
            yield json.loads(body)

    def touch(self, kind: str, record: Record) -> None:
        """The record is new or changed."""
        key = (kind, record.id)
        self._dirty[key] = record
        if key not in self._order:
            self._seq += 1
            self._order[key] = self._seq

    def forget(self, kind: str, identifier: str) -> None:
        """The record is gone."""
        self._dirty[kind, identifier] = None
        self._order.pop((kind, identifier), None)

    def log_request(self, row: tuple[Any, ...]) -> None:
        """Add a row (`REQUEST_COLUMNS`) to the request log."""
        self._log.append(row)

    def commit(self) -> None:
        """Write all that changed in one transaction. Raises `sqlite3.Error`; then memory is ahead of the file."""
        if not self._dirty and not self._log:
            return
        gone = [key for key, record in self._dirty.items() if record is None]
        rows = [(*key, self._order[key], json.dumps(vars(r))) for key, r in self._dirty.items() if r is not None]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("DELETE FROM records WHERE kind = ? AND id = ?", gone)
        self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", rows)
        marks = ", ".join("?" * len(REQUEST_COLUMNS))
        columns = ", ".join(REQUEST_COLUMNS)
        self._db.executemany(f"INSERT INTO requests ({columns}) VALUES ({marks})", self._log)
        self._db.execute("COMMIT")
        self._dirty.clear()
        self._log.clear()

    def requests(self, since: int, limit: int) -> list[dict[str, Any]]:
        """Rows of the request log after sequence number `since`, oldest first."""
        self.commit()
        columns = ("seq", *REQUEST_COLUMNS)
        query = f"SELECT {', '.join(columns)} FROM requests WHERE seq > ? ORDER BY seq LIMIT ?"
        return [dict(zip(columns, row, strict=True)) for row in self._db.execute(query, (since, limit))]

    def prune_requests(self, keep: int) -> None:
        """Keep the newest `keep` rows of the request log."""
        self._db.execute("DELETE FROM requests WHERE seq <= (SELECT MAX(seq) FROM requests) - ?", (keep,))

    def wipe(self) -> None:
        """Forget everything, the request log too."""
        self._dirty.clear()
        self._log.clear()
        self._order.clear()
        self._db.execute("DELETE FROM records")
        self._db.execute("DELETE FROM requests")

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._db.close()


Key = Callable[[Any], Hashable | None]


class Table(Generic[R]):
    """All records of one kind, in memory, with indexes; written through `store`.

    Records are changed in place and then `put` again. `changed_since` serves lists by the time of change.
    """

    def __init__(self, store: Store, kind: str, cls: type[R], **indexes: Key) -> None:
        self.kind = kind
        self._store = store
        self._cls = cls
        self._rows: dict[str, R] = {}
        self._changed: dict[str, None] = {}
        self._indexes = indexes
        self._found: dict[str, dict[Hashable, dict[str, R]]] = {name: {} for name in indexes}
        self._keys: dict[str, tuple[Hashable | None, ...]] = {}
        self.load()

    def load(self) -> None:
        """Read everything from the file again."""
        for rows in (self._rows, self._changed, self._keys):
            rows.clear()
        self._found = {name: {} for name in self._indexes}
        for body in self._store.load(self.kind):
            self._place(self._cls(**body))
        by_change = sorted(self._rows.values(), key=lambda row: getattr(row, "updated", 0.0))
        self._changed = dict.fromkeys(row.id for row in by_change)

    def _place(self, record: R) -> None:
        self._rows[record.id] = record
        keys = tuple(key(record) for key in self._indexes.values())
        old = self._keys.get(record.id)
        if keys != old:
            if old is not None:
                self._unindex(record.id, old)
            self._keys[record.id] = keys
            for name, value in zip(self._indexes, keys, strict=True):
                if value is not None:
                    self._found[name].setdefault(value, {})[record.id] = record

    def _unindex(self, identifier: str, keys: tuple[Hashable | None, ...]) -> None:
        for name, value in zip(self._indexes, keys, strict=True):
            if value is not None:
                bucket = self._found[name][value]
                bucket.pop(identifier, None)
                if not bucket:
                    del self._found[name][value]

    def put(self, record: R) -> R:
        """Store a new or changed record."""
        self._place(record)
        self._changed.pop(record.id, None)
        self._changed[record.id] = None
        self._store.touch(self.kind, record)
        return record

    def drop(self, identifier: str) -> None:
        """Remove a record; nothing happens if it is not there."""
        if self._rows.pop(identifier, None) is not None:
            self._unindex(identifier, self._keys.pop(identifier))
            self._changed.pop(identifier, None)
            self._store.forget(self.kind, identifier)

    def get(self, identifier: str) -> R | None:
        """The record with this id."""
        return self._rows.get(identifier)

    def by(self, index: str, value: Hashable) -> list[R]:
        """Records whose index has this value, oldest first."""
        return list(self._found[index].get(value, {}).values())

    def count(self, index: str, value: Hashable) -> int:
        """How many records an index has for a value."""
        return len(self._found[index].get(value, ()))

    def first(self, index: str, value: Hashable) -> R | None:
        """The oldest record whose index has this value."""
        return next(iter(self._found[index].get(value, {}).values()), None)

    def oldest(self) -> R | None:
        """The record created first."""
        return next(iter(self._rows.values()), None)

    def newest_first(self) -> Iterator[R]:
        """All records, latest created first."""
        return reversed(self._rows.values())

    def changed_since(self, moment: float) -> Iterator[R]:
        """Records changed at or after `moment` (seconds since the epoch), latest change first."""
        for identifier in reversed(self._changed):
            row = self._rows[identifier]
            if getattr(row, "updated", 0.0) < moment:
                return
            yield row

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._rows
