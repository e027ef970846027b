"""The guests of one host: kept in a file, so that they live on when nova-compute does not, and answering pings.

A guest that runs has its addresses on the loopback interface, as far as they lie in the network LAB_GUESTS: the
kernel then answers for it. What a guest finds (config drive, injected files) lies in a folder named after it.
"""

import ipaddress
import json
import os
import shutil
import subprocess
import threading

from oslo_log import log

LOG = log.getLogger(__name__)

NETWORK = ipaddress.ip_network(os.environ.get("LAB_GUESTS", "198.18.0.0/15"))


class Guests:
    """Name, power and addresses of each guest, by instance UUID."""

    def __init__(self, folder):
        self.folder = folder
        self._file = os.path.join(folder, "guests.json")
        self._lock = threading.Lock()
        try:
            with open(self._file) as file:
                self._known = json.load(file)
        except FileNotFoundError:
            self._known = {}
        for _, entry in self.items():
            _wire(entry, answering=True)

    def items(self):
        """UUID and entry of each guest."""
        return list(self._known.items())

    def keep(self, uuid, name, state, running, addresses):
        """Remember the guest as it is now."""
        entry = {"name": name, "state": state, "running": running, "addresses": addresses}
        with self._lock:
            before = self._known.get(uuid)
            self._known[uuid] = entry
            self._save()
        _wire(before, answering=False, but=entry)
        _wire(entry, answering=True)

    def readdress(self, uuid, gained=(), lost=()):
        """The guest gains and loses addresses; one that is not here is none of this host's business."""
        entry = dict(self.items()).get(uuid)
        if entry is not None:
            kept = [one for one in entry["addresses"] if one not in lost]
            self.keep(uuid, entry["name"], entry["state"], entry["running"], [*kept, *gained])

    def forget(self, uuid):
        """The guest is not here any more."""
        with self._lock:
            entry = self._known.pop(uuid, None)
            self._save()
        _wire(entry, answering=False)
        shutil.rmtree(os.path.join(self.folder, uuid), ignore_errors=True)

    def give(self, uuid, files):
        """Lay down what the guest finds: (path, bytes or text) each."""
        for path, content in files:
            target = os.path.join(self.folder, uuid, path.lstrip("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())

    def _save(self):
        fresh = f"{self._file}.new"
        with open(fresh, "w") as file:
            json.dump(self._known, file)
        os.replace(fresh, self._file)


def _wire(entry, answering, but=None):
    """Put the addresses of a guest that runs on the loopback interface, or take them from it.

    One that does not run has none there: if it was moved, they are the other host's by now.
    """
    if not entry or not entry["running"]:
        return
    kept = set(but["addresses"]) if but and but["running"] else set()
    for address in set(entry["addresses"]) - kept:
        ip = ipaddress.ip_address(address)
        if ip.version == NETWORK.version and ip in NETWORK:
            verb = "replace" if answering else "del"
            done = subprocess.run(
                ["ip", "address", verb, f"{ip}/{ip.max_prefixlen}", "dev", "lo"], capture_output=True, check=False
            )
            if done.returncode and answering:
                LOG.warning("guests will not answer pings: %s", done.stderr.decode())
