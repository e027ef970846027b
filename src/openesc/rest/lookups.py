"""What a path names, found in the inventory and within the user's reach. What is out of reach is not there."""

from __future__ import annotations

from sqlalchemy import Connection

from openesc.errors import NotFound
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment
from openesc.netconf import User
from openesc.northbound import access
from openesc.rest.tenants import NOT_FOUND, Reach


def deployment_meant(connection: Connection, where: Reach, internal_id: str) -> Deployment:
    """The deployment of this id. Raises: NotFound."""
    found = inventory.deployment(connection, internal_id)
    if found is None or not where.covers(found.tenant):
        raise NotFound(NOT_FOUND)
    return found


def deployment_of_user(connection: Connection, user: User, internal_id: str) -> Deployment:
    """The deployment of this id in any tenant that the user may use. Raises: NotFound."""
    found = deployment_meant(connection, Reach(None), internal_id)
    if not access.may_use_tenant(user, found.tenant):
        raise NotFound(NOT_FOUND)
    return found
