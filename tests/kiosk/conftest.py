"""A kiosk without a loop behind it, and browsers that speak to it through ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

from edge import config as configuration
from edge.core.commands import Answer, Command, CommandQueue
from edge.kiosk import passwords
from edge.kiosk.app import Kiosk
from edge.kiosk.passwords import make_hash
from edge.kiosk.topic_cache import TopicCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.kiosk.picture import FrameTap

PASSWORD = "correct horse"
TOKEN = "let me watch"


class PromptInbox(CommandQueue):
    """Keeps what is asked in ``asked`` and answers at once, as ``says`` tells."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Command] = []
        self.says = Answer({"done": True})

    def offer(
        self, command: Command, answer: Callable[[Answer], None] = lambda _: None, *, remote: bool = False
    ) -> bool:
        assert not remote, "the page asks on this machine"
        self.asked.append(command)
        answer(self.says)
        return True


class Browser:
    """A test client that keeps cookies, and shows the CSRF token as the pages do."""

    def __init__(self, kiosk: Kiosk, host: str = "localhost:8080", address: str = "192.0.2.7") -> None:
        self.client = TestClient(kiosk.app, base_url=f"http://{host}", follow_redirects=False, client=(address, 1))
        self.token = ""

    def visit(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/api/visit").json()
        self.token = found["csrf"]
        return found

    def post(self, path: str, body: object | None = None, **headers: str) -> Any:
        if not self.token:
            self.visit()
        sent = {"x-csrf-token": self.token} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/api/{path}", json={} if body is None else body, headers=sent)

    def login(self, password: str) -> Any:
        answer = self.post("login", {"password": password})
        if answer.status_code == 200:
            self.token = answer.json()["csrf"]
        return answer


@pytest.fixture(scope="session")
def hashes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hashes")
    paths = {"password_file": folder / "operator", "viewer_token_file": folder / "viewer"}
    for path, secret in zip(paths.values(), (PASSWORD, TOKEN), strict=True):
        path.write_text(make_hash(secret) + "\n")
    return paths


@pytest.fixture(scope="session")
def cheap_hashes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Hashes of the same that take no time to compute."""
    folder = tmp_path_factory.mktemp("cheap")
    paths = {"password_file": folder / "operator", "viewer_token_file": folder / "viewer"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_COST", passwords._Cost(log2_n=1, r=1, p=1))
        for path, secret in zip(paths.values(), (PASSWORD, TOKEN), strict=True):
            path.write_text(make_hash(secret) + "\n")
    return paths


@pytest.fixture
def inbox() -> PromptInbox:
    return PromptInbox()


@pytest.fixture
def make_kiosk(tmp_path: Path, inbox: PromptInbox) -> Callable[..., Kiosk]:
    """``make_kiosk(tap=None, **settings)``: settings of ``[kiosk]``, or of other sections by their dotted names."""

    def make(tap: FrameTap | None = None, **settings: Any) -> Kiosk:
        flags = {name if "." in name else f"kiosk.{name}": value for name, value in settings.items()}
        base = {"node.id": "n1", "node.state_dir": tmp_path, "kiosk.enabled": True}
        return Kiosk(configuration.load(environment={}, flags=base | flags), TopicCache(), inbox, tap)

    return make


@pytest.fixture
def open_kiosk(make_kiosk: Callable[..., Kiosk]) -> Kiosk:
    """On this machine only, without a password."""
    return make_kiosk()


@pytest.fixture
def guarded(make_kiosk: Callable[..., Kiosk], hashes: dict[str, Path]) -> Kiosk:
    """For the network, with a password and a viewers' token."""
    return make_kiosk(host="0.0.0.0", **hashes)


@pytest.fixture
def browser() -> Callable[..., Browser]:
    return Browser
