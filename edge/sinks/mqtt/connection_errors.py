"""Translation of connection errors into one line with the cause and the remedy."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import SinkError
from edge.sinks.mqtt.capabilities import QOS_NOT_SUPPORTED, RETAIN_NOT_SUPPORTED

if TYPE_CHECKING:
    from edge.sinks.mqtt.options import Options

UNSUPPORTED_PROTOCOL = 0x84
_CLIENT_ID_INVALID = 0x85
_BEYOND_CAPABILITIES = {RETAIN_NOT_SUPPORTED: "retained messages", QOS_NOT_SUPPORTED: "quality of service 1"}
_BAD_CREDENTIALS = {0x86, 0x87}
_BUSY = {0x88, 0x89, 0x97, 0x9F}
_TAKEN_OVER = 0x8E

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_NOT_YET_VALID = 9
_EXPIRED = 10
_WRONG_HOST = {62, 64}


_HANGS = "does it hang, is it overloaded, or is the port another service's?"


@dataclass(frozen=True, slots=True)
class Cause:
    """Cause of a failure; ``lasting`` if a person must act, so that frequent retries are pointless."""

    text: str
    lasting: bool = False


class ConnectionFailure(SinkError):
    """There is no connection to the broker.

    ``older_protocol`` is set if MQTT 3.1.1 may work instead; ``code`` is the reason code of a refusal.
    """

    def __init__(self, cause: Cause, *, older_protocol: bool = False, code: int | None = None) -> None:
        super().__init__(cause.text)
        self.cause = cause
        self.older_protocol = older_protocol
        self.code = code


def of_error(error: Exception, options: Options) -> Cause:
    """Explain an error raised while connecting."""
    where = options.address
    match error:
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return _hung_up(options)
        case ssl.SSLError():
            return _of_tls(error, options)
        case socket.gaierror() | UnicodeError():
            text = f"{where}: the name {options.host!r} cannot be resolved: check mqtt.broker and the network"
        case ConnectionRefusedError():
            text = f"{where} refuses connections: is the broker running, and is the port right?"
        case TimeoutError() if _in_handshake(error):
            text = f"{where} accepted the connection but gives no answer in TLS: {_HANGS}"
        case TimeoutError():
            text = f"{where} does not answer: check mqtt.broker, the network and firewalls"
        case ConnectionError():
            return _hung_up(options)
        case OSError():
            text = f"{where} cannot be reached: {error.strerror or error}"
        case _:
            return _of_nonsense(options)
    return Cause(text)


def is_unanswered(error: Exception) -> bool:
    """Return whether the broker accepted the connection and then closed it or stayed silent."""
    if isinstance(error, TimeoutError):
        return _in_handshake(error)
    return isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLError)) and not (
        isinstance(error, ssl.SSLCertVerificationError)
    )


def of_port_without_tls(options: Options) -> Cause:
    """Return the cause for a port that speaks MQTT without TLS although ``mqtts://`` is configured."""
    return Cause(f"{options.address} speaks MQTT without TLS: check the port, or use mqtt://", lasting=True)


def of_port_with_tls(options: Options) -> Cause:
    """Return the cause for a port that speaks TLS although ``mqtt://`` is configured."""
    return Cause(f"{options.address} speaks TLS: use mqtts:// in mqtt.broker", lasting=True)


def _in_handshake(error: TimeoutError) -> bool:
    return "handshake" in str(error)


def _of_tls(error: ssl.SSLError, options: Options) -> Cause:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, options)
    text = (
        f"{options.address} does not answer in TLS ({getattr(error, 'reason', error)}): check the port, or use mqtt://"
    )
    return of_tls_text(str(error), options) or Cause(text, lasting=True)


def _of_certificate(error: ssl.SSLCertVerificationError, options: Options) -> Cause:
    where = f"the certificate of {options.address}"
    match error.verify_code:
        case code if code in _WRONG_HOST:
            text = f"{where} is for another host than {options.host!r}: use the name in it in mqtt.broker"
        case code if code == _EXPIRED:
            text = f"{where} has expired: renew it, or set this device's clock"
        case code if code == _NOT_YET_VALID:
            # happens on boards without a battery-backed clock until they have network time
            return Cause(f"{where} is not valid yet: set this device's clock")
        case _:
            text = f"{where} is not trusted ({error.verify_message}): set mqtt.tls.ca to the CA that signed it"
    return Cause(text, lasting=True)


def of_tls_text(text: str, options: Options) -> Cause | None:
    """Explain the broker's TLS alert about our certificate, in OpenSSL's wording; ``None`` if there is none."""
    alert = text.upper().replace(" ", "_")
    if "CERTIFICATE_REQUIRED" in alert or "ALERT_HANDSHAKE_FAILURE" in alert:
        return Cause(
            f"{options.address} wants a client certificate: set mqtt.tls.certificate and mqtt.tls.key", lasting=True
        )
    for word in ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED"):
        if f"ALERT_{word}" in alert:
            said = word.lower().replace("_", " ")
            return Cause(
                f"{options.address} refuses this device's certificate ({said}): check mqtt.tls.certificate",
                lasting=True,
            )
    return None


def of_refusal(code: int, name: str, options: Options) -> Cause:
    """Explain the broker's refusal of CONNECT with reason ``code``, in MQTT 5 numbers."""
    where = options.address
    if code in _BAD_CREDENTIALS and options.username is None:
        return Cause(f"{where} wants a user name: set mqtt.username and mqtt.password_file", lasting=True)
    if code in _BAD_CREDENTIALS:
        text = f"{where} refuses user {options.username!r} ({name.lower()}): check mqtt.username and the password"
        return Cause(text, lasting=True)
    if code == _CLIENT_ID_INVALID:
        # Mosquitto sends the same code for a keep-alive above its max_keepalive with MQTT 3.1.1
        remedy = "set another node.id or mqtt.client_id, or a smaller mqtt.keepalive_s"
        text = f"{where} refuses client id {options.client_id!r}: {remedy}"
        return Cause(text, lasting=True)
    if code in _BEYOND_CAPABILITIES:
        return Cause(f"{where} has no {_BEYOND_CAPABILITIES[code]}, which a last will needs", lasting=True)
    return Cause(f"{where} refuses the connection: {name.lower()}", lasting=code not in _BUSY)


def of_silence(options: Options, timeout_s: float) -> Cause:
    """Return the cause for a broker that accepts the connection and stays silent for ``timeout_s`` seconds."""
    return Cause(f"{options.address} accepted the connection but gave no MQTT answer within {timeout_s:g} s: {_HANGS}")


def of_loss(options: Options, *, code: int | None, name: str, noted: str, answered: bool) -> Cause:
    """Explain the end of a connection; ``code`` if the broker sent one, ``noted`` the network library's error."""
    if code == _TAKEN_OVER:
        text = f"another client took over client id {options.client_id!r}: {_one_each(options)}"
        return Cause(f"{options.address}: {text}", lasting=True)
    if code is not None:
        return Cause(f"{options.address} ended the connection: {name.lower()}")
    if name == "Protocol error":
        return _of_nonsense(options)
    if not answered:
        return of_tls_text(noted, options) or _hung_up(options, after_handshake=True)
    return Cause(f"the connection to {options.address} was lost")


def of_flapping(options: Options, *, mqtt5: bool = True) -> Cause:
    """Return the cause for repeated short-lived connections that the broker ends without a reason."""
    hint = f"does another client use id {options.client_id!r}? G{_one_each(options)[1:]}"
    if not mqtt5:
        hint += "; or does it take no QoS 1 or no retained messages? Set mqtt.max_qos = 0 or mqtt.retain = false"
    return Cause(f"connections to {options.address} break as soon as they are made: {hint}", lasting=True)


def _one_each(options: Options) -> str:
    """Return the remedy for two clients with the same id."""
    own = "give each device a node.id of its own"
    if options.username is None:
        return own
    return f"{own}, and each connection a user of its own where the broker binds client ids to users"


def _of_nonsense(options: Options) -> Cause:
    return Cause(f"{options.address} does not speak MQTT: check the port in mqtt.broker", lasting=True)


def _hung_up(options: Options, *, after_handshake: bool = False) -> Cause:
    hint = "check the port; is the broker starting, overloaded, or out of a proxy's reach?"
    if after_handshake and options.tls is not None and options.tls.certificate is None:
        hint += " Does it want a client certificate (mqtt.tls.certificate and mqtt.tls.key)?"
    return Cause(f"{options.address} hung up without an answer: {hint}")
