"""The cloud. `port` and `port_operations` are the words, `errors` what they raise, `goals` what to wait for.

Behind them: `openstack` (connectors and projects), one module per service, `rest` and `services` (requests
through the SDK), `session` and `pool` (time-outs, log-in, threads), `watcher` (waiting), `translate` and
`convert` (what comes back).
"""
