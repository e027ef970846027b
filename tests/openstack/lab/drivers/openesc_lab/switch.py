"""Neutron's switch of the lab: every port can be wired on every host, and is, as an agent would report it.

That report is what makes Neutron tell Nova (network-vif-plugged), for which Nova waits.
"""

import threading
import time

from neutron_lib import constants
from neutron_lib import context as neutron_context
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins import directory
from neutron_lib.plugins.ml2 import api
from oslo_log import log

LOG = log.getLogger(__name__)

AGENT_SECONDS = 0.1
"""How long the agent that is none takes to find a port bound by somebody else's hand."""


class LabSwitch(api.MechanismDriver):
    """An ML2 mechanism driver."""

    def initialize(self):
        pass

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        if not context.host:
            return
        details = {portbindings.CAP_PORT_FILTER: True, portbindings.VIF_DETAILS_CONNECTIVITY: self.connectivity}
        for segment in context.segments_to_bind[:1]:
            context.set_binding(
                segment[api.ID], portbindings.VIF_TYPE_OVS, details, status=constants.PORT_STATUS_ACTIVE
            )

    def update_port_postcommit(self, context):
        # a binding that was activated, as after a live migration, comes without a status
        bound = context.host and context.vif_type == portbindings.VIF_TYPE_OVS
        if bound and context.status == constants.PORT_STATUS_DOWN:
            threading.Thread(target=_report, args=(context.current["id"], context.host), daemon=True).start()


def _report(port_id, host):
    time.sleep(AGENT_SECONDS)
    try:
        admin = neutron_context.get_admin_context()
        directory.get_plugin().update_port_status(admin, port_id, constants.PORT_STATUS_ACTIVE, host)
    except Exception:
        LOG.exception("port %s on %s", port_id, host)
