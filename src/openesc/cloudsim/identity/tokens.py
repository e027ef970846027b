"""Keystone's front door: versions, password, token and application credential logins, the catalog."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_hex
from openesc.cloudsim.core.faults import ApiError, forbidden, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.policy import UNAUTHORIZED
from openesc.cloudsim.core.records import AppCredential, Token, User
from openesc.cloudsim.core.routing import Routes

routes = Routes("identity", "/identity")

REGION = "RegionOne"
KEEP_EXPIRED = 3600.0
IMPLIED = {"admin": ("manager", "member", "reader"), "manager": ("member", "reader"), "member": ("reader",)}
"""Keystone's implied roles: an admin is a manager is a member is a reader."""

SERVICES = (
    ("identity", "keystone", "/identity"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
    ("block-storage", "cinder", "/volume/v3/{project}"),
    ("placement", "placement", "/placement"),
)


def hash_password(password: str) -> str:
    """Salt and scrypt of a password, cheap on purpose: logins must not be what a benchmark measures."""
    salt = secrets.token_hex(8)
    return f"{salt}${_scrypt(password, salt)}"


def check_password(password: str, secret: str) -> bool:
    """Whether the password is the one hashed."""
    salt, _, digest = secret.partition("$")
    return hmac.compare_digest(_scrypt(password, salt), digest)


def _scrypt(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=256, r=8, p=1).hex()


def unauthorized() -> ApiError:
    """The 401 that says nothing about which part was wrong."""
    return ApiError(401, UNAUTHORIZED)


@routes.add("GET", "", "identity.versions", "none")
def versions(call: Call) -> Response:
    """All versions, with 300 as Keystone answers."""
    return call.answer({"versions": {"values": [_version(call)]}}, 300)


@routes.add("GET", "/v3", "identity.version", "none")
def version(call: Call) -> Response:
    """The v3 document."""
    return call.answer({"version": _version(call)})


def _version(call: Call) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.request.base_url}/identity/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def catalog(base_url: str, project_id: str | None) -> list[dict[str, Any]]:
    """The service catalog as a token carries it."""
    return [_catalog_entry(base_url, project_id or "", *service) for service in SERVICES]


def _catalog_entry(base_url: str, project_id: str, kind: str, name: str, path: str) -> dict[str, Any]:
    url = base_url + path.replace("/{project}", f"/{project_id}" if project_id else "")
    identifier = hashlib.md5(kind.encode(), usedforsecurity=False).hexdigest()
    endpoints = [
        {
            "id": hashlib.md5(f"{kind}{interface}".encode(), usedforsecurity=False).hexdigest(),
            "interface": interface, "region": REGION, "region_id": REGION, "url": url,
        }
        for interface in ("public", "internal", "admin")
    ]  # fmt: skip
    return {"id": identifier, "type": kind, "name": name, "endpoints": endpoints}


@routes.add("POST", "/v3/auth/tokens", "token.create", "none")
def create(call: Call) -> Response:
    """Log in."""
    auth = call.body("auth")
    user, methods, credential, earlier = _identify(call.cloud, auth.get("identity", {}))
    project_id, domain_id = _scope(call.cloud, auth.get("scope"), user, credential, earlier)
    roles = _roles(call.cloud, user, project_id, domain_id, credential)
    now = call.cloud.now()
    while (old := call.cloud.tokens.oldest()) is not None and old.expires < now - KEEP_EXPIRED:
        call.cloud.tokens.drop(old.id)
    expires = earlier.expires if earlier else now + call.cloud.settings.token_seconds
    token = Token(
        f"sim-{secrets.token_urlsafe(32)}", user.id, project_id, domain_id, methods, roles, now, expires,
        secrets.token_urlsafe(16), credential.id if credential else None,
    )  # fmt: skip
    call.cloud.tokens.put(token)
    call.about(user.id, user.name)
    return call.answer(document(call, token), 201, X_Subject_Token=token.id)


def _identify(cloud: Cloud, identity: dict[str, Any]) -> tuple[User, list[str], AppCredential | None, Token | None]:
    methods = identity.get("methods", [])
    if "token" in methods:
        earlier = live_token(cloud, identity.get("token", {}).get("id", ""))
        return _enabled(cloud.users.get(earlier.user_id)), [*earlier.methods, "token"], None, earlier
    if "application_credential" in methods:
        credential = _credential(cloud, identity["application_credential"])
        return _enabled(cloud.users.get(credential.user_id)), methods, credential, None
    given = identity.get("password", {}).get("user", {})
    user = _enabled(find_user(cloud, given))
    if not check_password(str(given.get("password", "")), user.secret):
        raise unauthorized()
    return user, ["password"], None, None


def _enabled(user: User | None) -> User:
    if user is None or not user.enabled:
        raise unauthorized()
    return user


def find_user(cloud: Cloud, given: dict[str, Any]) -> User | None:
    """The user a login names by id or name."""
    if "id" in given:
        return cloud.users.get(given["id"])
    return cloud.users.first("name", given.get("name"))


def live_token(cloud: Cloud, identifier: str) -> Token:
    """The token, if it exists and has not expired; raises the 401 otherwise."""
    token = cloud.tokens.get(identifier)
    if token is None or token.expires <= cloud.now():
        raise unauthorized()
    return token


def _credential(cloud: Cloud, given: dict[str, Any]) -> AppCredential:
    credential = cloud.app_credentials.get(given.get("id", ""))
    if credential is None and "name" in given:
        user = find_user(cloud, given.get("user", {}))
        owned = cloud.app_credentials.by("user", user.id) if user else []
        credential = next((c for c in owned if c.name == given["name"]), None)
    if credential is None or not check_password(str(given.get("secret", "")), credential.secret):
        raise unauthorized()
    if credential.expires_at is not None and credential.expires_at <= cloud.now():
        raise unauthorized()
    return credential


def _scope(
    cloud: Cloud, scope: Any, user: User, credential: AppCredential | None, earlier: Token | None
) -> tuple[str | None, str | None]:
    if credential is not None:
        if scope is not None:
            text = "Error authenticating with application credential: Application credentials cannot request a scope."
            raise ApiError(401, text)
        return credential.project_id, None
    if scope == "unscoped":
        return None, None
    if isinstance(scope, dict) and "domain" in scope:
        return None, "default"
    if isinstance(scope, dict) and "project" in scope:
        return _project(cloud, scope["project"]), None
    if earlier is not None:
        return earlier.project_id, earlier.domain_id
    return user.default_project_id, None


def _project(cloud: Cloud, given: dict[str, Any]) -> str:
    project = cloud.projects.get(given["id"]) if "id" in given else cloud.projects.first("name", given.get("name"))
    domain = given.get("domain", {})
    if project is None or not project.enabled or not {domain.get("id", "default"), "default"} == {"default"}:
        raise unauthorized()
    if domain.get("name", "Default").lower() != "default":
        raise unauthorized()
    return project.id


def _roles(
    cloud: Cloud, user: User, project_id: str | None, domain_id: str | None, credential: AppCredential | None
) -> list[str]:
    target = project_id or domain_id
    if target is None:
        return []
    direct = [role_name(cloud, a.role_id) for a in cloud.assignments.by("pair", (user.id, target))]
    if not direct:
        raise unauthorized()
    names = with_implied(direct)
    return [name for name in names if name in credential.roles] if credential else names


def role_name(cloud: Cloud, identifier: str) -> str:
    """A role's name by its id."""
    role = cloud.roles.get(identifier)
    return role.name if role else identifier


def with_implied(names: list[str]) -> list[str]:
    """The roles and those they imply, each once."""
    return list(dict.fromkeys(n for name in names for n in (name, *IMPLIED.get(name, ()))))


def document(call: Call, token: Token) -> dict[str, Any]:
    """A token as Keystone shows it."""
    cloud = call.cloud
    user = cloud.users.get(token.user_id)
    domain = {"id": "default", "name": "Default"}
    shown: dict[str, Any] = {
        "methods": token.methods,
        "user": {
            "id": token.user_id,
            "name": user.name if user else "",
            "domain": domain,
            "password_expires_at": None,
        },
        "audit_ids": [token.audit_id],
        "expires_at": f"{iso(token.expires, micros=True)}Z",
        "issued_at": f"{iso(token.issued, micros=True)}Z",
    }
    if token.project_id is not None:
        project = cloud.projects.get(token.project_id)
        shown["project"] = {"id": token.project_id, "name": project.name if project else "", "domain": domain}
        shown["is_domain"] = False
    if token.domain_id is not None:
        shown["domain"] = domain
    if token.project_id is not None or token.domain_id is not None:
        shown["roles"] = [
            {"id": role.id, "name": role.name} for n in token.roles if (role := cloud.roles.first("name", n))
        ]
        shown["catalog"] = catalog(call.request.base_url, token.project_id)
    if token.application_credential is not None:
        shown["application_credential"] = {"id": token.application_credential, "restricted": True}
    return {"token": shown}


@routes.add("GET", "/v3/auth/tokens", "token.show", "any")
def show(call: Call) -> Response:
    """Validate a token."""
    token = call.cloud.tokens.get(call.request.headers.get("x-subject-token", ""))
    if token is None or token.expires <= call.cloud.now():
        raise not_found("Could not find token.")
    return call.answer(document(call, token), 200, X_Subject_Token=token.id)


@routes.add("DELETE", "/v3/auth/tokens", "token.delete", "any")
def revoke(call: Call) -> Response:
    """Revoke a token."""
    call.cloud.tokens.drop(call.request.headers.get("x-subject-token", ""))
    return empty(204)


@routes.add("GET", "/v3/auth/catalog", "catalog.list", "any")
def list_catalog(call: Call) -> Response:
    """The catalog of the caller's token."""
    return call.answer({"catalog": catalog(call.request.base_url, call.project_id), "links": {}})


@routes.add("GET", "/v3/auth/projects", "token.projects", "any")
def own_projects(call: Call) -> Response:
    """Projects the caller may scope to."""
    from openesc.cloudsim.identity.views import project_view

    held = {a.target_id for a in call.cloud.assignments.by("user", call.user_id) if a.target_type == "project"}
    found = [project_view(call, p) for p in call.cloud.projects if p.id in held]
    return call.answer({"projects": found, "links": {"self": call.request.base_url + call.request.path}})


@routes.add("POST", "/v3/users/{user}/application_credentials", "application_credential.create", "any")
def create_credential(call: Call) -> Response:
    """Make an application credential for the caller's project."""
    given = call.body("application_credential")
    if call.user_id != call.params["user"]:
        raise forbidden(
            "You are not authorized to perform the requested action: identity:create_application_credential."
        )
    secret = given.get("secret") or secrets.token_urlsafe(48)
    roles = [r.get("name") or role_name(call.cloud, r["id"]) for r in given.get("roles", [])]
    row = AppCredential(
        new_hex(), given["name"], call.user_id, call.project_id, hash_password(secret),
        with_implied(roles) if roles else list(call.token.roles if call.token else []), given.get("description", ""),
    )  # fmt: skip
    call.cloud.app_credentials.put(row)
    return call.answer({"application_credential": {**_credential_view(call, row), "secret": secret}}, 201)


@routes.add("GET", "/v3/users/{user}/application_credentials", "application_credential.list", "any")
def list_credentials(call: Call) -> Response:
    """A user's application credentials."""
    rows = call.cloud.app_credentials.by("user", call.params["user"])
    return call.answer({"application_credentials": [_credential_view(call, row) for row in rows], "links": {}})


@routes.add("DELETE", "/v3/users/{user}/application_credentials/{id}", "application_credential.delete", "any")
def delete_credential(call: Call) -> Response:
    """Forget an application credential."""
    if call.params["id"] not in call.cloud.app_credentials:
        raise not_found(f"Could not find Application Credential: {call.params['id']}.")
    call.cloud.app_credentials.drop(call.params["id"])
    return empty(204)


def _credential_view(call: Call, row: AppCredential) -> dict[str, Any]:
    roles = [{"id": role.id, "name": n} for n in row.roles if (role := call.cloud.roles.first("name", n))]
    return {
        "id": row.id, "name": row.name, "description": row.description, "project_id": row.project_id,
        "user_id": row.user_id, "roles": roles, "expires_at": None, "unrestricted": False, "system": None,
    }  # fmt: skip
