"""Real brokers, real subscribers, certificates made on the spot."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.config import MqttConfig
from edge.events import Event, EventType, Health, Info, State, ulid
from edge.sinks.mqtt.sink import MqttSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _eventually(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """The condition's first true value, looked at often; its last value when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return value


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return _eventually


@pytest.fixture
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            return int(sock.getsockname()[1])

    return find


class Mosquitto:
    """One broker process on a port of its own; may be killed and started again."""

    def __init__(self, program: str, folder: Path, port: int, lines: str) -> None:
        self.port = port
        self.log = folder / f"mosquitto-{port}.log"
        self._program = program
        self._config = folder / f"mosquitto-{port}.conf"
        self._config.write_text(f"user root\nlistener {port} 127.0.0.1\npersistence false\n{lines}\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def tls_uri(self) -> str:
        return f"mqtts://localhost:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", self._config], stdout=log, stderr=log)
        assert _eventually(self._answers), self.log.read_text()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def mosquitto(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Mosquitto]]:
    """``mosquitto(lines="allow_anonymous true", start=True)``: a running broker with these settings."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    made: list[Mosquitto] = []

    def make(lines: str = "allow_anonymous true", *, start: bool = True) -> Mosquitto:
        broker = Mosquitto(program, tmp_path, free_port(), lines)
        made.append(broker)
        if start:
            broker.start()
        return broker

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture
def password_lines(tmp_path: Path) -> str:
    """Mosquitto settings that know one user: ``device`` with password ``correct``."""
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("mosquitto_passwd is not installed: apt install mosquitto")
    path = tmp_path / "passwords"
    subprocess.run([program, "-b", "-c", path, "device", "correct"], check=True, capture_output=True)
    return f"allow_anonymous false\npassword_file {path}"


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files; ``server`` is for the name ``localhost`` only."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def broker_lines(self, *, client_certificate: bool = False) -> str:
        return (
            f"allow_anonymous true\ncafile {self.ca}\ncertfile {self.server}\nkeyfile {self.server_key}\n"
            f"require_certificate {str(client_certificate).lower()}"
        )


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A CA with a server's and a client's certificate, and another CA with another client's."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt install openssl")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for ca in ("ca", "other_ca"):
        openssl("req", "-x509", *new_key, "-subj", f"/CN={ca}", "-keyout", f"{ca}_key.pem", "-out", f"{ca}.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    for name, ca in (("server", "ca"), ("client", "ca"), ("stranger", "other_ca")):
        openssl("req", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}_key.pem", "-out", f"{name}.csr")
        signing = ("-CA", f"{ca}.pem", "-CAkey", f"{ca}_key.pem", "-CAcreateserial", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.pem")
    openssl("ec", "-in", "client_key.pem", "-aes256", "-passout", "pass:geheim", "-out", "locked_key.pem")
    return Certificates(folder)


class Relay:
    """Passes bytes on to a broker until it is cut; may refuse MQTT 5 as brokers of old do, by hanging up."""

    def __init__(self, port: int, target: int, *, refuse_mqtt5: bool = False) -> None:
        self.port = port
        self.accepted = 0
        self._target = target
        self._refuse_mqtt5 = refuse_mqtt5
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.mend()

    @property
    def uri(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._begin(self._accept, self._listener)

    def hang_up(self) -> None:
        """End the connections there are; new ones are welcome."""
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End the connections and refuse new ones."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.hang_up()
        for thread in self._threads:
            thread.join(5)
        self._threads.clear()
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def _begin(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._sockets.append(near)
            self._begin(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        try:
            first = near.recv(65536)
            if self._refuse_mqtt5 and first[first.find(b"MQTT") + 4] == 5:
                near.shutdown(socket.SHUT_RDWR)
                return
            far = socket.create_connection(("127.0.0.1", self._target))
        except (OSError, IndexError):
            with contextlib.suppress(OSError):
                near.shutdown(socket.SHUT_RDWR)
            return
        self._sockets.append(far)
        with contextlib.suppress(OSError):
            far.sendall(first)
        self._begin(self._pump, far, near)
        self._pump(near, far)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(free_port: Callable[[], int]) -> Iterator[Callable[..., Relay]]:
    made: list[Relay] = []

    def make(target: int, **arguments: Any) -> Relay:
        made.append(Relay(free_port(), target, **arguments))
        return made[-1]

    yield make
    for one in made:
        one.cut()


class ScriptedBroker:
    """Takes every client, answers its first packet with given bytes, then only listens (or hangs up)."""

    def __init__(self, answer: bytes, *, hang_up: bool = False) -> None:
        self.seen = b""
        self.accepted = 0
        self._answer = answer
        self._hang_up = hang_up
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def uri(self) -> str:
        return f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                self._clients.append(client)
                self._threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client.recv(4096)
            client.sendall(self._answer)
            if self._hang_up:
                client.shutdown(socket.SHUT_RDWR)
            while data := client.recv(4096):
                self.seen += data

    def close(self) -> None:
        for sock in (self._listener, *self._clients):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def scripted_broker() -> Iterator[Callable[..., ScriptedBroker]]:
    made: list[ScriptedBroker] = []

    def make(answer: bytes, **arguments: Any) -> ScriptedBroker:
        made.append(ScriptedBroker(answer, **arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


@dataclass(frozen=True)
class Received:
    topic: str
    payload: str
    qos: int
    retain: bool
    properties: dict[str, Any]


class Subscriber:
    """A real client that keeps all it gets under ``face-edge/#``, retain flags as published where MQTT 5 allows."""

    def __init__(
        self,
        port: int,
        *,
        mqtt5: bool = True,
        as_published: bool = True,
        credentials: tuple[str, str] | None = None,
        topic: str = "face-edge/#",
    ) -> None:
        self.received: list[Received] = []
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
        )
        self._client.reconnect_delay_set(1, 1)
        if credentials:
            self._client.username_pw_set(*credentials)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._ready.set()
        options = SubscribeOptions(qos=1, retainAsPublished=as_published) if mqtt5 else None
        self._client.on_connect = lambda client, *_: (
            client.subscribe(topic, options=options) if mqtt5 else client.subscribe(topic, 1)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(5)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        properties = message.properties.json() if message.properties else {}  # type: ignore[no-untyped-call]
        with self._changed:
            self.received.append(
                Received(message.topic, message.payload.decode(), message.qos, message.retain, properties)
            )
            self._changed.notify_all()

    def of(self, kind: str) -> list[Received]:
        return [message for message in self.received if message.topic.endswith(f"/{kind}")]

    def wait(self, kind: str, count: int = 1, timeout_s: float = 10.0) -> list[Received]:
        """What came on one topic, once there are ``count``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(kind)) >= count, timeout_s), self.received
            return self.of(kind)

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
        """Until ``condition`` holds of what came."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), self.received

    def wait_payload(self, kind: str, payload: str, timeout_s: float = 10.0) -> None:
        """Until the newest message on one topic is ``payload``."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: bool(self.of(kind)) and self.of(kind)[-1].payload == payload, timeout_s
            )
            assert came, self.received

    def publish(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho leaves its wake-up sockets to the garbage collector, whose warning would be an error here
        self._client._reset_sockets()


@pytest.fixture
def subscribe() -> Iterator[Callable[..., Subscriber]]:
    made: list[Subscriber] = []

    def make(port: int, **arguments: Any) -> Subscriber:
        subscriber = Subscriber(port, **arguments)
        made.append(subscriber)
        return subscriber

    yield make
    for subscriber in made:
        subscriber.close()


@pytest.fixture
def make_sink() -> Iterator[Callable[..., MqttSink]]:
    """``make_sink(broker, heartbeat_s=…, **settings)``: node ``n1``, impatient; closed at the end."""
    made: list[MqttSink] = []

    def make(broker: str, *, heartbeat_s: float | None = None, event_capacity: int = 1000, **settings: Any) -> MqttSink:
        config = MqttConfig.model_validate({"broker": broker, "backoff_max_s": 0.05, **settings})
        sink = MqttSink(config, "n1", heartbeat_s=heartbeat_s, event_capacity=event_capacity)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def run_device() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """``run_device(broker)``: node ``n1`` in a process of its own, killed at the end if not before."""
    script = (
        "import sys, time; from edge.config import MqttConfig; from edge.sinks.mqtt.sink import MqttSink\n"
        "sink = MqttSink(MqttConfig(broker=sys.argv[1]), 'n1'); sink.open(); time.sleep(60)"
    )
    made: list[subprocess.Popen[bytes]] = []

    def run(broker: str) -> subprocess.Popen[bytes]:
        made.append(subprocess.Popen([sys.executable, "-c", script, broker]))
        return made[-1]

    yield run
    for process in made:
        process.kill()
        process.wait()


class Messages:
    """One of each kind, told apart by a number."""

    def event(self, number: int) -> Event:
        return Event(
            id=ulid(number, b"\0" * 10), seq=number, ts=NOW, type=EventType.PRESENCE_START, people=1, valence=0.25
        )

    def state(self, people: int) -> State:
        return State(
            ts=NOW,
            people=people,
            emotion=None,
            confidence=None,
            uncertain=False,
            scores=None,
            valence=None,
            suppressed=False,
        )

    def info(self) -> Info:
        return Info(
            node="n1",
            software_version="1",
            model="m",
            model_sha256="0",
            head="consensus",
            detector="haar",
            runtime="r",
            source="virtual",
            privacy={"k": 1},
        )

    def health(self, uptime_s: float = 1.0) -> Health:
        return Health(
            ts=NOW,
            uptime_s=uptime_s,
            cpu_percent=None,
            memory_mb=None,
            temperature_c=None,
            capture_fps=1,
            process_fps=1,
            skip_fps=0,
            detect_ms_p50=None,
            detect_ms_p95=None,
            infer_ms_p50=None,
            infer_ms_p95=None,
            last_frame_age_s=None,
            queue_depth=0,
            drops=0,
            reconnects=0,
        )


@pytest.fixture
def messages() -> Messages:
    return Messages()
