"""A real OpenStack on this machine: Keystone, Glance, Placement, Nova, Neutron and Cinder, for the tests.

`settings` says where and on which ports, `services` is the table of what runs, `install` brings the packages,
`configure` writes the files, `database` makes the schemas, `process` starts and stops, `identity` and `seed` fill
the cloud, `health` waits, `lab` puts it together. Below the services are the three small drivers in `drivers/`:
there is no hypervisor, no block device and no switch. ``python -m tests.openstack.lab`` is the command.
"""
