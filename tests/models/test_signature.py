from __future__ import annotations

import shutil
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.errors import HardwareUnavailable, InputError, ModelError
from edge.inference.manifest import manifest_path
from edge.models import signature

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("cryptography", reason="the extra `models` is not installed")


def test_a_private_key_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    public = signature.make_key(tmp_path / "anna")
    assert stat.S_IMODE((tmp_path / "anna").stat().st_mode) == 0o600
    assert public.read_text(encoding="ascii").startswith("-----BEGIN PUBLIC KEY-----")
    for gone in ("anna", "anna.pub"):
        (tmp_path / gone).unlink()
        with pytest.raises(InputError, match="a key is never overwritten"):
            signature.make_key(tmp_path / "anna")
        (tmp_path / gone).write_text("", encoding="ascii")


def test_openssl_reads_the_keys(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    public = signature.make_key(tmp_path / "anna")
    done = subprocess.run([openssl, "pkey", "-pubin", "-in", public, "-text"], capture_output=True, check=True)
    assert b"ED25519" in done.stdout.upper()


@pytest.mark.parametrize("text", [b"", b"no base64!", b"QUJD\n", b"\xff\xfe"])
def test_a_damaged_signature_is_none(tmp_path: Path, make_model: Any, text: bytes) -> None:
    model = make_model()
    (tmp_path / "keys").mkdir()
    signature.make_key(tmp_path / "keys" / "anna")
    model.with_suffix(".sig").write_bytes(text)
    with pytest.raises(ModelError) as raised:
        signature.signer(model, tmp_path / "keys")
    assert "\n" not in str(raised.value)


def test_a_signature_holds_for_its_manifest_alone(tmp_path: Path, make_model: Any) -> None:
    first, second = make_model("first"), make_model("second")
    (tmp_path / "keys").mkdir()
    signature.make_key(tmp_path / "keys" / "anna")
    signature.sign(first, tmp_path / "keys" / "anna")
    assert signature.signer(first, tmp_path / "keys") == "anna"
    shutil.copyfile(first.with_suffix(".sig"), second.with_suffix(".sig"))
    with pytest.raises(ModelError, match="none of the trusted keys"):
        signature.signer(second, tmp_path / "keys")
    manifest = manifest_path(first)
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(ModelError, match="none of the trusted keys"):
        signature.signer(first, tmp_path / "keys")


def test_what_is_no_key_is_one_line(tmp_path: Path, make_model: Any) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    model = make_model()
    (tmp_path / "text").write_text("hello", encoding="ascii")
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "curve").write_bytes(other)
    for name in ("text", "curve"):
        with pytest.raises(InputError, match="not an Ed25519 key"):
            signature.sign(model, tmp_path / name)
    with pytest.raises(InputError, match="No such file"):
        signature.sign(model, tmp_path / "none")


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.hazmat.primitives.asymmetric", None)
    with pytest.raises(HardwareUnavailable, match=r"pip install -e '\.\[models\]'"):
        signature.make_key(tmp_path / "anna")
