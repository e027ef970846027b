"""Encryption at rest for units that hold secrets, with a key file beside the data."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken


class Vault:
    """Seals the documents of some unit kinds.

    Args:
        key_file: made with mode 0600 when it is not there. Without it sealed units cannot be read again.
        kinds: names of the unit kinds that are sealed.
    """

    def __init__(self, key_file: Path, kinds: Set[str]) -> None:
        self._fernet = Fernet(_key(key_file))
        self._kinds = kinds
        self._file = key_file

    def seal(self, kind: str, document: bytes) -> bytes:
        """What is written to disk for `document`."""
        return self._fernet.encrypt(document) if kind in self._kinds else document

    def open(self, kind: str, stored: bytes) -> bytes:
        """The inverse of `seal`. Raises: RuntimeError when the key file is not the one it was sealed with."""
        if kind not in self._kinds:
            return stored
        try:
            return self._fernet.decrypt(stored)
        except InvalidToken:
            raise RuntimeError(
                f"{self._file.name} is not the key this data was sealed with: put the right one back"
            ) from None


def _key(file: Path) -> bytes:
    if file.exists():
        return file.read_bytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    key = Fernet.generate_key()
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key)
    return key
