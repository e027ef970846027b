"""Content negotiation between the two forms of everything (RFC 9110 section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

XML: Final = "application/xml"
JSON: Final = "application/json"

_ALIASES: Final = {
    XML: ("application/xml", "text/xml", "application/*", "text/*", "*/*"),
    JSON: ("application/json", "application/problem+json", "application/*", "*/*"),
}
"""What a media range may say for each, the most specific first."""


def chosen(accept: str | None, offers: Sequence[str] = (XML, JSON)) -> str | None:
    """The offer the client likes best, the first one where it does not care; None: it takes none of them."""
    if not accept or not accept.strip():
        return offers[0]
    ranges = dict(_range(part) for part in accept.split(","))
    weighed = [(_weight(ranges, offer), -place, offer) for place, offer in enumerate(offers)]
    weight, _, best = max(weighed)
    return best if weight > 0 else None


def _weight(ranges: dict[str, float], offer: str) -> float:
    return next((ranges[name] for name in _ALIASES[offer] if name in ranges), 0.0)


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (word.strip().lower() for word in part.split(";"))
    weights = [word[2:] for word in parameters if word.startswith("q=")]
    try:
        return name, float(weights[0]) if weights else 1.0
    except ValueError:
        return name, 0.0
