"""What a new cloud has: the names that ESC's documentation uses in its samples."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from openesc.cloudsim.core.cloud import Cloud, new_hex, new_uuid
from openesc.cloudsim.core.records import (
    Assignment,
    Flavor,
    Host,
    Image,
    Login,
    Network,
    Project,
    Role,
    Subnet,
    User,
    VolumeType,
)
from openesc.cloudsim.identity.tokens import hash_password
from openesc.cloudsim.image.images import store_data, tiny_qcow2
from openesc.cloudsim.network.security import ensure_default_group
from openesc.cloudsim.network.subnets import default_pools, parse_cidr

ROLES = ("admin", "manager", "member", "reader", "service")
FLAVORS = (("SolTest-Cirros-Flavor", 1, 512, 1), ("SolTest-Cirros-Flavor-v2", 2, 1024, 1))
HOSTS = ("Host-22", "Host-24")
PROJECT = "admin"


def seed(cloud: Cloud, username: str | None = None, password: str | None = None, hosts: Iterable[str] = HOSTS) -> Login:
    """Fill a new cloud; how its first user logs in. A filled one only gets the hosts it does not have."""
    _hosts(cloud, hosts)
    login = cloud.logins.get("login")
    if login is not None:
        return login
    login = Login("login", username or "admin", password or secrets.token_urlsafe(18))
    cloud.logins.put(login)
    project = _identity(cloud, login)
    _compute(cloud)
    _image(cloud, project)
    _network(cloud, project)
    cloud.volume_types.put(VolumeType(new_uuid(), "LVM", "Default volume type"))
    cloud.volume_types.put(VolumeType(new_uuid(), "multiattach", extra_specs={"multiattach": "<is> True"}))
    cloud.store.commit()
    return login


def reset(cloud: Cloud) -> None:
    """Start anew; the first user's login stays."""
    login, hosts = seed(cloud), [host.id for host in cloud.hosts]
    cloud.wipe()
    seed(cloud, login.username, login.password, hosts).port = login.port


def _identity(cloud: Cloud, login: Login) -> str:
    roles = {name: cloud.roles.put(Role(new_hex(), name)) for name in ROLES}
    project = cloud.projects.put(
        Project(new_hex(), PROJECT, description="Bootstrap project for initializing the cloud.")
    )
    user = cloud.users.put(
        User(new_hex(), login.username, hash_password(login.password), default_project_id=project.id)
    )
    for target, kind in ((project.id, "project"), ("default", "domain")):
        identifier = f"{user.id}:{target}:{roles['admin'].id}"
        cloud.assignments.put(Assignment(identifier, user.id, target, kind, roles["admin"].id))
    ensure_default_group(cloud, project.id)
    return project.id


def _compute(cloud: Cloud) -> None:
    for name, vcpus, ram, disk in FLAVORS:
        cloud.flavors.put(Flavor(new_uuid(), name, vcpus, ram, disk))


def _hosts(cloud: Cloud, names: Iterable[str]) -> None:
    for name in names:
        if name not in cloud.hosts:
            cloud.hosts.put(Host(name, len(cloud.hosts) + 1, new_uuid(), new_uuid()))


def _image(cloud: Cloud, project: str) -> None:
    now = cloud.now()
    image = Image(new_uuid(), "SolTest-Cirros-Image", project, now, now, visibility="public")
    image.disk_format, image.container_format = "qcow2", "bare"
    store_data(cloud, image, tiny_qcow2())


def _network(cloud: Cloud, project: str) -> None:
    now = cloud.now()
    network = Network(new_uuid(), "SolTest-Network", project, now, now, shared=True, segmentation_id=1)
    cloud.networks.put(network)
    pools = default_pools(parse_cidr("10.77.0.0/16"), "10.77.0.1")
    subnet = Subnet(
        new_uuid(),
        "SolTest-Subnet",
        project,
        network.id,
        "10.77.0.0/16",
        4,
        now,
        now,
        "10.77.0.1",
        pools=pools,
    )
    cloud.subnets.put(subnet)
