"""nova-compute with the lab's hypervisor: Nova takes drivers from its own package only, so it is put there by name."""

import sys

from nova.cmd import compute  # isort: skip  # before anything else of Nova: it may patch for eventlet

import openesc_lab.hypervisor

if __name__ == "__main__":
    sys.modules["nova.virt.lab"] = openesc_lab.hypervisor
    sys.argv[0] = "nova-compute"
    sys.exit(compute.main())
