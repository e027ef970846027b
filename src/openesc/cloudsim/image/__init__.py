"""Glance v2: image records and their bytes."""
