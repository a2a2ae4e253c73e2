"""What root writes for the installed service belongs to it, and commands that keep state act as its user."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.cli.config import config
from edge.cli.kiosk import kiosk
from edge.cli.settings import Settings
from edge.core.errors import InputError
from edge.system import service_user

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pwd.struct_passwd]:
    """The service's folders here, and an account of the system in the place of its own."""
    for name in ("STATE", "RUNTIME", "SETTINGS"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setattr(service_user, name, folder)
    monkeypatch.setattr(
        service_user, "_FOLDERS", {"STATE_DIRECTORY": tmp_path / "state", "RUNTIME_DIRECTORY": tmp_path / "runtime"}
    )
    monkeypatch.setattr(service_user, "USER", "nobody")
    account = pwd.getpwnam("nobody")
    for folder in (tmp_path / "state", tmp_path / "runtime"):
        os.chown(folder, account.pw_uid, account.pw_gid)
        folder.chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            monkeypatch.setattr(service_user, "closed_to", _within(tmp_path))
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    yield account
    assert os.geteuid() == 0


def _within(folder: Path) -> object:
    """``closed_to`` without the folders that pytest made for root alone."""
    whole = service_user.closed_to

    def closed_to(owner: pwd.struct_passwd, path: Path) -> Path | None:
        opened = [each for each in (folder, *folder.parents) if not each.stat().st_mode & 0o001]
        modes = [each.stat().st_mode for each in opened]
        for each in opened:
            each.chmod(0o711)
        try:
            return whole(owner, path)
        finally:
            for each, mode in zip(opened, modes, strict=True):
                each.chmod(mode)

    return closed_to


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_user, "service_installer", lambda: tmp_path / "install.sh")


def imports(words: list[str]) -> None:
    """Run a command as root before: the interpreter of the tests may lie where other users can import nothing."""
    main(words)
    assert "localhost".encode("idna") == b"localhost"


def readable_by(account: pwd.struct_passwd, path: Path) -> bool:
    """Whether the kernel lets the account read the file, from the file's own folder."""
    code = (
        f"import os; os.chdir({str(path.parent)!r}); os.setgroups([]); os.setgid({account.pw_gid}); "
        f"os.setuid({account.pw_uid}); os.open({path.name!r}, os.O_RDONLY)"
    )
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_password_file_made_by_root_belongs_to_the_service(service: pwd.struct_passwd, tmp_path: Path) -> None:
    path = tmp_path / "settings/secrets/operator.hash"
    mask = os.umask(0o077)  # as hardened systems have it
    try:
        made = CliRunner().invoke(kiosk, ["password", "--output", str(path)], input="correct horse\n")
    finally:
        os.umask(mask)
    assert made.exit_code == 0, made.output
    assert "for the user nobody" in made.stderr
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (service.pw_uid, service.pw_gid, 0o600)
    assert path.parent.stat().st_uid == service.pw_uid, "the folder that was made for it, too"
    assert readable_by(service, path)


def test_a_place_that_the_service_cannot_enter_is_said(
    service: pwd.struct_passwd, installed: None, tmp_path: Path
) -> None:
    assert service
    assert installed is None
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    refused = CliRunner().invoke(kiosk, ["password", "--output", str(closed / "hash")], input="correct horse\n")
    assert isinstance(refused.exception, InputError)
    assert f"may not enter {closed}: choose a place below {tmp_path}/settings" in str(refused.exception)


def test_elsewhere_root_keeps_what_it_writes(service: pwd.struct_passwd, tmp_path: Path) -> None:
    assert service
    path = tmp_path / "elsewhere.hash"
    assert CliRunner().invoke(kiosk, ["password", "--output", str(path)], input="correct horse\n").exit_code == 0
    assert path.stat().st_uid == 0


def test_a_first_configuration_can_be_read_by_the_service(service: pwd.struct_passwd, tmp_path: Path) -> None:
    path = tmp_path / "settings/config.toml"
    mask = os.umask(0o077)
    try:
        assert CliRunner().invoke(config, ["init", str(path)]).exit_code == 0
        assert readable_by(service, path)
        path.chmod(0o640)
        os.chown(path, 0, service.pw_gid)
        assert CliRunner().invoke(config, ["init", "--force", str(path)]).exit_code == 0
    finally:
        os.umask(mask)
    found = path.stat()
    assert (found.st_gid, found.st_mode & 0o777) == (service.pw_gid, 0o640), "as the operator had it"


def test_the_certificate_that_root_asks_for_is_the_service_s(
    service: pwd.struct_passwd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cryptography", reason="the extra `kiosk` is not installed")
    words = ["--set", "kiosk.tls=self-signed", "kiosk", "certificate"]
    imports(["--set", f"node.state_dir={tmp_path}/own", *words])
    monkeypatch.setattr(service_user, "service_installer", lambda: tmp_path / "install.sh")
    with _entered(tmp_path):
        assert main(words) == 0
        assert "SHA-256" in capsys.readouterr().out
    pem = tmp_path / "state/kiosk-tls.pem"
    assert (pem.stat().st_uid, pem.stat().st_mode & 0o777) == (service.pw_uid, 0o600)


def test_retire_holds_the_lock_of_the_service(
    service: pwd.struct_passwd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edge.runtime.lock import InstanceLock

    words = ["--set", "node.id=hall", "--set", "mqtt.broker=mqtt://127.0.0.1:9", "retire"]
    imports(["--set", f"node.state_dir={tmp_path}/own", *words])
    capsys.readouterr()
    monkeypatch.setattr(service_user, "service_installer", lambda: tmp_path / "install.sh")
    with _entered(tmp_path):
        running = {"RUNTIME_DIRECTORY": str(tmp_path / "runtime")}
        with InstanceLock(tmp_path / "state", "node hall", environment=running):
            os.chown(tmp_path / "runtime/face-edge-node-hall.lock", service.pw_uid, service.pw_gid)
            assert main(words) == 9
            assert "already run by process" in capsys.readouterr().err
        assert main(words) == 7, "nobody listens there"
    for path in (tmp_path / "state", tmp_path / "runtime"):
        assert {each.stat().st_uid for each in path.rglob("*")} <= {service.pw_uid}


def test_settings_of_the_process_are_as_before(
    service: pwd.struct_passwd, installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed is None
    groups = os.getgroups()
    seen: list[object] = []

    def act() -> None:
        with service_user.acting():
            seen.extend((os.geteuid(), os.getegid(), os.environ["STATE_DIRECTORY"]))
            raise KeyError

    def forbidden(_mask: int) -> int:
        pytest.fail("the umask is the whole process's: other threads create files meanwhile")

    monkeypatch.setattr(os, "umask", forbidden)

    with pytest.raises(KeyError):
        act()
    assert seen == [service.pw_uid, service.pw_gid, str(tmp_path / "state")]
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, groups)
    assert "STATE_DIRECTORY" not in os.environ


def test_without_the_service_nothing_changes(service: pwd.struct_passwd) -> None:
    assert service
    with service_user.acting():
        assert os.geteuid() == 0
    settings = Settings(overrides={"kiosk.tls": "off"})
    assert isinstance(CliRunner().invoke(kiosk, ["certificate"], obj=settings).exception, InputError)


class _entered:  # noqa: N801 - used as a statement
    """pytest's folders are root's alone: others may pass through them meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folders = [each for each in (folder, *folder.parents) if not each.stat().st_mode & 0o001]
        self._modes = [each.stat().st_mode & 0o7777 for each in self._folders]

    def __enter__(self) -> None:
        for each in self._folders:
            each.chmod(0o711)

    def __exit__(self, *_: object) -> None:
        for each, mode in zip(self._folders, self._modes, strict=True):
            each.chmod(mode)
