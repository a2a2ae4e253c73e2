from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from edge.config import MqttConfig, embedded_port
from edge.core.errors import ConfigError, FileUnavailable
from edge.sinks.mqtt.options import options
from edge.sinks.mqtt.sink import MqttSink
from edge.sinks.mqtt.tls import tls_context

if TYPE_CHECKING:
    from pathlib import Path


def config(**settings: Any) -> MqttConfig:
    return MqttConfig.model_validate({"broker": "mqtt://host", **settings})


@pytest.mark.parametrize(
    ("broker", "host", "port", "address"),
    [
        ("mqtt://host", "host", 1883, "mqtt://host:1883"),
        ("mqtts://host", "host", 8883, "mqtts://host:8883"),
        ("mqtt://10.0.0.1:1234", "10.0.0.1", 1234, "mqtt://10.0.0.1:1234"),
        ("mqtts://[::1]:99", "::1", 99, "mqtts://[::1]:99"),
        ("embedded", "127.0.0.1", 1883, "mqtt://127.0.0.1:1883"),
        ("embedded:1884", "127.0.0.1", 1884, "mqtt://127.0.0.1:1884"),
    ],
)
def test_where_the_broker_is(broker: str, host: str, port: int, address: str) -> None:
    made = options(config(broker=broker), "n1")
    assert (made.host, made.port, made.address) == (host, port, address)
    assert (made.tls is not None) == broker.startswith("mqtts")


def test_who_we_are() -> None:
    made = options(config(prefix="site/a", keepalive_s=7), "n1")
    assert (made.client_id, made.keepalive_s, made.username, made.password) == ("site-a-n1", 7, None, None)


def test_a_password_is_in_no_printout() -> None:
    made = options(config(username="u", password="geheim"), "n1")
    assert made.password == "geheim"
    assert "geheim" not in repr(made)


def test_the_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"p\xc3\xa4ss word \r\nsecond")
    assert options(config(username="u", password_file=path), "n1").password == "päss word "


def test_the_embedded_brokers_port() -> None:
    assert [embedded_port(broker) for broker in ("embedded", "embedded:99", "mqtt://h", "off")] == [
        1883,
        99,
        None,
        None,
    ]


@pytest.mark.parametrize("broker", ["off", "embedded:0", "embedded:65536", "mqtt://host:0"])
def test_a_broker_that_cannot_be_reached_by_any_means_is_refused(broker: str) -> None:
    with pytest.raises(ConfigError, match=r"^mqtt\.broker: expected .*, found "):
        options(config(broker=broker), "n1")


def test_a_credential_of_the_service_manager_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert options(config(username="u"), "n1").password is None
    (tmp_path / "mqtt-password").write_text("secret\n")
    assert options(config(username="u"), "n1").password == "secret"
    assert options(config(username="u", password="given"), "n1").password == "given"
    assert options(config(), "n1").password is None


def test_contradictions_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^mqtt.username: a password is given but no user name; set both$"):
        options(config(password="p"), "n1")
    with pytest.raises(ConfigError, match=r"^mqtt.password_file: mqtt.password is given too; keep one of them$"):
        options(config(username="u", password="p", password_file=tmp_path), "n1")
    with pytest.raises(ConfigError, match=r"^mqtt.tls: certificates serve mqtts:// only"):
        options(config(tls={"ca": tmp_path}), "n1")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, r"cannot read .*secret: No such file or directory"),
        (b"", r"the first line of .*secret is empty"),
        (b"\nsecond", r"the first line of .*secret is empty"),
        (b"\xff\xfe\x00", r".*secret is not a UTF-8 text file"),
    ],
)
def test_a_useless_password_file_is_one_line(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileUnavailable, match=rf"^mqtt\.password_file: {problem}") as caught:
        options(config(username="u", password_file=path), "n1")
    assert "\n" not in str(caught.value)
    MqttSink(config(username="u", password_file=path), "n1").close()  # it asks again with every attempt to connect


def test_with_other_mistakes_a_file_is_one_of_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        options(config(password_file=tmp_path / "none"), "n1")
    assert not isinstance(caught.value, FileUnavailable)
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match=r"mqtt\.username"):
        MqttSink(config(password_file=tmp_path / "none"), "n1")


def test_certificates_are_loaded_and_checked(certificates: Any) -> None:
    files = {"ca": certificates.ca, "certificate": certificates.client, "key": certificates.client_key}
    made = options(config(broker="mqtts://host", tls=files), "n1")
    assert made.tls is not None
    context = tls_context(made.tls)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1


def test_without_a_ca_the_systems_are_trusted() -> None:
    made = options(config(broker="mqtts://host"), "n1")
    assert made.tls is not None
    assert tls_context(made.tls).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"ca": "absent"}, r"mqtt\.tls\.ca: cannot read .*absent.pem: No such file or directory"),
        ({"ca": "client_key"}, r"mqtt\.tls\.ca: .*client_key.pem holds no certificate in PEM format"),
        ({"certificate": "client", "key": "absent"}, r"mqtt\.tls\.key: cannot read .*absent.pem: No such file"),
        ({"certificate": "absent", "key": "client_key"}, r"mqtt\.tls\.certificate: cannot read .*absent.pem"),
        ({"certificate": "client", "key": "server_key"}, r"mqtt\.tls: .* are not a certificate and its unencrypted"),
        ({"certificate": "client", "key": "locked_key"}, r"mqtt\.tls: .* are not a certificate and its unencrypted"),
    ],
)
def test_a_useless_certificate_file_is_one_line(certificates: Any, files: dict[str, str], problem: str) -> None:
    paths = {role: getattr(certificates, name) for role, name in files.items()}
    made = options(config(broker="mqtts://host", tls=paths), "n1")
    assert made.tls is not None
    with pytest.raises(FileUnavailable, match=rf"^{problem}") as caught:
        tls_context(made.tls)
    assert "\n" not in str(caught.value)


def test_a_client_id_of_ones_own_takes_the_place_of_the_node() -> None:
    assert options(MqttConfig(broker="mqtt://h", client_id="hall-1"), "n1").client_id == "hall-1"
    with pytest.raises(ValidationError):
        MqttConfig(broker="mqtt://h", client_id="hall\n1")
