"""Configuration to try edits with, for each model that a server under test may have."""

from __future__ import annotations

from dataclasses import dataclass

_NC = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'


@dataclass(frozen=True)
class Sample:
    """One list entry: its XML with the placeholders {operation} and {more}, and ways to ask for it."""

    namespace: str
    entry: str
    subtree: str
    xpath: str
    marker: str  # text that its configuration, and nothing else, contains
    rest: str  # what {more} must hold for the entry to be valid
    invalid: str  # the same with one value outside of its type
    invalid_leaf: str

    def with_operation(self, operation: str) -> str:
        """The entry with an operation attribute; only its key when it is to go."""
        more = "" if operation in ("delete", "remove") else self.rest
        return self.entry.format(operation=f'{_NC} nc:operation="{operation}"', more=more)

    @property
    def plain(self) -> str:
        """The entry without an operation."""
        return self.entry.format(operation="", more=self.rest)

    @property
    def broken(self) -> str:
        """The entry with a value outside of its type."""
        return self.entry.format(operation="", more=self.invalid)

    @property
    def remove(self) -> str:
        """The entry's removal, which succeeds whether or not it is there."""
        return self.with_operation("remove")


SAMPLES = (
    Sample(
        "urn:example:jukebox",
        '<jukebox xmlns="urn:example:jukebox"><artist {operation}><name>conformance-1</name>{more}</artist></jukebox>',
        '<jukebox xmlns="urn:example:jukebox"><artist><name>conformance-1</name></artist></jukebox>',
        '/*[local-name()="jukebox"]/*[local-name()="artist"][*[local-name()="name"]="conformance-1"]',
        "conformance-1",
        "",
        "<rating>9</rating>",
        "rating",
    ),
    Sample(
        "http://www.cisco.com/esc/esc",
        '<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><flavors><flavor {operation}><name>conformance-1</name>'
        "{more}</flavor></flavors></esc_datamodel>",
        '<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><flavors><flavor><name>conformance-1</name></flavor>'
        "</flavors></esc_datamodel>",
        '/esc_datamodel/flavors/flavor[name="conformance-1"]',
        "conformance-1",
        "<vcpus>1</vcpus><memory_mb>512</memory_mb>",
        "<vcpus>many</vcpus><memory_mb>512</memory_mb>",
        "vcpus",
    ),
)
