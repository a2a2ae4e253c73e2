"""``face-edge collect`` at a broker that asks for TLS, a user and a password."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.collector.services import Mosquitto
from edge.core.errors import HardwareUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.certificates import Certificates


@pytest.fixture(scope="module")
def authority(certificates: Certificates) -> Path:
    """A folder with ``ca.pem`` and, signed by it for ``localhost``, ``server.pem`` and ``server_key.pem``."""
    return certificates.folder


@pytest.fixture
def broker(authority: Path) -> Iterator[Mosquitto]:
    """Knows users ``fleet`` and ``device`` with password ``correct``; client ids are user names, as in the sample."""
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("mosquitto_passwd is not installed: apt install mosquitto")
    try:
        service = Mosquitto()
    except HardwareUnavailable as error:
        pytest.skip(str(error))
    for name in ("ca.pem", "server.pem", "server_key.pem"):
        shutil.copy(authority / name, service.folder / name)
        (service.folder / name).chmod(0o644)
    passwords = service.folder / "passwords"
    subprocess.run([program, "-b", "-c", passwords, "fleet", "correct"], check=True, capture_output=True)
    subprocess.run([program, "-b", passwords, "device", "correct"], check=True, capture_output=True)
    passwords.chmod(0o644)
    config = service.folder / "mosquitto.conf"
    lines = config.read_text().replace("allow_anonymous true", f"allow_anonymous false\npassword_file {passwords}")
    tls = (
        f"{option} {service.folder}/{name}.pem"
        for option, name in (("cafile", "ca"), ("certfile", "server"), ("keyfile", "server_key"))
    )
    config.write_text(lines + "\n".join(tls) + "\nuse_username_as_clientid true\n")
    with service:
        yield service


@pytest.fixture
def collect(broker: Mosquitto, authority: Path, collect_process: Any, tmp_path: Path) -> Callable[[str], Any]:
    """``collect(password)``: a member that trusts the authority."""
    settings = tmp_path / "collect.toml"

    def start(password: str) -> Any:
        (tmp_path / "password").write_text(password)
        (tmp_path / "password").chmod(0o600)
        settings.write_text(
            f'[mqtt]\nusername = "fleet"\npassword_file = "{tmp_path}/password"\n'
            f'[mqtt.tls]\nca = "{authority}/ca.pem"\n'
        )
        return collect_process("a", "--broker", f"mqtts://localhost:{broker.port}", before=["--config", str(settings)])

    return start


@pytest.fixture
def publish(broker: Mosquitto, authority: Path) -> Callable[[list[str]], None]:
    """``publish(payloads)``: as events of node ``n1``."""

    def send(payloads: list[str]) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set_context(ssl.create_default_context(cafile=str(authority / "ca.pem")))
        client.username_pw_set("device", "correct")
        client.connect("localhost", broker.port)
        client.loop_start()
        for payload in payloads:
            client.publish("face-edge/n1/event", payload, 1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()
        client._reset_sockets()

    return send


def test_the_feed_is_collected_over_tls_with_a_password(
    collect: Any, publish: Any, device: Any, query: Any, eventually: Any
) -> None:
    process = collect("correct")
    assert any(json.loads(line)["broker"] == "connected" for line in process.stdout)
    n1 = device("n1")
    events = [n1.event(second) for second in range(20)]
    publish([event.to_json() for event in events])
    assert eventually(lambda: query("SELECT count(*) FROM face_edge.events") == [(20,)])
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "correct" not in errors


def test_what_comes_while_it_is_away_waits_for_it(
    collect: Any, publish: Any, device: Any, query: Any, eventually: Any
) -> None:
    process = collect("correct")
    assert any(json.loads(line)["broker"] == "connected" for line in process.stdout)
    process.terminate()
    process.communicate(timeout=60)
    n1 = device("n1")
    publish([n1.event(second).to_json() for second in range(20)])
    again = collect("correct")
    assert eventually(lambda: query("SELECT count(*) FROM face_edge.events") == [(20,)])
    again.terminate()
    again.communicate(timeout=60)


def test_a_wrong_password_is_told_and_not_shown(collect: Any) -> None:
    process = collect("not-this-one")
    line = next(line for line in process.stderr if "trying again" in line)
    assert "mqtt.username" in line or "password" in line
    assert "not-this-one" not in line
