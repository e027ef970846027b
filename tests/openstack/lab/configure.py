"""Writes the configuration files: each a template of `templates`, filled with ports, passwords and folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from string import Template

from tests.openstack.lab.database import DATABASES
from tests.openstack.lab.settings import ADDRESS, HERE, LOGINS, REGION, WELL_KNOWN, Settings

SERVICE_USERS = ("nova", "glance", "placement", "neutron", "cinder")

FILES = {
    "rabbitmq.conf": "rabbitmq.conf",
    "keystone/keystone.conf": "keystone.conf",
    "placement/placement.conf": "placement.conf",
    "glance/glance-api.conf": "glance-api.conf",
    "neutron/neutron.conf": "neutron.conf",
    "neutron/ml2_conf.ini": "ml2_conf.ini",
    "cinder/cinder.conf": "cinder.conf",
    "cinder/rootwrap.conf": "rootwrap.conf",
    "nova/nova.conf": "nova.conf",
    "nova/nova-db.conf": "nova-db.conf",
}
"""File below etc: template."""

PACKAGED = ("cinder/api-paste.ini", "cinder/resource_filters.json", "nova/api-paste.ini")
"""Files the services bring themselves and want beside their own."""

FOLDERS = (
    *("keystone", "nova/lock", "neutron/lock", "glance/images", "glance/staging", "glance/tasks", "glance/lock"),
    *("cinder/volumes", "cinder/conversion", "cinder/coordination", "cinder/lock", "rabbitmq", "log/rabbitmq"),
)


def configure(settings: Settings) -> None:
    """Write everything anew; services read it when they start."""
    for folder in (*FOLDERS, *(f"nova/{host}/lock" for host in settings.host_names)):
        settings.under(folder).mkdir(parents=True, exist_ok=True)
    words = words_of(settings)
    for file, template in FILES.items():
        _write(settings, file, template, words)
    for host in settings.host_names:
        _write(settings, f"nova/{host}.conf", "compute.conf", {**words, "host": host})
    for file in PACKAGED:
        shutil.copy(settings.venv / "etc" / file, settings.etc / file)
    (settings.etc / "rabbitmq-plugins").write_text("[].\n")
    # JSON is YAML too
    clouds = {"clouds": {f"lab-{one.name}": cloud(settings, one.name) for one in LOGINS}}
    settings.under("clouds.yaml").write_text(json.dumps(clouds, indent=2))


def words_of(settings: Settings) -> dict[str, str]:
    """What templates may name."""
    return {
        **{service: str(settings.port(service)) for service in WELL_KNOWN if service.isidentifier()},
        **{f"db_{name}": settings.database(name) for name in DATABASES},
        **{f"auth_{user}": _auth_section(settings, user) for user in SERVICE_USERS},
        "address": ADDRESS,
        "region": REGION,
        "folder": settings.folder,
        "etc": str(settings.etc),
        "venv": str(settings.venv),
        "queue": f"rabbit://guest:guest@{ADDRESS}:{settings.port('rabbitmq')}/",
        "memcache": f"{ADDRESS}:{settings.port('memcached')}",
        "report_interval": str(settings.report_interval),
        "service_down_time": str(settings.service_down_time),
    }


def cloud(settings: Settings, login: str) -> dict[str, object]:
    """A user's entry in clouds.yaml."""
    return {
        "region_name": REGION,
        "identity_api_version": "3",
        "interface": "public",
        "auth": settings.auth(login),
    }


def _write(settings: Settings, file: str, template: str, words: Mapping[str, str]) -> None:
    target = settings.etc / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(Template((HERE / "templates" / template).read_text()).substitute(words))


def _auth_section(settings: Settings, user: str) -> str:
    """How a service logs in: lines of any section of keystoneauth."""
    url = settings.url("keystone", "/v3")
    return "\n".join(
        (
            "auth_type = password",
            f"auth_url = {url}",
            f"www_authenticate_uri = {url}",
            f"username = {user}",
            f"password = {settings.password}",
            "project_name = service",
            "user_domain_name = Default",
            "project_domain_name = Default",
            f"region_name = {REGION}",
        )
    )
