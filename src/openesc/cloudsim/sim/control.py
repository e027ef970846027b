"""The simulator's own endpoints: health, faults, request log, object counts, settings, starting anew.

No token is asked.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from openesc.cloudsim.core import rules
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.faults import bad_request, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Rule, Setting
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.seed import reset as start_anew

routes = Routes("sim", "/sim")

COUNTED = (
    "projects", "users", "servers", "flavors", "keypairs", "server_groups", "migrations", "images", "networks",
    "subnets",
    "ports", "security_groups", "volumes", "snapshots",
)  # fmt: skip


@routes.add("GET", "", "sim.index", "none")
def index(call: Call) -> Response:
    """Alive, with the settings in force."""
    return call.answer({"cloudsim": "openesc", "settings": asdict(call.cloud.settings)})


def _rule_view(rule: Rule) -> dict[str, Any]:
    shown = {
        "id": rule.id,
        "match": rule.match,
        "action": rule.action,
        "after": rule.skip,
        "count": rule.count,
    }
    return {**shown, "seen": rule.seen, "fired": rule.fired}


@routes.add("GET", "/faults", "sim.faults", "none")
def list_faults(call: Call) -> Response:
    """All rules, with how many calls each matched and how often it fired."""
    return call.answer({"faults": [_rule_view(rule) for rule in call.cloud.rules]})


@routes.add("POST", "/faults", "sim.add_fault", "none")
def add_fault(call: Call) -> Response:
    """Add a rule; one with the same id is replaced."""
    rule = rules.parse_rule(call.document, call.cloud)
    call.cloud.rules.drop(rule.id)
    call.cloud.rules.put(rule)
    return call.answer({"fault": _rule_view(rule)}, 201)


@routes.add("DELETE", "/faults", "sim.clear_faults", "none")
def clear_faults(call: Call) -> Response:
    """Remove all rules; what they froze goes on."""
    for rule in call.cloud.rules:
        _remove(call, rule)
    return empty(204)


@routes.add("DELETE", "/faults/{id}", "sim.remove_fault", "none")
def remove_fault(call: Call) -> Response:
    """Remove a rule; what it froze goes on."""
    rule = call.cloud.rules.get(call.params["id"])
    if rule is None:
        raise not_found(f"There is no fault rule {call.params['id']}; GET /sim/faults lists them.")
    _remove(call, rule)
    return empty(204)


def _remove(call: Call, rule: Rule) -> None:
    call.cloud.rules.drop(rule.id)
    call.cloud.jobs.thaw(rule.id)


@routes.add("GET", "/requests", "sim.requests", "none")
def requests(call: Call) -> Response:
    """The request log after ``since`` (a sequence number), oldest first, at most ``limit`` rows."""
    try:
        since, limit = int(call.arg("since") or 0), int(call.arg("limit") or 100_000)
    except ValueError:
        raise bad_request("since and limit are whole numbers") from None
    rows = call.cloud.store.requests(since, limit)
    wanted = call.arg("operation")
    shown = [row for row in rows if wanted is None or row["operation"] == wanted]
    return call.answer({"requests": shown, "last": rows[-1]["seq"] if rows else since})


@routes.add("GET", "/objects", "sim.objects", "none")
def objects(call: Call) -> Response:
    """How many of each kind there are, and their names."""
    shown = {}
    for kind in COUNTED:
        rows = list(getattr(call.cloud, kind))
        names = sorted(str(getattr(row, "name", "") or "") for row in rows)
        shown[kind] = {"count": len(rows), "names": names}
    return call.answer({"objects": shown})


@routes.add("GET", "/operations", "sim.operations", "none")
def operations(call: Call) -> Response:
    """The symbolic names that rules match and the request log tells."""
    return call.answer({"operations": sorted(name for name in call.cloud.operations if not name.startswith("sim."))})


@routes.add("GET", "/settings", "sim.settings", "none")
def settings(call: Call) -> Response:
    """The settings in force."""
    return call.answer({"settings": asdict(call.cloud.settings)})


@routes.add("PUT", "/settings", "sim.change_settings", "none")
def change_settings(call: Call) -> Response:
    """Change settings; they last over restarts."""
    given = call.document
    try:
        call.cloud.settings.change(given)
    except (ValueError, AttributeError) as error:
        raise bad_request(str(error)) from None
    for name in given:
        call.cloud.changed_settings.put(Setting(name, getattr(call.cloud.settings, name)))
    return settings(call)


@routes.add("POST", "/advance", "sim.advance", "none")
def advance(call: Call) -> Response:
    """Do the next step of what is under way with ``subject`` (an object's id) now: with a large ``latency_factor`` a
    client sees each state for as long as it likes.
    """
    subject = call.document.get("subject")
    if not isinstance(subject, str):
        raise bad_request("subject is the id of a server, volume or image")
    return call.answer({"advanced": call.cloud.jobs.advance(subject)})


@routes.add("POST", "/reset", "sim.reset", "none")
def reset(call: Call) -> Response:
    """Start anew with the seed and the same login; objects, faults, changed settings and the request log are gone."""
    start_anew(call.cloud)
    return call.answer({"reset": True})
