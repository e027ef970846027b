"""Fault rules: what makes calls fail, answers vanish, transitions break and hosts die.

A rule is ``{"match": {...}, "action": {"type": ...}, "nth" | "after" | "count"}``. Rules with an action of `STANDING`
hold while they exist. All others apply to calls that match, at most `count` times (1 unless told; null for always),
after the first `after` matching calls were let through.
"""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.cloud import Cloud, new_uuid
from openesc.cloudsim.core.faults import ApiError, bad_request
from openesc.cloudsim.core.records import Rule

STANDING = frozenset({"host_down", "service_down", "ping_silent"})
"""Actions that are a state of the cloud, not an answer to a call."""

ANSWERS = frozenset({"http", "quota", "delay", "hang", "lost_reply", "refuse"})
"""Actions on the call itself."""

PLANS = frozenset({"no_valid_host", "error", "fail", "freeze"})
"""Actions on the transition that the call begins."""

_REQUIRED = {"http": "status", "host_down": "host", "service_down": "service", "delay": "seconds"}
_MATCH_KEYS = frozenset({"operation", "service", "method", "path", "name", "server"})
_RULE_KEYS = frozenset({"id", "match", "action", "after", "nth", "count"})


def parse_rule(document: Any, cloud: Cloud) -> Rule:
    """A rule from its JSON; raises a 400 that names what is wrong with it."""
    if not isinstance(document, dict) or set(document) - _RULE_KEYS:
        raise bad_request(f"a fault rule is an object with {sorted(_RULE_KEYS)}, not {document!r}")
    match, action = document.get("match", {}), document.get("action", {})
    _check_match(match, cloud)
    _check_action(action)
    skip, count = document.get("after", 0), document.get("count", 1)
    if "nth" in document:
        skip, count = document["nth"] - 1, document.get("count", 1)
    return Rule(document.get("id") or new_uuid(), match, action, skip, count, created=cloud.now())


def _check_match(match: Any, cloud: Cloud) -> None:
    if not isinstance(match, dict) or set(match) - _MATCH_KEYS:
        raise bad_request(f"match takes {sorted(_MATCH_KEYS)}, not {match!r}")
    pattern = match.get("operation", "*")
    if not any(fnmatchcase(operation, pattern) for operation in cloud.operations):
        near = get_close_matches(pattern, cloud.operations, 3) or ["server.create"]
        raise bad_request(
            f"no operation is called {pattern!r}; did you mean {', '.join(near)}? See GET /sim/operations"
        )


def _check_action(action: Any) -> None:
    kind = action.get("type") if isinstance(action, dict) else None
    known = STANDING | ANSWERS | PLANS
    if kind not in known:
        raise bad_request(f"action.type must be one of {sorted(known)}, not {kind!r}")
    needed = _REQUIRED.get(str(kind))
    if needed is not None and needed not in action:
        raise bad_request(f"an action of type {kind} needs {needed!r}")


def pick(call: Call) -> dict[str, Any] | None:
    """The action of the first rule that fires for this call, with the rule's id as ``rule``; counts it in all rules."""
    cloud, chosen = call.cloud, None
    for rule in cloud.rules:
        if rule.action["type"] in STANDING or not _matches(rule.match, call):
            continue
        rule.seen += 1
        if chosen is None and rule.seen > rule.skip and (rule.count is None or rule.fired < rule.count):
            rule.fired += 1
            chosen = {**rule.action, "rule": rule.id}
        cloud.rules.put(rule)
    return chosen


def _matches(match: dict[str, Any], call: Call) -> bool:
    simple = {
        "operation": call.operation,
        "service": call.route.service,
        "method": call.request.method,
        "path": call.request.path,
    }
    if not all(fnmatchcase(value, str(match.get(key, "*"))) for key, value in simple.items()):
        return False
    patterns = [match[key] for key in ("name", "server") if key in match]
    names = names_of(call) if patterns else []
    return all(any(fnmatchcase(name, pattern) for name in names) for pattern in patterns)


def names_of(call: Call) -> list[str]:
    """The names a call is about: of what it makes, of what its path names, of a port's or volume's server."""
    return [*_names_in_path(call), *_names_in_body(call)]


def _names_in_path(call: Call) -> list[str]:
    names = []
    for value in call.params.values():
        for table in (call.cloud.servers, call.cloud.ports, call.cloud.volumes, call.cloud.images,
                      call.cloud.networks, call.cloud.subnets, call.cloud.snapshots, call.cloud.flavors):  # fmt: skip
            record = table.get(value)
            if record is not None:
                names += [str(getattr(record, "name", "") or ""), *_server_of(call.cloud, record)]
    return names


def _server_of(cloud: Cloud, record: Any) -> list[str]:
    ids = [getattr(record, "device_id", "")] + [a["server_id"] for a in getattr(record, "attachments", [])]
    return [server.name for server in map(cloud.servers.get, ids) if server is not None]


def _names_in_body(call: Call) -> list[str]:
    if not call.request.body.startswith(b"{"):
        return []
    document = call.document
    inner = [document, *[value for value in document.values() if isinstance(value, dict)]]
    names = [str(part["name"]) for part in inner if part.get("name")]
    device = inner[-1].get("device_id")
    server = call.cloud.servers.get(str(device)) if device else None
    return [*names, server.name] if server is not None else names


_QUOTA: dict[str, tuple[int, str, str]] = {
    "compute": (403, "Quota exceeded for {0}: Requested 1, but already used 10 of 10 {0}", "Forbidden"),
    "network": (409, "Quota exceeded for resources: ['{0}'].", "OverQuota"),
    "volume": (
        413,
        "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota '{0}'.",
        "",
    ),
}
_QUOTA_RESOURCE = {"compute": "instances", "network": "port", "volume": "volumes"}


def error_of(action: dict[str, Any], service: str) -> ApiError:
    """The API error an ``http`` or ``quota`` action stands for."""
    if action["type"] == "quota":
        status, text, kind = _QUOTA.get(service, _QUOTA["compute"])
        return ApiError(status, text.format(action.get("resource", _QUOTA_RESOURCE.get(service, "instances"))), kind)
    status = int(action["status"])
    return ApiError(status, action.get("text", f"Fault rule {action['rule']} answers {status}"), action.get("kind", ""))
