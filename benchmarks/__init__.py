"""Measurements of a real server, with its simulated cloud, on loopback: `python -m benchmarks` (`make bench`)."""
