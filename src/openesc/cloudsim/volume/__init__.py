"""Cinder v3: volumes, snapshots, types, attachments, messages, quotas."""
