"""Brokers and proxies as people run them; `make test-brokers` starts each that is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SWITCH = "FACE_EDGE_TEST_BROKERS"
_START_TIMEOUT_S = 180
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/lib/rabbitmq/bin"
_NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
_AEDES = """const { Aedes } = require("aedes");
Aedes.createBroker({}).then((aedes) =>
  require("net").createServer(aedes.handle).listen(Number(process.argv[2]), "127.0.0.1"));
"""

results: list[dict[str, Any]] = []


@pytest.fixture
def record() -> Callable[..., None]:
    """``record(broker=…, …)``: a row of the table at the end."""
    return lambda **row: results.append(row)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was measured, as a table."""
    if not results:
        return
    columns = list(results[0])
    terminalreporter.section("brokers")
    for row in (dict(zip(columns, columns, strict=True)), dict.fromkeys(columns, "---"), *results):
        terminalreporter.write_line(f"| {' | '.join(str(row[column]) for column in columns)} |")


def program(name: str, package: str) -> str:
    """Return where ``name`` is, or skip."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed: apt install {package}")
    return found


class Server:
    """A process that listens on a port; with all its children it ends with :meth:`stop`."""

    def __init__(
        self, command: list[str], port: int, log: Path, eventually: Callable[..., bool], **environment: str
    ) -> None:
        self.port = port
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | environment, start_new_session=True
            )

        def answers() -> bool:
            assert self._process.poll() is None, log.read_text(errors="replace")[-3000:]
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        assert eventually(answers, _START_TIMEOUT_S), log.read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """End it with its children; harmless when repeated."""
        if self._process.returncode is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def serve(tmp_path: Path, eventually: Callable[..., bool]) -> Iterator[Callable[..., Server]]:
    """``serve(command, port, **environment)``: a server that runs until the test ends."""
    made: list[Server] = []

    def start(command: list[str], port: int, **environment: str) -> Server:
        made.append(Server(command, port, tmp_path / f"server-{len(made)}.log", eventually, **environment))
        return made[-1]

    yield start
    for server in reversed(made):
        server.stop()


@pytest.fixture
def haproxy(
    tmp_path: Path, free_port: Callable[[], int], certificates: Any, serve: Callable[..., Server]
) -> Callable[[int], int]:
    """``haproxy(port)``: the port on which HAProxy ends TLS in front of ``port``."""
    path = program("haproxy", "haproxy")

    def start(target: int) -> int:
        port = free_port()
        both = tmp_path / "haproxy.pem"
        both.write_bytes(certificates.server.read_bytes() + certificates.server_key.read_bytes())
        config = tmp_path / "haproxy.cfg"
        config.write_text(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 5m\n timeout server 5m\n"
            f"frontend mqtt\n bind 127.0.0.1:{port} ssl crt {both}\n default_backend broker\n"
            f"backend broker\n server one 127.0.0.1:{target}\n"
        )
        return serve([path, "-db", "-f", str(config)], port).port

    return start


@pytest.fixture
def nginx_stream(
    tmp_path: Path, free_port: Callable[[], int], certificates: Any, serve: Callable[..., Server]
) -> Callable[[int], int]:
    """``nginx_stream(port)``: the port on which nginx ends TLS in front of ``port``."""
    path = program("nginx", "nginx-light libnginx-mod-stream")
    if not _NGINX_MODULE.exists():
        pytest.skip("nginx has no stream module: apt install libnginx-mod-stream")

    def start(target: int) -> int:
        port = free_port()
        config = tmp_path / "nginx.conf"
        config.write_text(
            f"load_module {_NGINX_MODULE};\ndaemon off;\nworker_processes 1;\npid {tmp_path}/nginx.pid;\n"
            f"error_log {tmp_path}/nginx.log;\nevents {{}}\nstream {{ server {{ listen 127.0.0.1:{port} ssl;\n"
            f"ssl_certificate {certificates.server};\nssl_certificate_key {certificates.server_key};\n"
            f"proxy_pass 127.0.0.1:{target}; }} }}\n"
        )
        return serve([path, "-e", str(tmp_path / "nginx.log"), "-c", str(config)], port).port

    return start


@pytest.fixture
def rabbitmq(tmp_path: Path, free_port: Callable[[], int], serve: Callable[..., Server]) -> Iterator[int]:
    """The port of RabbitMQ's MQTT plug-in."""
    path = program("rabbitmq-server", "rabbitmq-server")
    epmd = program("epmd", "erlang-base")
    port, names, distribution = free_port(), free_port(), free_port()
    (tmp_path / "rabbitmq.conf").write_text(
        f"listeners.tcp = none\nmqtt.listeners.tcp.1 = 127.0.0.1:{port}\nmqtt.allow_anonymous = true\n"
    )
    (tmp_path / "plugins").write_text("[rabbitmq_mqtt].\n")
    environment = {
        "HOME": str(tmp_path),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_NODENAME": f"face-edge-{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(tmp_path / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(tmp_path / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(tmp_path / "data"),
        "RABBITMQ_LOG_BASE": str(tmp_path / "log"),
        "RABBITMQ_PID_FILE": str(tmp_path / "pid"),
    }
    # Debian's wrapper changes the user; the script behind it does not
    direct = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    server = serve([str(direct if direct.exists() else path)], port, **environment)
    yield server.port
    server.stop()
    # the names' server, which Erlang starts, outlives it
    subprocess.run([epmd, "-port", str(names), "-kill"], check=False, capture_output=True)


@pytest.fixture
def aedes(tmp_path: Path, free_port: Callable[[], int], serve: Callable[..., Server]) -> int:
    """The port of Aedes, a broker in JavaScript, fetched by npm."""
    node, npm = program("node", "nodejs"), program("npm", "npm")
    (tmp_path / "package.json").write_text("{}")
    got = subprocess.run([npm, "install", "aedes@1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip(f"npm cannot fetch aedes: {(got.stderr.strip().splitlines() or ['no reason given'])[0]}")
    script = tmp_path / "broker.js"
    script.write_text(_AEDES)
    return serve([node, str(script), str(port := free_port())], port).port
