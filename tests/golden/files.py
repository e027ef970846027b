"""The golden files: samples of the user guide and payload shapes of known clients."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent
SRC, CLIENTS = _HERE / "src", _HERE / "clients"

FULL = CLIENTS / "full_deployment.xml"
"""Every part of the model at once: valid, though not all of it can be had."""

CONNECTOR = CLIENTS / "vim_connector.xml"

DOCUMENTS = [
    SRC / "sample_deployment_update.xml",
    *(
        CLIENTS / f"{name}.xml"
        for name in (
            "tenant",
            "shared_network",
            "shared_subnet",
            "nfvo_catalogue",
            "nfvo_deployment",
            "ftdv_deployment",
            "manual_quirks",
        )
    ),
]
"""Configuration that a server takes as it stands."""
