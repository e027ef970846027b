"""A small OpenStack-compatible cloud over HTTP: the embedded default and the double that tests run against.

One process (``python -m openesc.cloudsim --data-dir DIR``) answers for Keystone, Nova, Glance, Neutron, Cinder and
Placement behind one loopback port. It knows nothing of the rest of openesc and is spoken to over HTTP alone.
"""
