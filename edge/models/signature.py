"""Who made a model: Ed25519 signatures (RFC 8032) over manifests, which hold the models' hashes.

``NAME.sig`` lies beside ``NAME.tflite`` and ``NAME.json`` and holds one line, the signature in base64. Keys are PEM
files as OpenSSL writes them. Public keys that are trusted lie in a folder that only root can write.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING, Any

from edge.core.errors import HardwareUnavailable, InputError, ModelError
from edge.inference.manifest import manifest_path
from edge.system.installation import adding
from edge.util.bounded_read import read_bounded
from edge.util.files import already_there, replacing, write_text

if TYPE_CHECKING:
    from pathlib import Path

_CONTEXT = b"face-edge model manifest, 1\n"
"""Signed along, so that a signature made for something else is none for a model."""
_LARGEST = 10_000
_HOW = (
    "put its maker's public key into {keys}, or say --unsigned if you trust where the file comes from "
    "more than you trust a key"
)


def make_key(path: Path) -> Path:
    """Write a new private key to ``path``, readable by its owner alone, and the public one beside it, which is given.

    Raises:
        InputError: a file is there already, or cannot be written.
        HardwareUnavailable: the package `cryptography` is missing.
    """
    keys, serialization = _library()
    public_path = path.with_name(path.name + ".pub")
    for each in (path, public_path):
        if os.path.lexists(each):
            msg = already_there(each).partition(";")[0] + ": a key is never overwritten"
            raise InputError(msg)
    key = keys.Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with replacing(path, overwrite=False, mode=0o600) as temporary:
        temporary.write_bytes(private)
    write_text(public_path, public.decode(), overwrite=False)
    return public_path


def sign(model: Path, key_path: Path) -> Path:
    """Sign the manifest of ``model``; the signature's file.

    Raises:
        InputError: the key cannot be read or is no Ed25519 key.
        ModelError: there is no manifest.
        HardwareUnavailable: the package `cryptography` is missing.
    """
    key = _private(key_path)
    signature = key.sign(_signed_bytes(model))
    path = model.with_suffix(".sig")
    write_text(path, base64.b64encode(signature).decode() + "\n")
    return path


def signer(model: Path, keys: Path) -> str:
    """The name of the trusted key (its file's, without ``.pub``) that signed the manifest of ``model``.

    Raises:
        ModelError: there is no signature, it is damaged, or none of the keys made it.
        InputError: a key cannot be read.
        HardwareUnavailable: the package `cryptography` is missing.
    """
    _library()
    path = model.with_suffix(".sig")
    try:
        text = read_bounded(path, _LARGEST)
    except FileNotFoundError:
        msg = f"{model.name} is not signed: {path.name} is not beside it; {_HOW.format(keys=keys)}"
        raise ModelError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise ModelError(msg) from None
    try:
        signature = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        msg = f"{path}: is no signature: expected one line of base64"
        raise ModelError(msg) from None
    trusted = sorted(keys.glob("*.pub")) if keys.is_dir() else []
    for key_path in trusted:
        if _made_by(key_path, signature, _signed_bytes(model)):
            return key_path.stem
    among = ", ".join(each.stem for each in trusted) or f"no key in {keys}"
    msg = f"{model.name}: its signature is by none of the trusted keys ({among}); {_HOW.format(keys=keys)}"
    raise ModelError(msg)


def _made_by(key_path: Path, signature: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        _public(key_path).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _signed_bytes(model: Path) -> bytes:
    path = manifest_path(model)
    try:
        return _CONTEXT + read_bounded(path)
    except OSError as error:
        msg = f"{path}: manifest of {model.name} cannot be read: {error.strerror or error}"
        raise ModelError(msg) from None


def _public(path: Path) -> Any:
    keys, serialization = _library()
    return _key(path, serialization.load_pem_public_key, keys.Ed25519PublicKey)


def _private(path: Path) -> Any:
    keys, serialization = _library()
    return _key(path, lambda pem: serialization.load_pem_private_key(pem, password=None), keys.Ed25519PrivateKey)


def _key(path: Path, load: Any, kind: type) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = load(read_bounded(path, _LARGEST))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, kind):
        msg = f"{path}: is no Ed25519 key in PEM without a passphrase; `face-edge models key` makes one"
        raise InputError(msg)
    return key


def _library() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        msg = f"signatures need cryptography: {adding('models')}"
        raise HardwareUnavailable(msg) from None
    return ed25519, serialization
