from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.core.errors import AlreadyRunning, ConfigError
from edge.runtime.lock import InstanceLock, runtime_dir

HOLD = """
import sys
from pathlib import Path
from edge.runtime.lock import InstanceLock
with InstanceLock(Path(sys.argv[1]), sys.argv[2], environment={}):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _no_runtime_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A place that does not exist, so that the given directory is used whatever machine this is."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "absent"))


def lock(folder: Path, name: str) -> InstanceLock:
    return InstanceLock(folder, name)


def start_holder(folder: Path, name: str) -> subprocess.Popen[str]:
    script = HOLD.replace("environment={}", f"environment={{'RUNTIME_DIRECTORY': {str(folder)!r}}}")
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_on_a_node_id_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    with start_holder(tmp_path, "node hall-1") as holder:
        with pytest.raises(AlreadyRunning) as caught:
            lock(tmp_path, "node hall-1").acquire()
        assert str(caught.value) == (
            f"node id 'hall-1' is already run by process {holder.pid}: stop it or set another node.id"
        )
        assert caught.value.exit_code == 9
        holder.communicate()
    with lock(tmp_path, "node hall-1"):
        pass


def test_a_second_process_on_a_camera_is_refused(tmp_path: Path) -> None:
    with (
        lock(tmp_path, "camera usb:0"),
        pytest.raises(AlreadyRunning, match=rf"camera usb:0 is already used by process {os.getpid()}"),
    ):
        lock(tmp_path, "camera usb:0").acquire()


def test_a_killed_holder_leaves_nothing_that_hinders(tmp_path: Path) -> None:
    with start_holder(tmp_path, "node a") as holder:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with lock(tmp_path, "node a") as held:
        assert held.path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("left", ["", "99999999\n", "not a number", "\x00" * 64])
def test_a_stale_file_is_taken_over(tmp_path: Path, left: str) -> None:
    path = lock(tmp_path, "node a").path
    path.write_text(left)
    with lock(tmp_path, "node a"):
        assert path.read_text() == f"{os.getpid()}\n"
    assert path.read_text() == ""


def test_a_holder_that_wrote_no_number_yet_is_still_refused(tmp_path: Path) -> None:
    with lock(tmp_path, "node a") as held:
        held.path.write_text("")
        with pytest.raises(AlreadyRunning, match="already run by another process"):
            lock(tmp_path, "node a").acquire()


def test_release_and_acquire_may_be_repeated(tmp_path: Path) -> None:
    held = lock(tmp_path, "node a")
    held.release()
    held.acquire()
    held.acquire()
    held.release()
    held.release()
    with held:
        pass


def test_names_that_differ_do_not_meet(tmp_path: Path) -> None:
    names = ["node a", "node b", "camera usb:0", "camera usb-0", "camera usb%3A0", "camera /dev/video0"]
    names += ["camera rtsp://host/" + "x" * 300 + end for end in "12"]
    locks = [lock(tmp_path, name) for name in names]
    assert len({held.path for held in locks}) == len(names)
    for held in locks:
        held.acquire()
        assert held.path.parent == tmp_path
    for held in locks:
        held.release()


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^node.state_dir: cannot write .*file/x.*: Not a directory; make it"):
        lock(tmp_path / "file" / "x", "node a").acquire()


def test_the_runtime_directory_comes_first_then_the_users_then_the_state_directory(tmp_path: Path) -> None:
    of_user = tmp_path / "user"
    of_user.mkdir()
    environment = {"RUNTIME_DIRECTORY": "/run/face-edge:/run/other", "XDG_RUNTIME_DIR": str(of_user)}
    assert runtime_dir(tmp_path, environment) == Path("/run/face-edge")
    del environment["RUNTIME_DIRECTORY"]
    assert runtime_dir(tmp_path, environment) == of_user
    of_user.rmdir()
    assert runtime_dir(tmp_path, environment) == tmp_path


def test_the_lock_file_is_private_without_the_help_of_the_umask(tmp_path: Path) -> None:
    held = lock(tmp_path, "node a")
    mask = os.umask(0)
    try:
        held.acquire()
    finally:
        os.umask(mask)
    assert held.path.stat().st_mode & 0o777 == 0o600
    held.release()
