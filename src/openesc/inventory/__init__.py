"""What exists: deployments, VMs, interfaces, networks, leftovers, and the states they are in."""
