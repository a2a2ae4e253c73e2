"""The sample configuration of Mosquitto: TLS, passwords, and every rule of its access list, both ways."""

from __future__ import annotations

import json
import queue
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.collector.topics import filters
from edge.core.commands import Answer, CommandQueue
from edge.sinks.mqtt.asyncapi import CHANNELS
from edge.sinks.mqtt.homeassistant import announcement, discovery_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLES = Path(__file__).parents[3] / "systemd" / "mosquitto"
USERS = ("n1", "n2", "homeassistant", "integrator", "collector-a", "collector-b", "tester")
NOT_AUTHORIZED = 0x87
SENT = [channel.kind for channel in CHANNELS.values() if channel.sent]
TAKEN = [channel.kind for channel in CHANNELS.values() if not channel.sent]
COLLECTED = ("event", "aggregate", "health", "availability", "info")


class Visitor:
    """One user's connection; ``tester`` may do everything. With ``keep`` the broker keeps what waits for it."""

    def __init__(self, port: int, user: str, client_id: str = "", *, keep: bool = False) -> None:
        self.arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._receipts: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._subscribed: queue.SimpleQueue[int] = queue.SimpleQueue()
        answers: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = lambda *found: answers.put(found[3].value)
        self._client.on_message = lambda *found: self.arrived.put((found[2].topic, found[2].payload))
        self._client.on_publish = lambda *found: self._receipts.put(found[3].value)
        self._client.on_subscribe = lambda *found: self._subscribed.put(found[3][0].value)
        if user:
            self._client.username_pw_set(user, f"secret of {user}")
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = 600 if keep else 0
        self._client.connect("localhost", port, clean_start=not keep, properties=wishes)
        self._client.loop_start()
        self.connected = answers.get(timeout=30) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def may_write(self, topic: str, payload: str = "x") -> bool:
        self._client.publish(topic, payload, 1)
        return self._receipts.get(timeout=30) != NOT_AUTHORIZED

    def subscribe(self, *names: str) -> None:
        for name in names:
            self._client.subscribe(name, 1)
            self._subscribed.get(timeout=30)

    def drain(self) -> list[tuple[str, bytes]]:
        found = []
        while not self.arrived.empty():
            found.append(self.arrived.get())
        return found

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()


class Site:
    """The sample's broker: ``tls_port`` as configured for everyone, ``port`` as for this machine."""

    def __init__(self, port: int, tls_port: int, ca: Path) -> None:
        self.port = port
        self.tls_port = tls_port
        self.ca = ca
        self._visitors: list[Visitor] = []

    def visitor(self, user: str, client_id: str = "", *, keep: bool = False) -> Visitor:
        self._visitors.append(Visitor(self.port, user, client_id, keep=keep))
        return self._visitors[-1]

    def close(self) -> None:
        for visitor in self._visitors:
            visitor.close()


@pytest.fixture
def site(
    mosquitto: Callable[..., Any], certificates: Any, tmp_path: Path, free_port: Any, eventually: Callable[..., Any]
) -> Iterator[Site]:
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("mosquitto_passwd is not installed: apt install mosquitto")
    for user in USERS:
        created = [] if user != USERS[0] else ["-c"]
        subprocess.run([program, "-b", *created, tmp_path / "users", user, f"secret of {user}"], check=True)
    rules = (SAMPLES / "face-edge.acl").read_text(encoding="utf-8")
    (tmp_path / "rules").write_text(f"{rules}\nuser tester\ntopic readwrite #\n")
    port = free_port()
    tls_port = next(found for found in iter(free_port, None) if found != port)
    places = {
        "/etc/mosquitto/face-edge.passwords": tmp_path / "users",
        "/etc/mosquitto/face-edge.acl": tmp_path / "rules",
        "/var/lib/mosquitto/": f"{tmp_path}/",
        "/etc/mosquitto/certs/server.crt": certificates.server,
        "/etc/mosquitto/certs/server.key": certificates.server_key,
        "listener 8883": f"listener {tls_port}",
        "listener 1883 127.0.0.1": f"listener {port} 127.0.0.1",
    }
    lines = (SAMPLES / "mosquitto.conf").read_text(encoding="utf-8").split("systemctl reload mosquitto", 1)[1]
    for sample, here in places.items():
        assert lines.count(sample) == 1, sample
        lines = lines.replace(sample, str(here))
    mosquitto(lines)
    assert eventually(lambda: is_open(port) and is_open(tls_port))
    made = Site(port, tls_port, certificates.ca)
    yield made
    made.close()


def is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_a_device_over_tls_is_heard_obeys_and_answers(
    site: Site, make_sink: Any, messages: Any, eventually: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("secret of n1")
    inbox = CommandQueue()
    integrator, home = site.visitor("integrator"), site.visitor("homeassistant")
    integrator.subscribe("face-edge/#")
    home.subscribe("face-edge/+/response/#")
    sink = make_sink(
        f"mqtts://localhost:{site.tls_port}",
        username="n1",
        password_file=tmp_path / "password",
        tls={"ca": site.ca},
        inbox=inbox,
    )
    sink.open()
    for message in (messages.info(), messages.event(1), messages.aggregate(1)):
        sink.handle(message)
    assert eventually(lambda: sink.connected and sink.queue_depth == 0)
    assert home.may_write("face-edge/n1/request/marker", '{"transaction": "t"}')
    asked = eventually(lambda: list(inbox.take()))
    asked[0].answer(Answer({}))
    topic, payload = home.arrived.get(timeout=30)
    assert (topic, json.loads(payload)["transaction"]) == ("face-edge/n1/response/marker", "t")
    sink.close()
    heard = {topic for topic, _ in integrator.drain()}
    assert heard >= {f"face-edge/n1/{kind}" for kind in ("availability", "info", "event", "aggregate")}
    assert sink.drops == 0


def test_strangers_stay_outside(site: Site, certificates: Any) -> None:
    assert not site.visitor("").connected
    assert not site.visitor("nobody").connected
    assert site.visitor("n1").connected
    shake_hands(site.tls_port, certificates.ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(site.tls_port, certificates.other_ca)


def shake_hands(port: int, ca: Path) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    with (
        socket.create_connection(("localhost", port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


def test_a_device_writes_under_its_own_node_only(site: Site) -> None:
    device = site.visitor("n1")
    for kind in SENT:
        assert device.may_write(f"face-edge/n1/{kind}"), kind
        assert not device.may_write(f"face-edge/n2/{kind}"), kind
        assert not device.may_write(f"elsewhere/n1/{kind}"), kind
    for kind in TAKEN:
        assert not device.may_write(f"face-edge/n1/{kind}"), kind
        assert not device.may_write(f"face-edge/n2/{kind}"), kind
    assert device.may_write("face-edge/n1/response/marker/panel-7")
    assert not device.may_write("face-edge/n1/anything")


def test_a_device_announces_itself_only(site: Site, messages: Any) -> None:
    device = site.visitor("n1")
    home = site.visitor("homeassistant")
    home.subscribe("homeassistant/#")
    publication = announcement("face-edge", messages.info())
    assert device.may_write(publication.topic.name, publication.payload)
    assert home.arrived.get(timeout=30) == (publication.topic.name, publication.payload.encode())
    for topic in (discovery_topic("n2"), "homeassistant/status", "homeassistant/sensor/n1/config"):
        assert not device.may_write(topic)


def test_a_device_hears_only_what_is_meant_for_it(site: Site) -> None:
    device, tester = site.visitor("n1"), site.visitor("tester")
    device.subscribe("#")
    meant = {*(f"face-edge/n1/{kind}" for kind in TAKEN), "homeassistant/status"}
    others = {f"face-edge/n2/{kind}" for kind in TAKEN}
    others |= {f"face-edge/{node}/{kind}" for node in ("n1", "n2") for kind in SENT}
    others |= {discovery_topic("n1"), "elsewhere"}
    assert heard_by(device, tester, meant | others, last="homeassistant/status") == meant


def test_home_assistant_asks_and_speaks_for_nobody(site: Site) -> None:
    home = site.visitor("homeassistant")
    for kind in TAKEN:
        assert home.may_write(f"face-edge/n1/{kind}"), kind
    for kind in SENT:
        assert not home.may_write(f"face-edge/n1/{kind}"), kind
    assert home.may_write("homeassistant/status", "online")
    assert not home.may_write(discovery_topic("n1"))


@pytest.mark.parametrize("user", ["integrator", "collector-a"])
def test_who_only_reads_writes_nothing(site: Site, user: str) -> None:
    visitor = site.visitor(user)
    for kind in (*SENT, *TAKEN):
        assert not visitor.may_write(f"face-edge/n1/{kind}"), kind
    for topic in ("homeassistant/status", discovery_topic("n1")):
        assert not visitor.may_write(topic)


def test_an_integrator_hears_every_node_and_nothing_else(site: Site) -> None:
    integrator, tester = site.visitor("integrator"), site.visitor("tester")
    integrator.subscribe("#")
    feed = {f"face-edge/{node}/{kind}" for node in ("n1", "n2") for kind in (*SENT, *TAKEN)}
    # every user may hear that Home Assistant has started
    meant = {*feed, "homeassistant/status"}
    others = {discovery_topic("n1"), "elsewhere", "face-edgy/n1/state"}
    assert heard_by(integrator, tester, meant | others, last="face-edge/n1/state") == meant


def test_collectors_share_what_they_may_read(site: Site) -> None:
    collectors = [site.visitor("collector-a"), site.visitor("collector-b")]
    tester = site.visitor("tester")
    for collector in collectors:
        collector.subscribe(*(wanted.name for wanted in filters("face-edge", "fleet")))
        collector.subscribe("$share/fleet/face-edge/+/track", "face-edge/+/state")
    for number in range(40):
        assert tester.may_write("face-edge/n1/event", str(number))
        assert tester.may_write("face-edge/n2/track")
        assert tester.may_write("face-edge/n2/state")
    assert tester.may_write("face-edge/n1/info", "last")
    heard = [until(collector, "face-edge/n1/info") for collector in collectors]
    events = sorted(int(payload) for found in heard for topic, payload in found if topic.endswith("/event"))
    assert events == list(range(40))
    assert all(any(topic.endswith("/event") for topic, _ in found) for found in heard)
    assert {topic for found in heard for topic, _ in found} == {"face-edge/n1/event", "face-edge/n1/info"}


def test_collectors_read_what_collect_subscribes_to() -> None:
    assert {wanted.name.rpartition("/")[2] for wanted in filters("face-edge", "g")} == set(COLLECTED)
    rules = (SAMPLES / "face-edge.acl").read_text(encoding="utf-8")
    for user in ("collector-a", "collector-b"):
        block = rules.partition(f"user {user}\n")[2].partition("\n\n")[0].splitlines()
        assert block == [f"topic read face-edge/+/{kind}" for kind in COLLECTED]


@pytest.mark.parametrize("client_id", ["collector-a", "face-edge-collect-fleet-a"])
@pytest.mark.parametrize("keep", [True, False])
def test_a_reader_takes_no_collectors_queue(site: Site, client_id: str, keep: bool) -> None:
    collector = site.visitor("collector-a", "face-edge-collect-fleet-a", keep=True)
    collector.subscribe(*(wanted.name for wanted in filters("face-edge", "fleet")))
    collector.close()
    tester = site.visitor("tester")
    for number in range(20):
        assert tester.may_write("face-edge/n1/event", str(number))
    thief = site.visitor("integrator", client_id, keep=keep)
    assert thief.connected
    again = site.visitor("collector-a", "face-edge-collect-fleet-a", keep=True)
    assert tester.may_write("face-edge/n1/info", "last")
    heard = until(again, "face-edge/n1/info")
    assert [payload for topic, payload in heard if topic.endswith("/event")] == [b"%d" % n for n in range(20)]
    assert thief.drain() == []


@pytest.mark.parametrize("client_id", ["n1", "face-edge-n1"])
def test_a_reader_ends_no_devices_connection(
    site: Site, make_sink: Any, messages: Any, eventually: Callable[..., Any], client_id: str
) -> None:
    sink = make_sink(f"mqtt://127.0.0.1:{site.port}", username="n1", password="secret of n1")
    sink.open()
    assert eventually(lambda: sink.connected)
    thief = site.visitor("integrator", client_id)
    thief.subscribe("face-edge/n1/#")
    sink.handle(messages.event(1))
    assert any(topic == "face-edge/n1/event" for topic, _ in until(thief, "face-edge/n1/event"))
    assert (sink.connected, sink.reconnects) == (True, 0)


def test_with_certificates_the_name_in_them_is_user_and_client_id(
    mosquitto: Callable[..., Any], certificates: Any, make_sink: Any, eventually: Callable[..., Any], free_port: Any
) -> None:
    port = free_port()
    mosquitto(
        "allow_anonymous true\n"
        f"listener {port}\nuse_username_as_clientid true\n"
        f"certfile {certificates.server}\nkeyfile {certificates.server_key}\n"
        f"cafile {certificates.ca}\nrequire_certificate true\nuse_identity_as_username true\n"
    )
    tls = {"ca": certificates.ca, "certificate": certificates.client, "key": certificates.client_key}
    first = make_sink(f"mqtts://localhost:{port}", tls=tls)
    first.open()
    assert eventually(lambda: first.connected)
    second = make_sink(f"mqtts://localhost:{port}", tls=tls, client_id="another-id")
    second.open()
    assert eventually(lambda: first.reconnects > 0 or second.reconnects > 0), "one certificate had two connections"


def heard_by(listener: Visitor, speaker: Visitor, topics: set[str], *, last: str) -> set[str]:
    """Which of ``topics`` reach ``listener``; ``last`` is one that must, and is said last."""
    for topic in [*sorted(topics - {last}), last]:
        assert speaker.may_write(topic)
    return {topic for topic, _ in until(listener, last)}


def until(listener: Visitor, topic: str) -> list[tuple[str, bytes]]:
    """What arrived up to a message on ``topic``."""
    found = [listener.arrived.get(timeout=30)]
    while found[-1][0] != topic:
        found.append(listener.arrived.get(timeout=30))
    return found
