"""Models: the loader's handling of manifests and signatures, and the trial of model files."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from edge.core.errors import InputError, ModelError
from tests.fuzz import mutate
from tests.fuzz.target import FuzzTarget, in_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

_NAME = "fuzzed"
_CUT = b"\x1e"
_HEADS = ("consensus", "fer2013")
_LARGEST_STEP = 64


def manifests(folder: Path) -> FuzzTarget:
    """Change a manifest, a signature or a public key; only ``ModelError`` or ``InputError`` may be raised."""
    from edge.inference import manifest as manifests_
    from edge.models import signature

    model = folder / f"{_NAME}.tflite"
    content = manifests_.packaged_model().read_bytes()
    model.write_bytes(content)
    keys = folder / "keys"
    keys.mkdir()

    def attempt(data: bytes) -> None:
        kind, _, body = data.partition(_CUT)
        written = whole | ({kind: body} if kind in whole else {})
        manifests_.manifest_path(model).write_bytes(written[b"manifest"])
        model.with_suffix(".sig").write_bytes(written[b"signature"])
        (keys / "fuzz.pub").write_bytes(written[b"key"])
        for step in (
            lambda: manifests_.verify(manifests_.load(model), model),
            lambda: [manifests_.load(model).output(head) for head in _HEADS],
            lambda: signature.signer(model, keys),
        ):
            try:
                step()
            except (ModelError, InputError) as error:
                in_one_line(error)

    whole = _signed(_manifest(content))
    return FuzzTarget([kind + _CUT + body for kind, body in whole.items()], attempt, _mutated)


def files(folder: Path) -> FuzzTarget:
    """Change networks under a matching manifest: their trial must end with a message."""
    from edge.config import ModelConfig
    from edge.inference import manifest as manifests_
    from edge.models.trial import tried

    model = folder / f"{_NAME}.tflite"
    content = manifests_.packaged_model().read_bytes()

    def attempt(data: bytes) -> None:
        changed = bytearray(content)
        for change in json.loads(data):
            at = change["at"] % len(content)
            changed[at : at + len(change["bytes"]) // 2] = bytes.fromhex(change["bytes"])
        model.write_bytes(changed)
        manifests_.manifest_path(model).write_bytes(_manifest(bytes(changed)))
        try:
            tried(model, ModelConfig())
        except ModelError as error:
            in_one_line(error)

    return FuzzTarget([content[:_LARGEST_STEP]], attempt, lambda random, _corpus: _changes(random, content))


def _manifest(content: bytes) -> bytes:
    from edge.inference import manifest as manifests_

    original = manifests_.manifest_path(manifests_.packaged_model())
    fields = json.loads(original.read_bytes())
    fields |= {"file": f"{_NAME}.tflite", "name": _NAME, "sha256": hashlib.sha256(content).hexdigest()}
    return json.dumps(fields).encode()


def _signed(manifest: bytes) -> dict[bytes, bytes]:
    """Sign with a fixed key, so that inputs are reproducible."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    key = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"fuzz").digest())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {b"manifest": manifest, b"signature": base64.b64encode(key.sign(manifest)) + b"\n", b"key": public}


def _mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    kind, _, body = random.choice(corpus if random.random() < 0.5 else corpus[:1]).partition(_CUT)
    return kind + _CUT + (mutate.text if kind == b"manifest" else mutate.raw)(random, [body])


def _changes(random: Random, content: bytes) -> bytes:
    """Yield offsets and bytes; half of them near the end, where a flat buffer has its tables."""
    changes = []
    for _ in range(random.randint(1, 8)):
        first = len(content) * 9 // 10 if random.random() < 0.5 else 0
        at = random.randrange(first, len(content) - _LARGEST_STEP)
        piece = mutate.raw(random, [content[at : at + random.choice((1, 4, 16, _LARGEST_STEP))]])
        changes.append({"at": at, "bytes": piece[:_LARGEST_STEP].hex()})
    return json.dumps(changes).encode()
