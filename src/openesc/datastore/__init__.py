"""The running configuration: units, edits, commits, reads."""
