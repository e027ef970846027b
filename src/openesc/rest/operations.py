"""Operations by REST: what was asked for, how far it is, and what to do about it."""

from __future__ import annotations

from typing import Final

from openesc.errors import InvalidRequest
from openesc.lifecycle import journal
from openesc.northbound import access
from openesc.northbound.operations import Operations, Question, Visible
from openesc.rest.answers import Answer, Json
from openesc.rest.call import Call

MOST: Final = 1000
STATES: Final = (
    journal.QUEUED,
    journal.RUNNING,
    journal.SUCCEEDED,
    journal.FAILED,
    journal.CANCELLED,
    journal.PARKED,
)


def _operations(call: Call) -> Operations:
    return Operations(call.context.store, call.context.engine, call.context.planner)


def _visible(call: Call) -> Visible:
    """Operations of no tenant (images, flavors, shared networks) are seen as what they are about is: by all."""
    return lambda row: row.tenant is None or access.may_use_tenant(call.user, row.tenant)


async def listed(call: Call) -> Answer:
    """GET /openesc/v1/operations, newest first. Raises: InvalidRequest for a state that is none."""
    state = call.query("state")
    if state is not None and state not in STATES:
        raise InvalidRequest(f"state: {state!r} is not one of {', '.join(STATES)}")
    question = Question(
        state=state,
        deployment_id=call.query("deployment_id"),
        transaction_id=call.query("transaction_id"),
        limit=max(1, call.number("limit", 100, MOST)),
    )
    return Json({"operations": await _operations(call).listed(question, _visible(call))})


async def show(call: Call) -> Answer:
    """GET /openesc/v1/operations/{operation}: with its journal."""
    return Json(await _operations(call).show(call.path("operation"), _visible(call)))


async def cancel(call: Call) -> Answer:
    """POST /openesc/v1/operations/{operation}/cancel. Raises: AccessDenied, NotFound, OperationRefused."""
    access.check_operation(call.user, "cancel of operations")
    reason = f"cancelled by {call.user.name}"
    return Json(await _operations(call).cancel(call.path("operation"), reason, _changeable(call)), status=202)


async def retry(call: Call) -> Answer:
    """POST /openesc/v1/operations/{operation}/retry. Raises: AccessDenied, NotFound, OperationRefused."""
    access.check_operation(call.user, "retry of operations")
    again = await _operations(call).retry(call.path("operation"), _changeable(call), call.user.name)
    return Json(again, status=202)


def _changeable(call: Call) -> Visible:
    """What is shared is changed by those whose tenants are not limited."""
    return lambda row: call.user.tenants is None if row.tenant is None else access.may_use_tenant(call.user, row.tenant)
