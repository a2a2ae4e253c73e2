"""As root, checks are made as the user of the installed service, in its sandbox, and say so."""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.cli import main
from edge.diagnostics import displays, machine, service_view
from edge.diagnostics.finding import Status
from edge.diagnostics.refusals import examine, paths_of
from edge.diagnostics.unit import Unit
from edge.system import service_user

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as the service's user")


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The unit that is delivered, at a place of its own."""
    path = tmp_path / "face-edge.service"
    path.write_text((ROOT / "systemd/face-edge.service").read_text())
    monkeypatch.setattr(service_view, "UNIT", path)
    monkeypatch.setattr("edge.diagnostics.refusals.UNIT", path)
    return path


def drop_in(unit: Path, text: str) -> None:
    folder = Path(f"{unit}.d")
    folder.mkdir(exist_ok=True)
    (folder / f"{len(list(folder.iterdir()))}.conf").write_text(f"[Service]\n{text}\n")


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        ("/home/pi/films", "ProtectHome=yes"),
        ("/root/x", "ProtectHome=yes"),
        ("/run/user/1000/x", "ProtectHome=yes"),
        ("/tmp/clip.mp4", "PrivateTmp=yes"),
        ("/var/tmp/clip.mp4", "PrivateTmp=yes"),
        ("/srv/films", None),
        ("/etc/face-edge/config.toml", None),
        ("/homework", None),
        ("/srv/../home/pi", "ProtectHome=yes"),
    ],
)
def test_what_the_delivered_unit_hides(unit: Path, path: str, setting: str | None) -> None:
    assert Unit.read(unit).hides(Path(path)) == setting


@pytest.mark.parametrize(
    ("text", "path", "setting"),
    [
        ("BindReadOnlyPaths=/home/pi/films", "/home/pi/films/a.mp4", None),
        ("BindPaths=/data/films:/home/films:rbind", "/home/films", None),
        ("BindPaths=/data/films:/home/films", "/home/pi", "ProtectHome=yes"),
        ("ProtectHome=no", "/home/pi", None),
        ("ProtectHome=read-only", "/home/pi", None),
        ("ProtectHome=tmpfs", "/home/pi", "ProtectHome=tmpfs"),
        ("InaccessiblePaths=-/srv/secret", "/srv/secret/x", "InaccessiblePaths=-/srv/secret"),
        ("BindReadOnlyPaths=/home/a\nBindReadOnlyPaths=", "/home/a", "ProtectHome=yes"),
    ],
)
def test_drop_ins_count(unit: Path, text: str, path: str, setting: str | None) -> None:
    drop_in(unit, text)
    assert Unit.read(unit).hides(Path(path)) == setting


def test_variables_and_credentials_of_the_unit(unit: Path) -> None:
    drop_in(unit, 'Environment="FACE_EDGE_NODE__ID=hall 1" X=2\nLoadCredential=mqtt-password:/etc/face-edge/p')
    found = Unit.read(unit)
    assert found.environment["FACE_EDGE_NODE__ID"] == "hall 1"
    assert found.environment["FACE_EDGE_LOG__FORMAT"] == "journal", "the unit's own"
    assert found.credentials == {"mqtt-password": Path("/etc/face-edge/p")}


def test_a_machine_without_the_unit_hides_nothing(tmp_path: Path) -> None:
    assert Unit.read(tmp_path / "none.service").hides(Path("/home/pi")) is None


def test_every_path_in_the_configuration_is_looked_at() -> None:
    """A new setting that names a file must be listed, or be one of those that are not read by the device."""
    from pydantic import BaseModel

    not_read = {"node.state_dir", "model.keys"}  # systemd gives the one; commands read the other

    def paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from paths(inner, f"{prefix}{name}.")
            elif "Path" in str(inner):
                yield f"{prefix}{name}"

    flags: dict[str, Any] = dict.fromkeys(set(paths(configuration.Config)) - not_read, "/x/y.z")
    flags |= {"kiosk.enabled": True, "kiosk.tls": "files", "mqtt.broker": "mqtts://h", "source.uri": "/x/clip.mp4"}
    found = {key for key, _ in paths_of(configuration.load(environment={}, flags=flags))}
    assert found == (set(paths(configuration.Config)) - not_read) | {"source.uri"}


def test_what_the_sandbox_hides_is_said_with_its_remedy(unit: Path, tmp_path: Path) -> None:
    drop_in(unit, f"LoadCredential=mqtt-password:{tmp_path}/none")
    flags = {"source.uri": "virtual", "kiosk.enabled": True, "kiosk.media_dir": "/home/pi/films", "node.id": "x"}
    layers = configuration.collect(environment={}, flags=flags | {"node.state_dir": tmp_path / "state"})
    found = examine(layers, as_service=True).problems
    assert any(
        "kiosk.media_dir: the service does not see /home/pi/films (ProtectHome=yes in face-edge.service)" in line
        and "BindReadOnlyPaths=" in line
        for line in found
    )
    assert any(f"LoadCredential=mqtt-password:{tmp_path}/none" in line for line in found)
    assert not any("does not see" in line for line in examine(layers).problems)


def test_controls_that_the_camera_does_not_have_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.core.errors import ConfigError

    def refuse(_source: Any, _root: Path) -> None:
        msg = "source.controls.focus: usb:0 has no such control"
        raise ConfigError(msg, "source.power_line: usb:0 cannot be set")

    monkeypatch.setattr("edge.diagnostics.camera._look_for", refuse)
    flags = {"source.uri": "usb:0", "node.state_dir": tmp_path, "node.id": "x"}
    layers = configuration.collect(environment={}, flags=flags)
    assert examine(layers).problems == [], "nothing is asked of the camera"
    layers = configuration.collect(environment={}, flags=flags | {"source.controls": {"focus": 1}})
    assert [line.split(": ")[1] for line in examine(layers).problems] == ["source.controls.focus", "source.power_line"]


@pytest.fixture
def service(tmp_path: Path, unit: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pwd.struct_passwd]:
    """An installed service whose user is ``nobody`` and whose folders are here."""
    del unit
    account = pwd.getpwnam("nobody")
    monkeypatch.setattr(service_user, "USER", account.pw_name)
    monkeypatch.setattr(service_user, "service_installer", lambda: tmp_path / "install.sh")
    for name in ("STATE", "RUNTIME", "SETTINGS"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setattr(service_user, name, folder)
        if name != "SETTINGS":
            os.chown(folder, account.pw_uid, account.pw_gid)
            folder.chmod(0o700)
    folders = {"STATE_DIRECTORY": tmp_path / "state", "RUNTIME_DIRECTORY": tmp_path / "runtime"}
    monkeypatch.setattr(service_user, "_FOLDERS", folders)
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    # the delivered unit hides /tmp, where tests live
    monkeypatch.setattr(Unit, "hides", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    yield account
    assert (os.geteuid(), Path.cwd()) == (0, tmp_path)


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """pytest's folders are root's alone: others may pass through them meanwhile."""
    closed = [each for each in (folder, *folder.parents) if not each.stat().st_mode & stat.S_IXOTH]
    modes = [stat.S_IMODE(each.stat().st_mode) for each in closed]
    for each, mode in zip(closed, modes, strict=True):
        each.chmod(mode | 0o011)
    try:
        yield
    finally:
        for each, mode in zip(closed, modes, strict=True):
            each.chmod(mode)


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def checked(
    service: pwd.struct_passwd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Any:
    """``checked()``: exit code, output and errors of ``config check`` on the service's configuration."""
    pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
    assert service
    text = (
        'node = { id = "x" }\n[source]\nuri = "virtual"\n[kiosk]\nenabled = true\nport = 0\n'
        f'password_file = "{tmp_path}/settings/operator.hash"\nmedia_dir = "{tmp_path}/settings/films"\n'
    )
    file = written(tmp_path / "settings/config.toml", text, 0o644)

    def run() -> tuple[int, str, str]:
        capfd.readouterr()
        with opened(tmp_path):
            code = main(["config", "check", str(file)])
        out, errors = capfd.readouterr()
        return code, out, errors

    from edge.kiosk.passwords import make_hash

    (tmp_path / "settings/films").mkdir()
    written(tmp_path / "settings/operator.hash", make_hash("correct horse"))
    with monkeypatch.context() as patch:
        # the interpreter of the tests may lie where other users can import nothing: import as root
        patch.setattr(service_user, "service_installer", lambda: None)
        assert main(["config", "check", str(file)]) == 0
    return run


@needs_root
def test_a_secret_that_root_alone_can_read_is_said(checked: Any, service: pwd.struct_passwd, tmp_path: Path) -> None:
    code, _, errors = checked()
    assert code == 3
    assert errors.splitlines()[0] == "checked as the user nobody, who runs the service"
    assert f"kiosk.password_file: {tmp_path}/settings/operator.hash cannot be read" in errors
    os.chown(tmp_path / "settings/operator.hash", service.pw_uid, service.pw_gid)
    code, out, errors = checked()
    assert (code, errors) == (0, "")
    assert out.endswith("config.toml: no mistakes found, checked as the user nobody, who runs the service\n")


@needs_root
def test_a_folder_that_the_service_may_not_enter_is_said(
    checked: Any, service: pwd.struct_passwd, tmp_path: Path
) -> None:
    os.chown(tmp_path / "settings/operator.hash", service.pw_uid, service.pw_gid)
    (tmp_path / "settings/films").chmod(0o700)
    code, _, errors = checked()
    assert (code, "kiosk.media_dir" in errors, "Permission denied" in errors) == (3, True, True)


@needs_root
def test_a_configuration_that_the_service_cannot_read_is_said(checked: Any, tmp_path: Path) -> None:
    (tmp_path / "settings/config.toml").chmod(0o600)
    code, _, errors = checked()
    assert (code, "config.toml: Permission denied" in errors) == (3, True)


@needs_root
def test_groups_and_folders_are_those_of_the_service(service: pwd.struct_passwd, tmp_path: Path) -> None:
    display = [{"kind": "leds", "leds": {"sad": 5}}]
    config = configuration.load(environment={}, flags={"source.uri": "usb:0", "display": display, "node.id": "x"})
    assert displays.groups(config).status is Status.OK, "root needs none"
    with opened(tmp_path), service_view.acting() as owner:
        assert owner == service
        groups = displays.groups(config)
        [state] = machine.storage(config)
        Path("state-of-the-service").touch()
    assert (groups.status, groups.message) == (Status.WARN, "not a member of gpio, video")
    assert groups.remedy == "sudo usermod -aG gpio,video nobody, then sudo systemctl restart face-edge"
    assert (state.status, str(tmp_path / "state") in state.message) == (Status.OK, True)
    assert (tmp_path / "state/state-of-the-service").stat().st_uid == service.pw_uid
    os.chown(tmp_path / "state", 0, 0)
    with opened(tmp_path), service_view.acting():
        [state] = machine.storage(config)
    assert state.status is Status.FAIL
    assert state.remedy.startswith("sudo chown nobody ")


@needs_root
def test_credentials_are_handed_over_as_systemd_does(
    service: pwd.struct_passwd, unit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_in(unit, f"LoadCredential=mqtt-password:{written(tmp_path / 'settings/p', 'secret')}\nEnvironment=FACE_X=1")
    monkeypatch.setattr(service_view, "_MEMORY", tmp_path)
    with opened(tmp_path), service_view.acting():
        handed = configuration.secret_file(None, "mqtt-password")
        assert handed is not None
        assert handed.read_text() == "secret"
        assert (handed.stat().st_uid, os.environ["FACE_X"], os.environ["HOME"]) == (
            service.pw_uid,
            "1",
            service.pw_dir,
        )
    assert not handed.exists()
    assert not {"FACE_X", "CREDENTIALS_DIRECTORY"} & set(os.environ)


@needs_root
def test_whom_is_said(service: pwd.struct_passwd) -> None:
    assert service_view.described(None) == "checked as root"
    assert service_view.described(service).startswith("checked as nobody, who runs the service; groups: ")


@needs_root
def test_without_the_service_root_checks_as_itself(service: pwd.struct_passwd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert service
    monkeypatch.setattr(service_user, "service_installer", lambda: None)
    with service_view.acting() as owner:
        assert (owner, os.geteuid()) == (None, 0)
