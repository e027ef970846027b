"""Which function answers which request: a table per service, looked up by a tree of path segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from openesc.cloudsim.core.http import Response

if TYPE_CHECKING:
    from openesc.cloudsim.core.call import Call

Handler = Callable[["Call"], Response]

ROLES = ("none", "any", "reader", "member", "manager", "admin")
"""What a call asks for, growing: no token, any token, then the roles of a project."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `needs` is the least role; `policy` the name the service gives in its refusal."""

    service: str
    method: str
    template: str
    operation: str
    handler: Handler
    needs: str = "reader"
    policy: str = ""


class Routes:
    """The operations of one service, under the prefix its catalog entry names."""

    def __init__(self, service: str, prefix: str) -> None:
        self.service = service
        self.prefix = prefix
        self.table: list[Route] = []

    def add(
        self, method: str, path: str, operation: str, needs: str = "reader", policy: str = ""
    ) -> Callable[[Handler], Handler]:
        """Register the decorated function; ``{name}`` in `path` stands for one segment."""

        def register(handler: Handler) -> Handler:
            route = Route(self.service, method, self.prefix + path, operation, handler, needs, policy)
            self.table.append(route)
            return handler

        return register


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    methods: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class Router:
    """All routes of all services."""

    def __init__(self, *tables: Routes) -> None:
        self._root = _Node()
        self.routes = [route for table in tables for route in table.table]
        for route in self.routes:
            self._insert(route)

    def _insert(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.template.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literal.setdefault(segment, _Node())
        node.methods[route.method] = (route, tuple(names))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and the values of its path parameters."""
        segments = path.strip("/").split("/")
        found = _walk(self._root, segments, 0, method, ())
        if found is None and method == "HEAD":
            found = _walk(self._root, segments, 0, "GET", ())
        if found is None:
            return None
        (route, names), values = found
        return route, dict(zip(names, values, strict=True))


def _walk(
    node: _Node, segments: list[str], at: int, method: str, values: tuple[str, ...]
) -> tuple[tuple[Route, tuple[str, ...]], tuple[str, ...]] | None:
    if at == len(segments):
        entry = node.methods.get(method)
        return (entry, values) if entry is not None else None
    literal = node.literal.get(segments[at])
    if literal is not None and (found := _walk(literal, segments, at + 1, method, values)) is not None:
        return found
    if node.any is not None:
        return _walk(node.any, segments, at + 1, method, (*values, segments[at]))
    return None
