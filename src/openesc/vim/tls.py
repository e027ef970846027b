"""Why TLS with a cloud failed, and whom the connector trusts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests


class TlsFailed(requests.exceptions.SSLError):
    """No TLS connection could be made; the message names the server, the reason and the trusted CAs."""


def explained(error: BaseException, url: str, verify: bool | str) -> TlsFailed:
    """The error in words for an operator.

    Args:
        error: what requests raised.
        url: what was asked for.
        verify: what the connection was verified with: a file of CA certificates, or True for the system's.
    """
    server = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    reason = next((one for one in _chain(error) if isinstance(one, ssl.SSLError)), None)
    if isinstance(reason, ssl.SSLCertVerificationError):
        trusted = f"the CA file {verify}" if isinstance(verify, str) else "the system's CAs"
        said = reason.verify_message.rstrip(".")
        return TlsFailed(f"the certificate of {server} is not accepted by {trusted}: {said}")
    said = (reason.reason if reason is not None else None) or str(error)
    return TlsFailed(f"no TLS connection to {server}: {said}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__
