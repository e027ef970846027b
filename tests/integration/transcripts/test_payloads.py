"""The RPC payloads that the user guide prints, sent as they are printed: only the VM's name is replaced."""

from __future__ import annotations

from ncclient.xml_ import to_ele
from tests.integration.main_job.house import ROOT, House, Session
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed, rpc

SRC = ROOT / "tests" / "golden" / "src"
PRINTED_VM = "test-dep_g1_0_6be93ee9-f7fb-473e-a3f6-eca281802008"


def test_live_and_cold_migration_to_a_host(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("payload", house, admin, subscriber)
    (vm,) = vnf.vms
    for file, last in (("vmMigrate_live.xml", "VM_MIGRATE_COMPLETE"), ("vmMigrate_cold.xml", "VM_VERIFY_RESIZE")):
        if house.guest(vm)["host"] == "Host-24":  # both name it, and a VM is not migrated to where it is
            rpc(admin, "vmMigrate", vmName=vm, migrationType="live", host="Host-22")
            vnf.until("VM_MIGRATE_COMPLETE", status="SUCCESS")
        payload = (SRC / file).read_text().replace(PRINTED_VM, vm)
        assert "<ok/>" in admin.client.dispatch(to_ele(payload)).xml
        assert types(vnf.until(last, status="SUCCESS")) == ["VM_MIGRATE_INIT", "VM_MIGRATED", last]
        assert house.guest(vm)["host"] == "Host-24"
