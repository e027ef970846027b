"""What only a simulator has: faults, the request log, guests, settings."""
