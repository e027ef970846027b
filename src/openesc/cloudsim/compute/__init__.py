"""Nova: servers and what is done to them, flavors, hosts, migrations, keypairs, server groups, quotas."""
