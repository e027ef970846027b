"""Cinder's back end of the lab: a sparse file for each volume and each snapshot. Everything above it is real.

[BACKEND]
volume_driver = openesc_lab.volumes.SparseFiles
lab_volume_folder = FOLDER
"""

import os
import pathlib
import subprocess

from cinder import exception, interface
from cinder.image import image_utils
from cinder.volume import configuration, driver, volume_utils
from oslo_config import cfg
from oslo_utils import units

OPTIONS = [
    cfg.StrOpt("lab_volume_folder", help="Folder of the files."),
    cfg.IntOpt("lab_capacity_gb", default=2000, help="What the back end says it holds."),
]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)


@interface.volumedriver
class SparseFiles(driver.VolumeDriver):
    """A volume driver (cinder.interface.VolumeDriver)."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self.folder = pathlib.Path(self.configuration.lab_volume_folder)

    @staticmethod
    def get_driver_options():
        return OPTIONS

    def check_for_setup_error(self):
        self.folder.mkdir(parents=True, exist_ok=True)

    def local_path(self, volume):
        return str(self.folder / volume["name"])

    def _resize(self, volume, size):
        os.truncate(self.local_path(volume), size * units.Gi)

    def _copy(self, source, target):
        subprocess.run(["cp", "--sparse=always", str(self.folder / source), str(self.folder / target)], check=True)

    def _fill(self, volume, source):
        self._copy(source, volume["name"])
        self._resize(volume, volume["size"])

    def _remove(self, resource):
        (self.folder / resource["name"]).unlink(missing_ok=True)

    def create_volume(self, volume):
        (self.folder / volume["name"]).touch()
        self._resize(volume, volume["size"])

    def create_volume_from_snapshot(self, volume, snapshot):
        self._fill(volume, snapshot["name"])

    def create_cloned_volume(self, volume, src_vref):
        self._fill(volume, src_vref["name"])

    def revert_to_snapshot(self, context, volume, snapshot):
        self._fill(volume, snapshot["name"])

    def extend_volume(self, volume, new_size):
        self._resize(volume, new_size)

    def delete_volume(self, volume):
        self._remove(volume)

    def create_snapshot(self, snapshot):
        self._copy(snapshot["volume_name"], snapshot["name"])

    def delete_snapshot(self, snapshot):
        self._remove(snapshot)

    def copy_image_to_volume(self, context, volume, image_service, image_id, disable_sparse=False):
        image_utils.fetch_to_raw(
            context,
            image_service,
            image_id,
            self.local_path(volume),
            self.configuration.volume_dd_blocksize,
            size=volume["size"],
            run_as_root=False,
            disable_sparse=disable_sparse,
        )
        self._resize(volume, volume["size"])

    def copy_volume_to_image(self, context, volume, image_service, image_meta):
        path = self.local_path(volume)
        volume_utils.upload_volume(context, image_service, image_meta, path, volume, run_as_root=False)

    # nobody connects: the hypervisor has no disks

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def validate_connector(self, connector):
        if "host" not in connector:
            raise exception.InvalidConnectorException(missing="host")

    def initialize_connection(self, volume, connector, **kwargs):
        return {"driver_volume_type": "local", "data": {"device_path": self.local_path(volume), "access_mode": "rw"}}

    def terminate_connection(self, volume, connector, **kwargs):
        pass

    def _update_volume_stats(self):
        promised = sum(file.stat().st_size for file in self.folder.iterdir()) / units.Gi
        capacity = self.configuration.lab_capacity_gb
        pool = {
            "pool_name": "lab",
            "total_capacity_gb": capacity,
            "free_capacity_gb": round(capacity - promised, 2),
            "allocated_capacity_gb": round(promised, 2),
            "provisioned_capacity_gb": round(promised, 2),
            "max_over_subscription_ratio": 1.0,
            "thin_provisioning_support": False,
            "thick_provisioning_support": True,
            "reserved_percentage": 0,
            "multiattach": True,
            "QoS_support": False,
            "filter_function": self.get_filter_function(),
            "goodness_function": self.get_goodness_function(),
        }
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name") or "lab",
            "vendor_name": "openesc",
            "driver_version": self.VERSION,
            "storage_protocol": "file",
            "pools": [pool],
        }
