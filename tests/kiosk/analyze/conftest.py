"""A kiosk that really serves, with a worker that gets its turn also on a busy machine, and visitors."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
httpx2 = pytest.importorskip("httpx2", reason="visitors send with httpx2")

from edge import config as configuration
from edge.core.commands import CommandQueue
from edge.kiosk.analyze.store import Store
from edge.kiosk.app import Kiosk
from edge.kiosk.server import Server
from edge.kiosk.topic_cache import TopicCache
from edge.kiosk.worker import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT_S = 60.0
PORTRAIT = Path("edge/sources/assets/portrait.jpg")


class Visitor:
    """One browser, at this address of the machine."""

    def __init__(self, url: str, address: str = "127.0.0.1") -> None:
        transport = httpx2.HTTPTransport(local_address=address)
        self.http = httpx2.Client(base_url=url, timeout=30, transport=transport)
        self.token = self.http.get("/api/visit").json()["csrf"]

    @property
    def headers(self) -> dict[str, str]:
        return {"x-csrf-token": self.token}

    def announce(self, name: str, data: bytes, size: int | None = None) -> Any:
        head = base64.b64encode(data[:512]).decode()
        body = {"name": name, "size": len(data) if size is None else size, "head": head}
        return self.http.post("/api/analyze/files", json=body, headers=self.headers)

    def put(self, identity: str, data: Any) -> Any:
        return self.http.put(f"/api/analyze/files/{identity}", content=data, headers=self.headers)

    def send(self, name: str, data: bytes) -> str:
        told = self.announce(name, data)
        assert told.status_code == 201, told.text
        identity: str = told.json()["id"]
        assert self.put(identity, data).status_code == 200
        return identity

    def delete(self, identity: str) -> Any:
        return self.http.delete(f"/api/analyze/files/{identity}", headers=self.headers)

    def get(self, identity: str, name: str, **more: Any) -> Any:
        return self.http.get(f"/api/analyze/files/{identity}/{name}", **more)

    def files(self) -> dict[str, dict[str, Any]]:
        """How the visitor's files do, as the page hears it first."""
        with self.http.stream("GET", "/api/analyze/live?tab=test") as stream:
            lines = stream.iter_lines()
            for line in lines:
                if line == "event: files":
                    return {job["id"]: job for job in json.loads(next(lines).removeprefix("data: "))}
        raise AssertionError

    def wait_for(self, identity: str, *states: str) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            found = self.files().get(identity)
            if found is not None and found["state"] in states:
                return found
            time.sleep(0.05)
        pytest.fail(f"{identity} is never {states}: {self.files()}")

    def leave(self) -> Any:
        return self.http.post("/api/analyze/leave", json={"tab": "test"}, headers=self.headers)


class Served:
    """A kiosk on a free port; ``uploads`` is the folder in which all files lie."""

    def __init__(self, kiosk: Kiosk, uploads: Path) -> None:
        self.kiosk = kiosk
        self.desk = kiosk.desk
        self.uploads = uploads
        self.server = Server(kiosk)
        self.server.start()
        self.visitors: list[Visitor] = []

    def visitor(self, address: str = "127.0.0.1") -> Visitor:
        made = Visitor(self.server.url, address)
        self.visitors.append(made)
        return made

    def left(self, *identities: str) -> list[Path]:
        """Files of visitors on disk; of these alone where some are named."""
        files = [path for path in self.uploads.rglob("*") if path.is_file() and path.name != "lock"]
        return [path for path in files if not identities or path.parent.name in identities]

    def gone(self, *identities: str) -> bool:
        """Whether nothing is left of them: files are deleted on a thread of its own, after the answer."""
        deadline_s = time.monotonic() + WAIT_S
        while self.left(*identities) and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return not self.left(*identities)

    def close(self) -> None:
        for visitor in self.visitors:
            visitor.http.close()
        self.server.stop()


def start_kiosk(kiosk: Kiosk, uploads: Path) -> Served:
    """Serve, with uploads in this folder and a worker that takes its turn."""
    uploads.mkdir(exist_ok=True)
    kiosk.desk.store = Store(4 * kiosk.desk.upload_bytes, parents=lambda: [uploads])
    kiosk.desk.reader.idle = kiosk.desk.pictures.idle = False
    return Served(kiosk, uploads)


@pytest.fixture
def serve(
    make_kiosk: Callable[..., Kiosk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Served]]:
    """``serve(**settings)``: a kiosk of the test's own."""
    monkeypatch.setattr(program, "NICENESS", 0)
    served: list[Served] = []

    def start(**settings: Any) -> Served:
        served.append(start_kiosk(make_kiosk(port=0, **settings), tmp_path / "uploads"))
        return served[-1]

    yield start
    for each in served:
        each.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A kiosk for tests that disturb no other visitor: its worker is warm."""
    folder = tmp_path_factory.mktemp("kiosk")
    flags = {"node.id": "n1", "node.state_dir": folder, "kiosk.enabled": True, "kiosk.port": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "NICENESS", 0)
        config = configuration.load(environment={}, flags=flags)
        served = start_kiosk(Kiosk(config, TopicCache(), CommandQueue()), folder / "uploads")
        yield served
        served.close()


@pytest.fixture
def visitor(shared: Served) -> Visitor:
    """Somebody new at the shared kiosk."""
    return shared.visitor()


@pytest.fixture
def portrait() -> bytes:
    """A photograph with one face, in the public domain."""
    return (Path(__file__).parents[3] / PORTRAIT).read_bytes()
