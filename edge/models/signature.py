"""Ed25519 signatures (RFC 8032) of models' manifests, which contain the models' hashes.

``NAME.sig`` is beside ``NAME.tflite`` and ``NAME.json`` and contains one line, the signature in base64. Keys are PEM
files in OpenSSL's format. Trusted public keys are in a folder that only root can write.
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
"""Prefix of the signed content, so that a signature made for another purpose is not valid for a model."""
_LARGEST = 10_000
_HOW = (
    "put its maker's public key into {keys}, or use --unsigned if you trust the origin of the file more than you trust "
    "a key"
)


def make_key(path: Path) -> Path:
    """Write a new private key to ``path``, readable by its owner only, and the public key beside it.

    Returns the path of the public key.

    Raises:
        InputError: a file exists already or cannot be written.
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
    """Sign the manifest of ``model`` and return the path of the signature.

    Raises:
        InputError: the key cannot be read or is not an Ed25519 key.
        ModelError: there is no manifest.
        HardwareUnavailable: the package `cryptography` is missing.
    """
    key = _private(key_path)
    signature = key.sign(_signed_bytes(model))
    path = model.with_suffix(".sig")
    write_text(path, base64.b64encode(signature).decode() + "\n")
    return path


def signer(model: Path, keys: Path) -> str:
    """Return the name of the trusted key (of its file, without ``.pub``) that signed the manifest of ``model``.

    Raises:
        ModelError: there is no signature, it is damaged, or it matches none of the keys.
        InputError: a key cannot be read.
        HardwareUnavailable: the package `cryptography` is missing.
    """
    _library()
    path = model.with_suffix(".sig")
    try:
        text = read_bounded(path, _LARGEST)
    except FileNotFoundError:
        msg = f"{model.name} is not signed: there is no {path.name} beside it; {_HOW.format(keys=keys)}"
        raise ModelError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise ModelError(msg) from None
    try:
        signature = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        msg = f"{path}: is not a signature: expected one line of base64"
        raise ModelError(msg) from None
    trusted = sorted(keys.glob("*.pub")) if keys.is_dir() else []
    for key_path in trusted:
        if _made_by(key_path, signature, _signed_bytes(model)):
            return key_path.stem
    among = ", ".join(each.stem for each in trusted) or f"no key in {keys}"
    msg = f"{model.name}: its signature matches none of the trusted keys ({among}); {_HOW.format(keys=keys)}"
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
        msg = f"{path}: is not an Ed25519 key in PEM without a passphrase; `face-edge models key` creates one"
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
