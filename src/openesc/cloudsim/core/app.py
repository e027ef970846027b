"""From request to answer: route, microversion, token, policy, fault rules, handler, request log, commit, reply."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any

from openesc.cloudsim.core import rules
from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import UNEXPECTED, ApiError, render
from openesc.cloudsim.core.http import Connection, Request, Response
from openesc.cloudsim.core.microversions import negotiate, version_headers
from openesc.cloudsim.core.policy import authorize
from openesc.cloudsim.core.routing import Route, Router

PRUNE_EVERY = 5_000
_UNKNOWN = Route("identity", "", "", "unknown", lambda call: Response(404), "none")


class App:
    """Answers requests on any number of connections, all in one event loop."""

    def __init__(self, cloud: Cloud, router: Router, operation_of: Callable[[Call], str]) -> None:
        self._cloud = cloud
        self._router = router
        self._operation_of = operation_of
        self._loop = asyncio.get_running_loop()
        self._outbox: list[tuple[Connection, bytes]] = []
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._delayed: set[asyncio.TimerHandle] = set()
        self._served = 0
        self._turn()

    def handle(self, request: Request, connection: Connection) -> None:
        """Take one request; the answer follows at the end of this turn of the loop, or as a fault rule says."""
        call = self._call(request)
        self._settle(call)
        action = self._fault(call)
        if action is None:
            self._finish(call, self._answer(call), connection, time.perf_counter())
        else:
            self._misbehave(call, connection, action)

    def close(self) -> None:
        """Stop the timers and commit."""
        for timer in (self._timer, *self._delayed):
            if timer is not None:
                timer.cancel()
        self._cloud.store.close()

    def _call(self, request: Request) -> Call:
        found = self._router.find(request.method, _canonical(request.path))
        route, params = found if found is not None else (_UNKNOWN, {})
        return Call(self._cloud, request, route, params, f"req-{uuid.uuid4()}", operation=route.operation)

    def _settle(self, call: Call) -> None:
        if call.operation.endswith(".action"):
            call.operation = self._operation_of(call)

    def _fault(self, call: Call) -> dict[str, Any] | None:
        if not len(self._cloud.rules) or call.route.service == "sim":
            return None
        if self._cloud.service_down(call.route.service):
            return {"type": "refuse", "rule": "service_down"}
        return rules.pick(call)

    def _misbehave(self, call: Call, connection: Connection, action: dict[str, Any]) -> None:
        started = time.perf_counter()
        kind = action["type"]
        if kind in rules.PLANS:
            call.plan = action
            self._finish(call, self._answer(call), connection, started, action)
        elif kind in ("http", "quota"):
            error = rules.error_of(action, call.route.service)
            self._finish(call, render(call.route.service, error), connection, started, action)
        else:
            _BROKEN[kind](self, call, connection, action)

    def _delay(self, call: Call, connection: Connection, action: dict[str, Any]) -> None:
        started = time.perf_counter()
        self._later(
            float(action["seconds"]),
            lambda: self._finish(call, self._answer(call), connection, started, action),
        )

    def _hang(self, call: Call, connection: Connection, action: dict[str, Any]) -> None:
        self._note(call, 0, time.perf_counter(), action)
        if action.get("seconds") is not None:
            self._later(float(action["seconds"]), connection.cut)

    def _refuse(self, call: Call, connection: Connection, action: dict[str, Any]) -> None:
        self._note(call, 0, time.perf_counter(), action)
        connection.cut()

    def _lose_reply(self, call: Call, connection: Connection, action: dict[str, Any]) -> None:
        wait = float(action.get("effect_after", 0.0))

        def effect() -> None:
            started = time.perf_counter()
            self._note(call, self._answer(call).status, started, action)

        if wait > 0:
            self._later(wait, effect)
        else:
            effect()
        self._wake()
        self._loop.call_soon(connection.cut)

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        def run() -> None:
            self._delayed.discard(handle)
            function()
            self._wake()

        handle = self._loop.call_later(seconds, run)
        self._delayed.add(handle)

    def _answer(self, call: Call) -> Response:
        service = call.route.service
        try:
            if call.route is _UNKNOWN:
                raise ApiError(404, "The resource could not be found.")
            negotiate(call)
            authorize(call)
            return call.route.handler(call)
        except ApiError as error:
            return render(service, error)
        except Exception as error:  # noqa: BLE001 - a bug must answer as a cloud does, and be seen
            traceback.print_exc(file=sys.stderr)
            return render(service, ApiError(500, UNEXPECTED.format(type(error))))

    def _finish(
        self,
        call: Call,
        response: Response,
        connection: Connection,
        started: float,
        action: dict[str, Any] | None = None,
    ) -> None:
        response.headers.update(version_headers(call))
        self._note(call, response.status, started, action)
        if call.request.method == "HEAD":
            response.body = b""
        self._outbox.append((connection, response.encode()))

    def _note(self, call: Call, status: int, started: float, action: dict[str, Any] | None) -> None:
        if call.route.service != "sim":
            spent = round((time.perf_counter() - started) * 1000, 3)
            fault = f"{action['type']}:{action['rule']}" if action else None
            self._cloud.store.log_request((
                self._cloud.now(), call.request.method, call.request.path, call.operation,
                call.operation.partition(".")[0], call.resource_id or next(iter(call.params.values()), ""),
                call.resource_name, call.project_id, status, call.request_id, fault, spent,
            ))  # fmt: skip
        self._wake()

    def _wake(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        # One commit for all that was asked in this turn of the loop; no answer leaves before it.
        self._flushing = False
        self._cloud.jobs.run_due()
        try:
            self._cloud.store.commit()
        except sqlite3.Error as error:
            sys.stderr.write(f"cloudsim: cannot write {self._cloud.data_dir}: {error}; giving up\n")
            sys.stderr.flush()
            os._exit(3)
        outbox, self._outbox = self._outbox, []
        for connection, data in outbox:
            connection.reply(data)
        self._prune(len(outbox))
        self._arm()

    def _prune(self, served: int) -> None:
        self._served += served
        if self._served >= PRUNE_EVERY:
            self._served = 0
            self._cloud.store.prune_requests(self._cloud.settings.request_log_limit)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._cloud.jobs.wake_at()
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self._cloud.now()), self._turn)


_BROKEN: dict[str, Callable[[App, Call, Connection, dict[str, Any]], None]] = {
    "delay": App._delay,
    "hang": App._hang,
    "refuse": App._refuse,
    "lost_reply": App._lose_reply,
}


def _canonical(path: str) -> str:
    """Cinder's paths may carry the project's id: /volume/v3/PROJECT/volumes is /volume/v3/volumes."""
    if path.startswith("/volume/v3/"):
        first, _, rest = path[len("/volume/v3/") :].partition("/")
        if len(first) == 32 and all(c in "0123456789abcdef" for c in first):
            return f"/volume/v3/{rest}".rstrip("/")
    return path
