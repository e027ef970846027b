"""Who may do what: the token, then the least role the route asks for, refused in each service's words."""

from __future__ import annotations

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.faults import UNEXPECTED, ApiError, forbidden
from openesc.cloudsim.core.routing import ROLES

UNAUTHORIZED = "The request you have made requires authentication."


def authorize(call: Call) -> None:
    """Find the caller's token and check the route's role; raises a 401 or 403."""
    needs = call.route.needs
    if len(call.cloud.rules) and call.route.service not in ("identity", "sim") and call.cloud.service_down("identity"):
        raise _without_keystone(call.route.service)
    identifier = call.request.headers.get("x-auth-token")
    call.token = call.cloud.tokens.get(identifier) if identifier else None
    if call.token is not None and call.token.expires <= call.cloud.now():
        call.token = None
    if needs == "none":
        return
    if call.token is None:
        raise ApiError(401, UNAUTHORIZED)
    if needs != "any" and call.rank < ROLES.index(needs):
        raise refusal(call)


def _without_keystone(service: str) -> ApiError:
    if service == "compute":
        failure = "<class 'keystoneauth1.exceptions.connection.ConnectFailure'>"
        return ApiError(500, UNEXPECTED.format(failure))
    return ApiError(503, "The Keystone service is temporarily unavailable.")


def refusal(call: Call) -> ApiError:
    """The 403 of the call's service."""
    policy = call.route.policy or call.operation
    texts = {
        "compute": f"Policy doesn't allow {policy} to be performed.",
        "volume": f"Policy doesn't allow {policy} to be performed.",
        "identity": f"You are not authorized to perform the requested action: {policy}.",
        "network": f"rule:{policy} is disallowed by policy",
        "image": "You are not authorized to complete this action.",
    }
    return forbidden(texts.get(call.route.service, "Forbidden"), "PolicyNotAuthorized")
