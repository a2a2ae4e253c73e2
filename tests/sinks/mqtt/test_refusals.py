"""Wrong password, wrong certificate: one line, no end of the process, and recovery once the cause is gone."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import MqttConfig
from edge.sinks.mqtt import connection_errors
from edge.sinks.mqtt.options import Options, options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name.startswith("edge")]


@pytest.fixture
def refused(
    make_sink: Any, eventually: Any, caplog: pytest.LogCaptureFixture
) -> Callable[[Any, str, dict[str, Any]], tuple[Any, str]]:
    """The sink, after several attempts that the broker's log shows, and the only line that it said."""

    def attempt(broker: Any, uri: str, settings: dict[str, Any]) -> tuple[Any, str]:
        sink = make_sink(uri, **settings)
        sink.open()
        assert eventually(lambda: broker.log.read_text().count("New connection from") >= 4)
        assert not sink.connected
        (line,) = lines_of(caplog)
        return sink, line

    return attempt


def test_a_wrong_password_is_said_once_and_a_mended_file_is_used(
    mosquitto: Any, password_lines: str, refused: Any, subscribe: Any, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    broker = mosquitto(password_lines)
    _, line = refused(broker, broker.uri, {"username": "device", "password_file": secret})
    assert line == (f"{broker.uri} refuses user 'device' (not authorized): check mqtt.username and the password")
    secret.write_text("correct\n")
    subscribe(broker.port, credentials=("device", "correct")).wait_payload("availability", "online")


def test_a_broker_that_wants_a_user_says_so(mosquitto: Any, password_lines: str, refused: Any) -> None:
    broker = mosquitto(password_lines)
    _, line = refused(broker, broker.uri, {})
    assert line == f"{broker.uri} wants a user name: set mqtt.username and mqtt.password_file"


def test_a_certificate_of_an_unknown_ca_is_refused_until_the_right_ca_is_there(
    mosquitto: Any, certificates: Any, refused: Any, eventually: Any, tmp_path: Path
) -> None:
    broker = mosquitto(certificates.broker_lines())
    ca = tmp_path / "trusted.pem"
    ca.write_bytes(certificates.other_ca.read_bytes())
    sink, line = refused(broker, broker.tls_uri, {"tls": {"ca": ca}})
    assert line.startswith(f"the certificate of {broker.tls_uri} is not trusted (")
    assert line.endswith("): set mqtt.tls.ca to the CA that signed it")
    ca.write_bytes(certificates.ca.read_bytes())
    assert eventually(lambda: sink.connected)


def test_a_certificate_for_another_host_is_refused(mosquitto: Any, certificates: Any, refused: Any) -> None:
    broker = mosquitto(certificates.broker_lines())
    uri = f"mqtts://127.0.0.1:{broker.port}"
    _, line = refused(broker, uri, {"tls": {"ca": certificates.ca}})
    assert line == f"the certificate of {uri} is for another host than '127.0.0.1': use the name in it in mqtt.broker"


def test_a_missing_client_certificate_is_named(mosquitto: Any, certificates: Any, refused: Any) -> None:
    broker = mosquitto(certificates.broker_lines(client_certificate=True))
    _, line = refused(broker, broker.tls_uri, {"tls": {"ca": certificates.ca}})
    assert line == f"{broker.tls_uri} wants a client certificate: set mqtt.tls.certificate and mqtt.tls.key"


def test_a_strangers_client_certificate_is_named(mosquitto: Any, certificates: Any, refused: Any) -> None:
    broker = mosquitto(certificates.broker_lines(client_certificate=True))
    files = {"ca": certificates.ca, "certificate": certificates.stranger, "key": certificates.stranger_key}
    _, line = refused(broker, broker.tls_uri, {"tls": files})
    assert line == f"{broker.tls_uri} refuses this device's certificate (unknown ca): check mqtt.tls.certificate"


def test_a_good_client_certificate_gets_events_through(
    mosquitto: Any, certificates: Any, make_sink: Any, messages: Any, eventually: Any
) -> None:
    broker = mosquitto(certificates.broker_lines(client_certificate=True))
    files = {"ca": certificates.ca, "certificate": certificates.client, "key": certificates.client_key}
    sink = make_sink(broker.tls_uri, tls=files)
    sink.open()
    for number in range(100):
        sink.handle(messages.event(number))
    assert eventually(lambda: sink.connected and sink.queue_depth == 0)
    assert sink.drops == 0
    sink.close()


def test_tls_and_plain_text_mixed_up_are_told_apart(mosquitto: Any, certificates: Any, refused: Any) -> None:
    broker = mosquitto(certificates.broker_lines())
    _, line = refused(broker, broker.uri, {})
    assert line == f"{broker.uri} speaks TLS: use mqtts:// in mqtt.broker"


def test_plain_text_where_tls_is_wanted_is_told(mosquitto: Any, certificates: Any, refused: Any) -> None:
    broker = mosquitto()
    _, line = refused(broker, broker.tls_uri, {"tls": {"ca": certificates.ca}})
    assert line == f"{broker.tls_uri} speaks MQTT without TLS: check the port, or use mqtt://"


@pytest.fixture
def made() -> Options:
    return options(MqttConfig(broker="mqtts://host"), "n1")


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "because"
    return error


@pytest.mark.parametrize(
    ("error", "text", "lasting"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the name 'host' cannot be resolved", False),
        (UnicodeError("label too long"), "the name 'host' cannot be resolved", False),
        (ConnectionRefusedError(), "refuses connections: is the broker running", False),
        (TimeoutError(), "does not answer: check mqtt.broker, the network", False),
        (OSError(113, "No route to host"), "cannot be reached: No route to host", False),
        (ConnectionResetError(), "hung up without an answer: check the port; is the broker starting", False),
        (ssl.SSLEOFError(8, "EOF occurred"), "hung up without an answer: check the port; is the broker", False),
        (TimeoutError("_ssl.c:989: The handshake operation timed out"), "gives no answer in TLS: does it hang", False),
        (ssl.SSLError(1, "wrong version number"), "does not answer in TLS", True),
        (certificate_error(62), "is for another host than 'host'", True),
        (certificate_error(64), "is for another host than 'host'", True),
        (certificate_error(10), "has expired: renew it, or set this device's clock", True),
        (certificate_error(9), "is not valid yet: set this device's clock", False),
        (certificate_error(20), "is not trusted (because): set mqtt.tls.ca", True),
        (ValueError("rubbish"), "does not speak MQTT", True),
    ],
)
def test_every_foreign_error_has_its_line(made: Options, error: Exception, text: str, *, lasting: bool) -> None:
    cause = connection_errors.of_error(error, made)
    assert text in cause.text
    assert "mqtts://host:8883" in cause.text
    assert "\n" not in cause.text
    assert cause.lasting == lasting


@pytest.mark.parametrize("code", [0x86, 0x87])
def test_refused_credentials_need_a_person(made: Options, code: int) -> None:
    with_user = replace(made, username="u", password="geheim")
    for who in (made, with_user):
        cause = connection_errors.of_refusal(code, "Not authorized", who)
        assert cause.lasting
        assert "geheim" not in cause.text


def test_a_busy_broker_is_tried_again_soon(made: Options) -> None:
    assert not connection_errors.of_refusal(0x89, "Server busy", made).lasting
    assert connection_errors.of_refusal(0x8A, "Banned", made).lasting
