"""What deploy and update share: bring the deployment to its document, close that once, follow what was resized."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.converge import close_failed, converge
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.flows.resize import ask_resizes, await_resizes
from openesc.store import Tx


async def bring_to_document(
    work: Work, event_type: str, begin: Callable[[Work], Awaitable[object]], succeed: Callable[[Tx, Work], None]
) -> None:
    """Closed by `event_type`, with SUCCESS in the transaction of `succeed`. Resizes that the cloud accepted go on after
    it, also where something else failed.

    Raises: OperationFailed, Interrupted.
    """
    try:
        if not await closed(work.op):
            await _bring(work, event_type, begin, succeed)
    except OperationFailed:
        with suppress(OperationFailed):  # the first failure is the operation's
            await await_resizes(work)
        raise
    await await_resizes(work)


async def _bring(
    work: Work, event_type: str, begin: Callable[[Work], Awaitable[object]], succeed: Callable[[Tx, Work], None]
) -> None:
    try:
        await begin(work)
        await converge(work)
        await ask_resizes(work)
        await work.op.commit("close", lambda tx: succeed(tx, work))
    except (StepFailed, Interrupted) as failure:
        reason = failure.reason
        await work.op.commit("close", lambda tx: close_failed(tx, work, event_type, reason), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(reason) from failure
