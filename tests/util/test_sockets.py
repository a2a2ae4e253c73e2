"""Servers of the device: which addresses they serve, and how they say that one cannot be had."""

from __future__ import annotations

import errno
import socket
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.config import MetricsConfig, MqttConfig
from edge.core.errors import ConfigError, SinkError
from edge.sinks.mqtt.options import options
from edge.util.sockets import ServerDescription, in_url, listen, local_address, plain_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = ServerDescription("the page", "kiosk.host", "set kiosk.port")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def reached(listener: socket.socket, host: str) -> bool:
    """Whether a client at ``host`` gets through to ``listener``."""
    try:
        with socket.create_connection((host, listener.getsockname()[1]), timeout=30):
            listener.accept()[0].close()
            return True
    except ConnectionRefusedError:
        return False


@pytest.mark.parametrize(
    ("host", "ipv4", "ipv6"),
    [
        pytest.param("::", True, True, marks=needs_ipv6),
        pytest.param("::1", False, True, marks=needs_ipv6),
        ("0.0.0.0", True, False),
        ("127.0.0.1", True, False),
    ],
)
def test_which_clients_an_address_serves(host: str, ipv4: bool, ipv6: bool) -> None:
    with listen(host, 0, SERVICE) as listener:
        assert reached(listener, "127.0.0.1") is ipv4
        if has_ipv6():
            assert reached(listener, "::1") is ipv6


@pytest.mark.parametrize("host", ["0.0.0.0", pytest.param("::", marks=needs_ipv6), "127.0.0.1"])
def test_the_devices_own_client_reaches_what_it_serves(host: str) -> None:
    with listen(host, 0, SERVICE) as listener:
        assert reached(listener, local_address(host))


@pytest.fixture
def without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that was started with ``ipv6.disable=1``."""
    real = socket.create_server

    def create(address: Any, *, family: int = socket.AF_INET, **rest: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(address, family=family, **rest)

    monkeypatch.setattr(socket, "create_server", create)


@pytest.mark.usefixtures("without_ipv6")
def test_without_ipv6_all_addresses_are_those_of_ipv4(caplog: pytest.LogCaptureFixture) -> None:
    with listen("::", 0, SERVICE) as listener:
        assert reached(listener, "127.0.0.1")
    assert caplog.messages == ["kiosk.host: this machine has no IPv6: the page is served over IPv4 only"]


@pytest.mark.usefixtures("without_ipv6")
def test_without_ipv6_an_address_of_it_is_refused() -> None:
    with pytest.raises(SinkError, match=r"^::1 is not an address of this machine: set kiosk\.host$"):
        listen("::1", 0, SERVICE)


@needs_ipv6
def test_a_port_that_another_holds_over_ipv4_is_taken_for_both() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SinkError, match=rf"^port {port} is used by another program: stop it or set kiosk\.port$"):
            listen("::", port, SERVICE)


@pytest.mark.parametrize("host", ["192.0.2.1", pytest.param("2001:db8::1", marks=needs_ipv6)])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(SinkError, match=rf"^{host} is not an address of this machine: set kiosk\.host$"):
        listen(host, 0, SERVICE)


@needs_ipv6
def test_a_link_local_address_needs_its_interface() -> None:
    with pytest.raises(SinkError, match=r"needs its interface, as in fe80::1%eth0"):
        listen("fe80::1", 0, SERVICE)


@pytest.mark.parametrize("setting", ["kiosk.host", "metrics.host", "mqtt.embedded_host"])
@pytest.mark.parametrize("value", ["", "foyer.lan", "all", "*", "[::1]:8080", "127.0.0.1:8080", "300.0.0.1"])
def test_what_is_no_address_is_refused_with_the_usual_ones(setting: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configuration.load(environment={}, flags={setting: value})
    assert f"{setting}: expected an IP address" in str(caught.value)
    assert "0.0.0.0 for IPv4, :: for IPv4 and IPv6" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "served"),
    [
        ("localhost", "127.0.0.1"),
        ("[::]", "::"),
        ("[::1]", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("0:0:0:0:0:0:0:0", "::"),
    ],
)
def test_forms_of_one_address(given: str, served: str) -> None:
    assert configuration.load(environment={}, flags={"kiosk.host": given}).kiosk.host == served


def test_addresses_in_urls_and_of_peers() -> None:
    assert in_url("::1") == "[::1]"
    assert in_url("127.0.0.1") == "127.0.0.1"
    assert plain_address("::ffff:192.0.2.7") == "192.0.2.7"
    assert plain_address("fe80::1%eth0") == "fe80::1"
    assert plain_address("testclient") == "testclient"


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "mqtt://127.0.0.1:1883"), ("::", "mqtt://127.0.0.1:1883"), ("::1", "mqtt://[::1]:1883")],
)
def test_the_feeds_own_address_of_the_embedded_broker(host: str, address: str) -> None:
    config = MqttConfig(broker="embedded", embedded_host=host, username="u", password="p")
    assert options(config, "n1").address == address


@needs_ipv6
def test_the_embedded_broker_serves_both(subscribe: Callable[..., Any]) -> None:
    pytest.importorskip("amqtt", reason="needs the embedded broker: pip install -e '.[broker]'")
    from edge.sinks.mqtt.embedded import EmbeddedBroker
    from edge.sinks.mqtt.sink import MqttSink

    with EmbeddedBroker(0, "::", username="u", password="p") as broker:
        config = MqttConfig.model_validate(
            {"broker": f"embedded:{broker.port}", "embedded_host": "::", "username": "u", "password": "p"}
        )
        sink = MqttSink(config, "n1")
        sink.open()
        try:
            for host in ("127.0.0.1", "::1"):
                subscriber = subscribe(broker.port, host=host, mqtt5=False, credentials=("u", "p"))
                assert subscriber.wait("availability")[0].payload == "online", host
        finally:
            sink.close()


@needs_ipv6
def test_metrics_are_served_over_both() -> None:
    pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")
    from edge.sinks.metrics.sink import MetricsSink

    sink = MetricsSink(MetricsConfig(host="::", port=0))
    sink.open()
    try:
        assert sink.url is not None
        port = sink.url.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            with urllib.request.urlopen(f"http://{host}:{port}", timeout=30) as answer:
                assert answer.status == 200
    finally:
        sink.close()


@pytest.fixture
def page(tmp_path: Any) -> Iterator[Callable[[str], Any]]:
    """``page(host)``: a server of the page that runs."""
    pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
    from edge.core.commands import CommandQueue
    from edge.kiosk.app import Kiosk
    from edge.kiosk.passwords import make_hash
    from edge.kiosk.server import Server
    from edge.kiosk.topic_cache import TopicCache

    (tmp_path / "hash").write_text(make_hash("correct horse") + "\n")
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "kiosk.enabled": True, "kiosk.port": 0}
    flags["kiosk.password_file"] = tmp_path / "hash"
    made: list[Any] = []

    def make(host: str) -> Any:
        config = configuration.load(environment={}, flags=flags | {"kiosk.host": host})
        made.append(Server(Kiosk(config, TopicCache(), CommandQueue())))
        made[-1].start()
        return made[-1]

    yield make
    for server in made:
        server.stop()


@needs_ipv6
def test_the_page_is_served_over_both(page: Callable[[str], Any]) -> None:
    server = page("::")
    port = server.url.rpartition(":")[2]
    for url in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}", server.url):
        with urllib.request.urlopen(f"{url}/about", timeout=30) as answer:
            assert answer.status == 200, url
