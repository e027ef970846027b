"""What every service of the simulator stands on: HTTP, routes, records, the durable file, jobs."""
