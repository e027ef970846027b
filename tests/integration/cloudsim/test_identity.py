"""Keystone: logins, scopes, tokens, projects, roles; the catalog and every service's versions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import openstack
import pytest
from keystoneauth1 import exceptions as auth_errors
from openstack import exceptions
from tests.cloudsim_process import CloudsimProcess


@contextlib.contextmanager
def connected(cloudsim: CloudsimProcess, **changes: Any) -> Iterator[Any]:
    """A connection with other login data."""
    given = {key: value for key, value in {**cloudsim.connect_args, **changes}.items() if value is not None}
    connection = openstack.connect(**given)
    try:
        yield connection
    finally:
        connection.close()


VERSIONS = {
    "compute": ("/compute/v2.1/", (2, 103)),
    "block_storage": ("/volume/v3/", (3, 71)),
    "placement": ("/placement", (1, 39)),
    "image": ("/image/v2/", None),
    "network": ("/network/v2.0", None),
    "identity": ("/identity/v3/", None),
}


@pytest.mark.parametrize("service", VERSIONS)
def test_discovery_finds_versions_and_microversions(cloudsim: CloudsimProcess, admin: Any, service: str) -> None:
    data = getattr(admin, service).get_endpoint_data()
    path, highest = VERSIONS[service]
    assert data.url.startswith(cloudsim.url + path.rstrip("/"))
    assert data.max_microversion == highest


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"project_name": "no-such"}, {"username": "nobody"}])
def test_wrong_login_says_nothing_about_what_was_wrong(cloudsim: CloudsimProcess, changes: dict[str, str]) -> None:
    with connected(cloudsim, **changes) as connection, pytest.raises(exceptions.SDKException) as caught:
        connection.authorize()
    assert "The request you have made requires authentication. (HTTP 401)" in str(caught.value)
    assert isinstance(caught.value.__context__, auth_errors.Unauthorized)


def test_a_revoked_token_is_replaced_without_notice(cloudsim: CloudsimProcess) -> None:
    with connected(cloudsim) as connection:
        token = connection.session.get_token()
        connection.identity.delete("/auth/tokens", headers={"X-Subject-Token": token})
        assert list(connection.compute.flavors())
        assert connection.session.get_token() != token


def test_a_token_expires(cloudsim: CloudsimProcess) -> None:
    cloudsim.settings(token_seconds=0.0)
    with connected(cloudsim) as connection:
        token = connection.session.get_token()
        answer = connection.session.get(
            f"{cloudsim.url}/compute/v2.1/servers",
            headers={"X-Auth-Token": token},
            authenticated=False,
            raise_exc=False,
        )
    assert answer.status_code == 401


def test_an_unscoped_token_lists_the_projects_to_choose_from(cloudsim: CloudsimProcess) -> None:
    with connected(cloudsim, project_name=None, project_domain_name=None, auth_type="v3password", unscoped=True) as c:
        names = [
            project["name"] for project in c.session.get(f"{cloudsim.url}/identity/v3/auth/projects").json()["projects"]
        ]
    assert names == ["admin"]


def test_projects_users_and_roles(cloudsim: CloudsimProcess, admin: Any) -> None:
    project = admin.identity.create_project(name="tenant-1", domain_id="default", description="d")
    assert admin.identity.find_project("tenant-1").id == project.id
    with pytest.raises(exceptions.ConflictException):
        admin.identity.create_project(name="tenant-1", domain_id="default")
    with connected(cloudsim, project_name="tenant-1") as refused, pytest.raises(exceptions.SDKException):
        refused.authorize()
    user = admin.identity.find_user("admin")
    admin.identity.assign_project_role_to_user(project, user, admin.identity.find_role("member"))
    with connected(cloudsim, project_name="tenant-1") as scoped:
        access = scoped.session.auth.get_access(scoped.session)
        assert access.project_id == project.id
        assert sorted(access.role_names) == ["member", "reader"]
        assert [group.name for group in scoped.network.security_groups()] == ["default"]
    assert {p.name for p in admin.identity.user_projects(user)} == {"admin", "tenant-1"}
    admin.identity.delete_project(project)
    assert admin.identity.find_project("tenant-1") is None


def test_an_application_credential_logs_in(cloudsim: CloudsimProcess, admin: Any) -> None:
    user = admin.current_user_id
    made = admin.identity.create_application_credential(user, "robot", roles=[{"name": "member"}])
    login = {"auth_url": cloudsim.auth["auth_url"], "application_credential_id": made.id}
    connection = openstack.connect(
        auth_type="v3applicationcredential", auth={**login, "application_credential_secret": made.secret},
        region_name="RegionOne",
    )  # fmt: skip
    assert connection.current_project_id == admin.current_project_id
    assert [flavor.name for flavor in connection.compute.flavors()]
    connection.close()
    admin.identity.delete_application_credential(user, made)


def test_members_are_refused_by_policy(member: Any) -> None:
    with pytest.raises(exceptions.ForbiddenException) as caught:
        list(member.compute.services())
    assert caught.value.details == "Policy doesn't allow os_compute_api:os-services:list to be performed."
    with pytest.raises(exceptions.ForbiddenException):
        member.identity.create_project(name="x")


def test_an_unsupported_microversion_is_406(admin: Any) -> None:
    answer = admin.compute.get("/servers", microversion="2.999")
    assert answer.status_code == 406
    assert admin.compute.get("/servers", microversion="2.103").headers["OpenStack-API-Version"] == "compute 2.103"


def test_every_answer_has_a_request_id(admin: Any) -> None:
    for answer in (
        admin.compute.get("/servers"),
        admin.network.get("/ports"),
        admin.image.get("/images/none"),
    ):
        assert answer.headers["x-openstack-request-id"].startswith("req-")
