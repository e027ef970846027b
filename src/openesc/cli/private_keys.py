"""Private keys in every format people have them in, for paramiko, which reads only some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from openesc.cli.problems import UsageProblem

SshKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
TYPES: dict[type[SshKey], str] = {
    RSAPrivateKey: "rsa",
    EllipticCurvePrivateKey: "ecdsa",
    Ed25519PrivateKey: "ed25519",
}


def load(path: Path, passphrase: str | None = None) -> SshKey:
    """The key in `path`: OpenSSH, PKCS#1, SEC1 or PKCS#8. Raises: UsageProblem that says why it cannot be used."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageProblem(f"the private key {path} cannot be read: {error.strerror}") from None
    reader = load_ssh_private_key if b"OPENSSH" in raw[:60] else load_pem_private_key
    try:
        key = reader(raw, None if passphrase is None else passphrase.encode())
    except TypeError:  # a passphrase too many or too few
        return _without(path, passphrase)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageProblem(f"{path} is no private key that can be used", str(error)) from None
    if not isinstance(key, SshKey):
        raise UsageProblem(f"{path} is of a type SSH no longer uses", "rsa, ecdsa and ed25519 keys can be used")
    return key


def type_of(key: SshKey) -> str:
    """rsa, ecdsa or ed25519."""
    return next(name for kind, name in TYPES.items() if isinstance(key, kind))


@contextmanager
def readable(key: SshKey) -> Iterator[str]:
    """A path paramiko reads the key from. It is in memory only, and gone with the block."""
    form = PrivateFormat.OpenSSH if isinstance(key, Ed25519PrivateKey) else PrivateFormat.TraditionalOpenSSL
    descriptor = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, key.private_bytes(Encoding.PEM, form, NoEncryption()))
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _without(path: Path, passphrase: str | None) -> SshKey:
    if passphrase is None:
        raise UsageProblem(f"{path} needs a passphrase", hint="give it as OPENESC_PASSWORD")
    return load(path, None)
