"""The databases: files, user, schemas, the keys and first user of Keystone, the cells of Nova."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

from tests.openstack.lab.install import command
from tests.openstack.lab.services import base_environment
from tests.openstack.lab.settings import REGION, Settings

DATABASES = ("keystone", "glance", "placement", "neutron", "cinder", "nova", "nova_api", "nova_cell0")


def make_files(settings: Settings) -> None:
    """The database server's own files, once. Raises: LabFailure."""
    data = settings.under("mariadb")
    if (data / "mysql").is_dir():
        return
    data.mkdir(exist_ok=True)
    words = ("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db")
    command(settings, "mariadb-install", (*words, "--auth-root-authentication-method=normal"))


def sql(settings: Settings, statement: str) -> str:
    """Run SQL as the database's root; its output. Raises: subprocess.CalledProcessError."""
    words = ("mariadb", "--no-defaults", f"--socket={settings.under('mariadb', 'socket')}", "-u", "root", "-N")
    return subprocess.run(
        (*words, "-e", statement), env=base_environment(settings), capture_output=True, text=True, check=True
    ).stdout


def make_schemas(settings: Settings) -> None:
    """User, databases and schemas, once for each release. Raises: LabFailure."""
    stamp = settings.under("mariadb", ".schemas")
    if stamp.exists():
        return
    user = f"lab@'127.0.0.1' identified by '{settings.password}'"
    sql(settings, f"create user if not exists {user}")
    for name in DATABASES:
        sql(settings, f"create database if not exists {name}; grant all on {name}.* to lab@'127.0.0.1'")
    # two at once: there are two processors
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_keystone_and_others, settings), pool.submit(_nova_and_others, settings)]:
            done.result()
    stamp.touch()


def _manage(settings: Settings, program: str, *files: str) -> tuple[str, ...]:
    told = (word for file in files for word in ("--config-file", str(settings.etc / file)))
    return (settings.program(program), *told)


def _keystone_and_others(settings: Settings) -> None:
    keystone = _manage(settings, "keystone-manage", "keystone/keystone.conf")
    as_root = ("--keystone-user", "root", "--keystone-group", "root")
    url = settings.url("keystone", "/v3")
    urls = [word for kind in ("public", "internal", "admin") for word in (f"--bootstrap-{kind}-url", url)]
    who = ("--bootstrap-password", settings.password, "--bootstrap-region-id", REGION)
    neutron = _manage(settings, "neutron-db-manage", "neutron/neutron.conf", "neutron/ml2_conf.ini")
    for what, words in (
        ("keystone", (*keystone, "db_sync")),
        ("keystone", (*keystone, "fernet_setup", *as_root)),
        ("keystone", (*keystone, "credential_setup", *as_root)),
        ("keystone", (*keystone, "bootstrap", *who, *urls)),
        ("neutron", (*neutron, "upgrade", "heads")),
        ("placement", (*_manage(settings, "placement-manage", "placement/placement.conf"), "db", "sync")),
    ):
        command(settings, f"schema-{what}", words)


def _nova_and_others(settings: Settings) -> None:
    nova = nova_manage(settings)
    for what, words in (
        ("nova", (*nova, "api_db", "sync")),
        ("nova", (*nova, "cell_v2", "map_cell0", "--database_connection", settings.database("nova_cell0"))),
        ("nova", (*nova, "db", "sync")),
        ("glance", (*_manage(settings, "glance-manage", "glance/glance-api.conf"), "db_sync")),
        ("cinder", (*_manage(settings, "cinder-manage", "cinder/cinder.conf"), "db", "sync")),
    ):
        command(settings, f"schema-{what}", words)
    # the one command here that cannot be repeated
    if sql(settings, "select count(*) from nova_api.cell_mappings where name = 'cell1'").strip() == "0":
        command(settings, "schema-nova", (*nova, "cell_v2", "create_cell", "--name", "cell1"))


def nova_manage(settings: Settings) -> tuple[str, ...]:
    """The beginning of a nova-manage command."""
    return _manage(settings, "nova-manage", "nova/nova.conf", "nova/nova-db.conf")
