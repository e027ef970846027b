"""REST callbacks: an outbox that follows the event log and posts what it finds to those who registered.

`Callback` of a request gets the final result of its operation, `Callback-ESC-Events` the other events of the operation
and of the deployment. Delivery is at least once, in order for each receiver and deployment, over restarts.
"""

from openesc.events.callbacks.deliveries import Delivery, listing, prune, redeliver
from openesc.events.callbacks.registry import (
    Request,
    operations_of,
    register_deployment,
    register_operation,
    requests_of,
)
from openesc.events.callbacks.target import Target, check_url

__all__ = [
    "Delivery",
    "Request",
    "Target",
    "check_url",
    "listing",
    "operations_of",
    "prune",
    "redeliver",
    "register_deployment",
    "register_operation",
    "requests_of",
]
