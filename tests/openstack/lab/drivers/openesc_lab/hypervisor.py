"""Nova's fake hypervisor with what it lacks: guests that outlive nova-compute, snapshots with bytes, live
migrations that take time and obey the libvirt driver's storage rules, config drives, and faults on request.

Settings, in the environment: LAB_<OPERATION>_SECONDS how long an operation takes (LAB_SPAWN_SECONDS, ...),
LAB_SHARED_STORAGE 1 or 0. Faults, by the server's metadata: ``lab_fault=OPERATION[@HOST],...`` with an operation of
`DISTURBED`, or snapshot, live_migration, pre_live_migration, attach_interface, detach_interface.
"""

import functools
import io
import os
import threading
import time

from nova import exception, objects
from nova.api.metadata import base as metadata
from nova.compute import power_state, task_states
from nova.conf import CONF
from nova.image import glance
from nova.network import model as network_model
from nova.virt import fake

from openesc_lab.guests import Guests

SNAPSHOT_BYTES = 1 << 20

STATES = {"pause": power_state.PAUSED, "suspend": power_state.SUSPENDED}
RUNNING = {"unpause": power_state.RUNNING, "resume": power_state.RUNNING}
"""What the fake leaves out of its guests' states."""

DISTURBED = (
    *("spawn", "destroy", "power_on", "power_off", "reboot", "migrate_disk_and_power_off", "finish_migration"),
    *("finish_revert_migration", "attach_volume", "detach_volume", "pre_live_migration"),
    *("post_live_migration_at_destination", *STATES, *RUNNING),
)
"""Operations that may fail or take time on request, and after which the guests are written down."""


def _instance(arguments):
    return next(one for one in arguments if isinstance(one, objects.Instance))


def _network(arguments, instance):
    """The network as the call has it: the instance's own copy may be older."""
    return next((one for one in arguments if isinstance(one, network_model.NetworkInfo)), instance.get_network_info())


def _addresses(network):
    """The fixed addresses of VIFs."""
    return [ip["address"] for vif in network for ip in vif.fixed_ips()]


def _disturbed(operation):
    """The fake's operation with faults, delays and memory."""

    @functools.wraps(getattr(fake.FakeDriverWithoutFakeNodes, operation))
    def method(self, *args, **kwargs):
        instance = _instance((*args, *kwargs.values()))
        self.disturb(instance, operation)
        result = getattr(super(LabHypervisor, self), operation)(*args, **kwargs)
        self.remember(instance, _network((*args, *kwargs.values()), instance), operation)
        return result

    return method


class LabHypervisor(fake.FakeDriverWithoutFakeNodes):
    """One host. Its guests are entries in a file (`openesc_lab.guests`)."""

    vcpus, memory_mb, local_gb = 64, 262144, 4000

    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self._moving = {}
        self._guests = None

    def init_host(self, host):
        super().init_host(host)
        self._guests = Guests(CONF.state_path)
        for uuid, guest in self._guests.items():
            self.instances[uuid] = fake.FakeInstance(guest["name"], guest["state"], uuid)

    def disturb(self, instance, operation):
        """Take the time that is set for an operation, or fail as the server's metadata says."""
        for wanted in (instance.metadata or {}).get("lab_fault", "").split(","):
            name, _, host = wanted.strip().partition("@")
            if name == operation and host in ("", self._host):
                raise exception.NovaException(f"lab_fault: {operation} failed on {self._host}")
        time.sleep(float(os.environ.get(f"LAB_{operation.upper()}_SECONDS", "0")))

    def remember(self, instance, network, operation=""):
        """Write down how the guest is after an operation."""
        guest = self.instances.get(instance.uuid)
        if guest is None:
            self._guests.forget(instance.uuid)
            return
        guest.state = (STATES | RUNNING).get(operation, guest.state)
        running = guest.state == power_state.RUNNING
        self._guests.keep(instance.uuid, guest.name, guest.state, running, _addresses(network))

    def spawn(self, context, instance, image_meta, injected_files, *args, **kwargs):
        self.disturb(instance, "spawn")
        super().spawn(context, instance, image_meta, injected_files, *args, **kwargs)
        network = _network((*args, *kwargs.values()), instance)
        self._guests.give(instance.uuid, self._drive(instance, injected_files, network))
        self.remember(instance, network)

    @staticmethod
    def _drive(instance, injected_files, network):
        """The files of the config drive, where the server has one, as Nova makes them for any hypervisor."""
        if not instance.config_drive:
            return []
        found = metadata.InstanceMetadata(instance, content=injected_files, extra_md={}, network_info=network)
        return [(f"config-drive/{path}", content) for path, content in found.metadata_for_config_drive()]

    def migrate_disk_and_power_off(self, context, instance, *args, **kwargs):
        self.disturb(instance, "migrate_disk_and_power_off")
        if instance.uuid in self.instances:
            self.instances[instance.uuid].state = power_state.SHUTDOWN
        self.remember(instance, instance.get_network_info())
        return "[]"

    # interfaces: the fake knows only those that were attached since its nova-compute started

    def attach_interface(self, context, instance, image_meta, vif):
        self.disturb(instance, "attach_interface")
        self._guests.readdress(instance.uuid, gained=_addresses([vif]))

    def detach_interface(self, context, instance, vif):
        self.disturb(instance, "detach_interface")
        self._guests.readdress(instance.uuid, lost=_addresses([vif]))

    # snapshots

    def snapshot(self, context, instance, image_id, update_task_state):
        if instance.uuid not in self.instances:
            raise exception.InstanceNotRunning(instance_id=instance.uuid)
        images = glance.API()
        image = images.get(context, image_id)
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        self.disturb(instance, "snapshot")
        update_task_state(task_state=task_states.IMAGE_UPLOADING, expected_state=task_states.IMAGE_PENDING_UPLOAD)
        words = {
            "name": image["name"],
            "status": "active",
            "disk_format": "raw",
            "container_format": "bare",
            "properties": {"owner_id": instance.project_id, "image_state": "available"},
        }
        # a file, not an iterator: with one glanceclient breaks off
        disk = io.BytesIO(f"disk of {instance.uuid}\n".encode().ljust(SNAPSHOT_BYTES, b"\0"))
        images.update(context, image_id, words, disk, purge_props=False)

    # live migration

    def check_can_live_migrate_source(self, context, instance, dest_check_data, block_device_info=None):
        shared = os.environ.get("LAB_SHARED_STORAGE", "1") == "1"
        volumes = (block_device_info or {}).get("block_device_mapping")
        diskless = bool(volumes) and not instance.image_ref
        data = dest_check_data
        data.is_shared_instance_path, data.is_shared_block_storage = shared, shared or diskless
        if "block_migration" not in data:
            data.block_migration = not data.is_shared_block_storage
        if data.block_migration and data.is_shared_block_storage:
            reason = "Block migration can not be used with shared storage."
            raise exception.InvalidLocalStorage(reason=reason, path=CONF.host)
        if not data.block_migration and not data.is_shared_block_storage:
            reason = (
                "Shared storage live-migration requires either shared storage or boot-from-volume with no local disks."
            )
            raise exception.InvalidSharedStorage(reason=reason, path=CONF.host)
        return data

    def live_migration(
        self, context, instance, dest, post_method, recover_method, block_migration=False, migrate_data=None
    ):
        told = self._moving[instance.uuid] = threading.Event()
        told.aborted = False
        try:
            told.wait(float(os.environ.get("LAB_LIVE_MIGRATION_SECONDS", "1")))
            if told.aborted:
                recover_method(context, instance, dest, migrate_data, migration_status="cancelled")
                return
            self.disturb(instance, "live_migration")
        except exception.NovaException:
            recover_method(context, instance, dest, migrate_data)
        else:
            post_method(context, instance, dest, block_migration, migrate_data)
        finally:
            self._moving.pop(instance.uuid, None)

    def live_migration_force_complete(self, instance):
        self._moving[instance.uuid].set()

    def live_migration_abort(self, instance):
        self._moving[instance.uuid].aborted = True
        self._moving[instance.uuid].set()

    def post_live_migration(self, context, instance, block_device_info, migrate_data=None):
        # on the host the guest has left
        if self.instances.pop(instance.uuid, None):
            flavor = instance.flavor
            self.resources.release(vcpus=flavor.vcpus, mem=flavor.memory_mb, disk=flavor.root_gb)
        self.remember(instance, ())


for _operation in DISTURBED:
    if _operation not in vars(LabHypervisor):
        setattr(LabHypervisor, _operation, _disturbed(_operation))
