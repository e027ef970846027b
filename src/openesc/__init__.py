"""openesc: an open, drop-in replacement for the northbound of the Elastic Services Controller."""

__version__ = "0.1.0"
