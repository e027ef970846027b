"""Every path there is, and who answers it. `openapi.yaml` describes the same; a test holds them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor

from openesc.rest import (
    callback_list,
    deployments,
    docs,
    events,
    health,
    openapi,
    operations,
    services,
    snapshots,
    vims,
    vms,
)
from openesc.rest.answers import Answer
from openesc.rest.call import Call
from openesc.rest.resources import Handlers
from openesc.rest.shelves import SHELVES

Handler = Callable[[Call], Awaitable[Answer]]

V0: Final = "/ESCManager/v0"
V1: Final = "/openesc/v1"


def _resource(kind: str, path: str) -> tuple[tuple[str, str, Handler], ...]:
    handlers, one = Handlers(SHELVES[kind]), f"{path}/{{{kind}}}"
    return (
        ("GET", path, handlers.listed),
        ("GET", one, handlers.show),
        ("POST", one, handlers.create),
        ("DELETE", one, handlers.delete),
    )


ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    # what stands before the more general paths of tenants
    ("GET", f"{V0}/snapshots", snapshots.listed),
    ("DELETE", f"{V0}/snapshots/{{snapshot}}", snapshots.delete),
    ("POST", f"{V0}/snapshots/{{snapshot}}/volumes", snapshots.make_volume),
    ("GET", f"{V0}/vims", vims.listed),
    ("GET", f"{V0}/vims/{{vim}}", vims.show),
    ("POST", f"{V0}/vims/{{vim}}", vims.create),
    ("DELETE", f"{V0}/vims/{{vim}}", vims.delete),
    *_resource("tenant", f"{V0}/tenants"),
    *_resource("image", f"{V0}/images"),
    *_resource("flavor", f"{V0}/flavors"),
    ("GET", f"{V0}/deployments", deployments.listed),
    ("POST", f"{V0}/deployments", deployments.create_unnamed),
    ("GET", f"{V0}/deployments/{{deployment}}", deployments.show),
    ("POST", f"{V0}/deployments/{{deployment}}", deployments.create_anywhere),
    ("PUT", f"{V0}/deployments/{{deployment}}", deployments.update),
    ("DELETE", f"{V0}/deployments/{{deployment}}", deployments.delete),
    # operations
    ("POST", f"{V0}/{{tenant}}/deployments/service/{{deployment}}", services.service_operation),
    ("POST", f"{V0}/{{tenant}}/deployments/vm/{{vm}}", services.vm_operation),
    ("POST", f"{V0}/{{tenant}}/deployments/migrate-vm/{{vm}}", services.migrate),
    ("POST", f"{V0}/{{tenant}}/deployments/snapshot-vm/{{vm}}", services.snapshot),
    # what is of one tenant
    ("GET", f"{V0}/{{tenant}}/deployments", deployments.listed),
    ("POST", f"{V0}/{{tenant}}/deployments", deployments.create_unnamed),
    ("GET", f"{V0}/{{tenant}}/deployments/{{deployment}}", deployments.show),
    ("POST", f"{V0}/{{tenant}}/deployments/{{deployment}}", deployments.create),
    ("PUT", f"{V0}/{{tenant}}/deployments/{{deployment}}", deployments.update),
    ("DELETE", f"{V0}/{{tenant}}/deployments/{{deployment}}", deployments.delete),
    *_resource("network", f"{V0}/{{tenant}}/networks"),
    *_resource("subnet", f"{V0}/{{tenant}}/networks/{{network}}/subnets"),
    *_resource("volume", f"{V0}/{{tenant}}/volumes"),
    # beyond ESC
    ("GET", f"{V1}/events", events.listed),
    ("GET", f"{V1}/operations", operations.listed),
    ("GET", f"{V1}/operations/{{operation}}", operations.show),
    ("POST", f"{V1}/operations/{{operation}}/cancel", operations.cancel),
    ("POST", f"{V1}/operations/{{operation}}/retry", operations.retry),
    ("GET", f"{V1}/vms", vms.listed),
    ("GET", f"{V1}/callbacks", callback_list.listed),
    ("POST", f"{V1}/callbacks/{{callback}}/redeliver", callback_list.redeliver),
    # the process
    ("GET", "/openapi.json", openapi.served),
    ("GET", "/docs", docs.page),
    ("GET", "/docs.css", docs.style),
    ("GET", "/healthz", health.alive),
    ("GET", "/readyz", health.ready),
    ("GET", "/metrics", health.counted),
)


class Segment(Convertor[str]):
    """One segment of a path that is not decoded yet (see `openesc.rest.gate`): names may hold any character."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("segment", Segment())
