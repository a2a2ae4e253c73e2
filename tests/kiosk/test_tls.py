"""HTTPS: the device's own certificate, certificates in files, and what is said when something is wrong with them."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("cryptography", reason="the extra `kiosk` is not installed")

from edge import config as configuration
from edge.core.commands import CommandQueue
from edge.core.errors import ConfigError
from edge.kiosk import addresses, certificate, tls
from edge.kiosk.sink import KioskSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Any]:
    def make(**given: Any) -> Any:
        flags = {f"kiosk.{name}": value for name, value in given.items()}
        base = {"node.id": "n1", "node.state_dir": tmp_path, "kiosk.enabled": True, "kiosk.port": 0}
        return configuration.load(environment={}, flags=base | flags)

    return make


@pytest.fixture
def own(settings: Any, tmp_path: Path) -> tls.Tls:
    return tls.Tls(settings(tls="self-signed").kiosk, tmp_path)


def test_the_own_certificate_suits_browsers(own: tls.Tls, tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    found = x509.load_pem_x509_certificate(own.certificate.pem.encode())
    key = found.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=398)
    assert found.not_valid_before_utc < NOW
    assert {
        "localhost",
        "127.0.0.1",
        "::1",
        f"{socket.gethostname().lower().split('.')[0]}.local",
    } <= own.certificate.names
    assert found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    path = tmp_path / "kiosk-tls.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(own.certificate.fingerprint.split(":")) == 32


def test_it_outlives_a_restart_and_is_made_again_when_damaged(settings: Any, own: tls.Tls, tmp_path: Path) -> None:
    config = settings(tls="self-signed").kiosk
    assert tls.Tls(config, tmp_path).certificate == own.certificate
    path = tmp_path / "kiosk-tls.pem"
    path.write_text(path.read_text()[:-200])
    mended = tls.Tls(config, tmp_path).certificate
    assert mended.fingerprint != own.certificate.fingerprint
    path.write_text("nothing")
    assert tls.Tls(config, tmp_path).certificate.spki != own.certificate.spki


def test_it_is_renewed_in_time_and_for_new_names_under_the_same_key(
    settings: Any, own: tls.Tls, tmp_path: Path
) -> None:
    path = tmp_path / "kiosk-tls.pem"
    assert not own.refresh(), "nothing has changed"
    old = certificate.make(own.certificate.names, key_pem=path.read_bytes(), now=NOW - timedelta(days=370))
    path.write_bytes(old)
    assert certificate.describe(old).valid(NOW), "not ended yet"
    assert own.refresh()
    assert own.certificate.not_after > NOW + timedelta(days=300)
    path.write_bytes(certificate.make(own.certificate.names, now=NOW + timedelta(days=90)))
    assert own.refresh(), "the clock was wrong when it was made"
    named = tls.Tls(settings(tls="self-signed", hostnames="foyer.lan bühne.lan").kiosk, tmp_path).certificate
    assert {"foyer.lan", "xn--bhne-0ra.lan"} <= named.names
    assert named.spki == own.certificate.spki, "browsers that trust the key go on"
    assert tls.Tls(settings(tls="self-signed").kiosk, tmp_path).certificate == named, "fewer names are no reason"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {"tls_certificate": tmp_path / "site.pem", "tls_key": tmp_path / "site.key"}
    write_pair(paths)
    return paths


def write_pair(paths: dict[str, Path], now: datetime = NOW) -> None:
    key, mark, rest = certificate.make(["kiosk.example"], now=now).partition(b"-----BEGIN CERTIFICATE-----")
    paths["tls_certificate"].write_bytes(mark + rest)
    paths["tls_key"].write_bytes(key)


def test_files_are_served_and_renewed_ones_taken(settings: Any, files: Any, tmp_path: Path, caplog: Any) -> None:
    served = tls.Tls(settings(tls="files", **files).kiosk, tmp_path)
    assert not served.own
    assert served.certificate.names == {"kiosk.example"}
    first = served.certificate.fingerprint
    files["tls_key"].write_text("half writ")
    with caplog.at_level(logging.WARNING):
        assert not served.refresh()
        assert not served.refresh()
    assert caplog.text.count("stays") == 1, "said once"
    write_pair(files)
    assert served.refresh()
    assert served.certificate.fingerprint != first


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda paths: paths["tls_certificate"].unlink(), "tls_certificate: .*cannot be read: No such file"),
        (lambda paths: paths["tls_key"].unlink(), "tls_key: .*cannot be read: No such file"),
        (lambda paths: paths["tls_certificate"].write_text("x"), "tls_certificate: .*no PEM certificate"),
        (lambda paths: paths["tls_key"].write_text("x"), "tls_key: .*no PEM private key"),
        (
            lambda paths: paths["tls_key"].write_bytes(certificate.make(["a"]).partition(b"-----BEGIN CERT")[0]),
            "tls_key: .*does not belong to",
        ),
    ],
)
def test_bad_files_are_one_clear_line(settings: Any, files: Any, tmp_path: Path, spoil: Any, says: str) -> None:
    spoil(files)
    with pytest.raises(ConfigError, match=f"^kiosk.{says}") as refused:
        tls.Tls(settings(tls="files", **files).kiosk, tmp_path)
    assert len(str(refused.value).splitlines()) == 1


def test_an_encrypted_key_and_missing_settings_are_named(settings: Any, files: Any, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form

    key: Any = form.load_pem_private_key(files["tls_key"].read_bytes(), password=None)
    locked = form.BestAvailableEncryption(b"word")
    files["tls_key"].write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked))
    with pytest.raises(ConfigError, match=r"tls_key: .* is encrypted"):
        tls.Tls(settings(tls="files", **files).kiosk, tmp_path)
    with pytest.raises(ConfigError, match=r"wants kiosk.tls_certificate and kiosk.tls_key"):
        tls.Tls(settings(tls="files").kiosk, tmp_path)


def test_one_that_has_ended_is_served_and_said(settings: Any, files: Any, tmp_path: Path, caplog: Any) -> None:
    write_pair(files, NOW - timedelta(days=500))
    with caplog.at_level(logging.WARNING):
        served = tls.Tls(settings(tls="files", **files).kiosk, tmp_path)
    assert "browsers will refuse it" in caplog.text
    assert not served.certificate.valid(NOW)


@pytest.fixture
def sink(settings: Any) -> Iterator[KioskSink]:
    made = KioskSink(settings(tls="self-signed"), CommandQueue())
    made.open()
    yield made
    made.close()


def test_pages_come_over_tls_with_cookies_that_never_go_in_the_clear(sink: KioskSink, tmp_path: Path) -> None:
    assert sink.url.startswith("https://127.0.0.1:")
    port = int(sink.url.rpartition(":")[2])
    trusting = ssl.create_default_context(cafile=str(tmp_path / "kiosk-tls.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=60)
    connection.request("GET", "/api/visit")
    answer = connection.getresponse()
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "secure" in cookie.lower()
    answer.read()
    connection.request("GET", "/certificate.pem")
    assert sink.certificate is not None
    pem = connection.getresponse().read().decode()
    assert certificate.describe(pem.encode()).fingerprint == sink.certificate.fingerprint
    assert "PRIVATE" not in pem
    connection.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(
            socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"
        )


def test_old_protocols_are_refused(own: tls.Tls) -> None:
    assert own.context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_what_others_come_by(settings: Any) -> None:
    mine = ("192.168.1.5", "10.0.0.2", "127.0.0.1", "::1")
    assert addresses.sort(["::1", "fe80::1%eth0", "127.0.0.1", "192.168.1.5", "10.0.0.2", "192.168.1.5"]) == (
        "10.0.0.2",
        "192.168.1.5",
        "127.0.0.1",
        "::1",
    )
    here, everywhere = settings().kiosk, settings(host="0.0.0.0", password_file="x").kiosk
    assert addresses.reached_at(here, "127.0.0.1:8080", mine) is None
    assert addresses.reached_at(everywhere, "127.0.0.1:8080", mine) == "192.168.1.5:8080"
    assert addresses.reached_at(everywhere, "localhost", mine) == "192.168.1.5"
    assert addresses.reached_at(everywhere, "[::1]:8443", mine) == "192.168.1.5:8443"
    assert addresses.reached_at(everywhere, "foyer.lan:8080", mine) == "foyer.lan:8080"
    assert addresses.reached_at(everywhere, "localhost", ("127.0.0.1",)) is None
