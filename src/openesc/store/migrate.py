"""Brings a database to the newest schema. Alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

HEAD = "0008"
"""The newest revision in `migrations/versions`; held by a test."""

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Upgrade to `HEAD`. Raises: RuntimeError when the database is newer than this program."""
    with engine.connect() as connection:
        current = _revision(connection)
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        raise RuntimeError(
            f"the data is of schema {current}, newer than this openesc knows ({HEAD}): run the newer one"
        )
    _upgrade(engine)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
