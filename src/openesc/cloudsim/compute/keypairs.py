"""Nova keypairs."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import iso
from openesc.cloudsim.core.faults import bad_request, conflict, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Keypair
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")


def _view(row: Keypair) -> dict[str, Any]:
    return {
        "name": row.name, "public_key": row.public_key, "fingerprint": row.fingerprint, "type": row.kind,
        "user_id": row.user_id,
    }  # fmt: skip


def _owner(call: Call) -> str:
    wanted = call.arg("user_id")
    if wanted is not None and wanted != call.user_id:
        call.require("admin", "os_compute_api:os-keypairs:index")
        return wanted
    return call.user_id


def _find(call: Call) -> Keypair:
    row = call.cloud.keypairs.get(f"{_owner(call)}:{call.params['name']}")
    if row is None:
        raise not_found(f"Keypair {call.params['name']} not found for user {_owner(call)}")
    return row


@routes.add("GET", "/os-keypairs", "keypair.list")
def list_keypairs(call: Call) -> Response:
    """The user's keypairs."""
    return call.answer({"keypairs": [{"keypair": _view(row)} for row in call.cloud.keypairs.by("user", _owner(call))]})


@routes.add("POST", "/os-keypairs", "keypair.create", "member", "os_compute_api:os-keypairs:create")
def create(call: Call) -> Response:
    """Import a public key, or make a pair (below 2.92)."""
    given = call.body("keypair")
    name, public = str(given.get("name", "")), given.get("public_key")
    if f"{call.user_id}:{name}" in call.cloud.keypairs:
        raise conflict(f"Key pair '{name}' already exists.")
    private = None
    if public is None:
        if call.microversion >= (2, 92):
            raise bad_request("Invalid input for field/attribute keypair. 'public_key' is a required property")
        public, private = _generated()
    row = Keypair(f"{call.user_id}:{name}", name, call.user_id, public, _fingerprint(public), call.cloud.now())
    row.kind = given.get("type", "ssh")
    call.cloud.keypairs.put(row)
    call.about(name, name)
    shown = {**_view(row), **({"private_key": private} if private else {})}
    return call.answer({"keypair": shown}, 201 if call.microversion >= (2, 2) else 200)


def _fingerprint(public: str) -> str:
    try:
        raw = base64.b64decode(public.split()[1], validate=True)
    except (IndexError, ValueError):
        raise bad_request("Keypair data is invalid: failed to generate fingerprint") from None
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


def _generated() -> tuple[str, str]:
    # Imported here: start-up must not pay for what is almost never asked.
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode()
    private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.OpenSSH, s.NoEncryption()).decode()
    return f"{public} Generated-by-Nova", private


@routes.add("GET", "/os-keypairs/{name}", "keypair.show")
def show(call: Call) -> Response:
    """One keypair."""
    row = _find(call)
    return call.answer(
        {"keypair": {**_view(row), "created_at": iso(row.created, micros=True), "deleted": False, "id": 1}}
    )


@routes.add("DELETE", "/os-keypairs/{name}", "keypair.delete", "member", "os_compute_api:os-keypairs:delete")
def delete(call: Call) -> Response:
    """Forget a keypair."""
    call.cloud.keypairs.drop(_find(call).id)
    return empty(204 if call.microversion >= (2, 2) else 202)
