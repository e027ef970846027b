"""Bytes of an image on their way from where they lie to Glance, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

import requests

from openesc.vim.errors import VimBadRequest, VimNotFound, VimUnreachable
from openesc.vim.pool import remaining
from openesc.vim.settings import VimSettings

CHUNK = 1 << 20
"""Bytes held in memory at a time."""


class _Readable(Protocol):
    def read(self, amount: int) -> bytes: ...


class Source:
    """A file-like object for an HTTP body that stops when nobody waits for the upload any more.

    It has a ``len`` only where the size is known: then the body goes with Content-Length, else chunked. It
    can be read once: a body that would have to be sent again from its middle must fail, not arrive short.
    """

    def __init__(self, stream: _Readable, size: int | None, close: Callable[[], None]) -> None:
        self._stream = stream
        self._started = False
        self.close = close
        if size is not None:
            self.len = size

    def read(self, amount: int = CHUNK) -> bytes:
        """The next bytes. Raises: CallAbandoned when the caller has gone."""
        remaining()
        return self._stream.read(amount if amount > 0 else CHUNK)

    def __iter__(self) -> Iterator[bytes]:
        if self._started:
            raise OSError("the image's source cannot be read a second time")
        self._started = True
        while chunk := self.read(CHUNK):
            yield chunk


def open_source(source: str, settings: VimSettings) -> Source:
    """Open the image's source: ``http://``, ``https://``, or ``file://`` below one of the allowed folders.

    Raises: VimBadRequest (a scheme or folder that is not allowed), VimNotFound (no such file; 404),
        VimUnreachable (the web server does not answer or fails).
    """
    scheme = urlsplit(source).scheme.lower()
    opener = OPENERS.get(scheme)
    if opener is None:
        raise VimBadRequest(f"image source {source}: only http://, https:// and file:// can be read")
    return opener(source, settings)


def _open_file(source: str, settings: VimSettings) -> Source:
    path = Path(unquote(urlsplit(source).path)).resolve()
    allowed = [Path(folder).resolve() for folder in settings.image_folders]
    if not any(path.is_relative_to(folder) for folder in allowed):
        folders = ", ".join(map(str, allowed)) or "none"
        raise VimBadRequest(f"image source {source}: not below an allowed folder (image_folders: {folders})")
    try:
        stream: BinaryIO = path.open("rb")
        size = path.stat().st_size
    except OSError as error:
        raise VimNotFound(f"image source {source}: {error.strerror}") from error
    return Source(stream, size, stream.close)


def _open_web(source: str, settings: VimSettings) -> Source:
    verify: bool | str = settings.cacert or settings.verify
    timeout = settings.http_timeout
    plain = {"Accept-Encoding": "identity"}  # the image's own bytes, not a compressed form of them
    try:
        response = requests.get(source, stream=True, timeout=timeout, verify=verify, headers=plain)
    except requests.RequestException as error:
        raise VimUnreachable(f"image source {source}: {error}") from error
    if response.status_code != 200:
        response.close()
        raise _refused(source, response)
    length = response.headers.get("Content-Length", "")
    return Source(response.raw, int(length) if length.isdigit() else None, response.close)


def _refused(source: str, response: requests.Response) -> Exception:
    words = f"image source {source}: {response.status_code} {response.reason}"
    if response.status_code >= 500:
        return VimUnreachable(words)
    kind = VimNotFound if response.status_code in (404, 410) else VimBadRequest
    return kind(words)


OPENERS: dict[str, Callable[[str, VimSettings], Source]] = {
    "http": _open_web,
    "https": _open_web,
    "file": _open_file,
}


HEADERS = {"Content-Type": "application/octet-stream", "Accept": ""}
"""What Glance wants to see with the bytes."""
