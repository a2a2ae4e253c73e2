"""What code that has taken over a reader of strangers' files can do: each attempt is made from inside."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import ModelConfig
from edge.core.errors import ModelError
from edge.kiosk.worker import Limits, Message, Program, Template, Worker, manager, program
from edge.models import trial
from edge.sandbox import broker as brokers
from edge.sandbox import confine
from edge.sandbox.broker import Access

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(confine.why_not()), reason=f"no confinement here: {confine.why_not()}"),
]

INSIDE = """
import ctypes, os, resource, socket, subprocess, threading
from edge.kiosk.worker import Message

def thread():
    one = threading.Thread(target=lambda: None)
    one.start()
    one.join()

def call(number, *arguments):
    system = ctypes.CDLL(None, use_errno=True)
    if system.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "raw call")

def put(path):
    with open(path, "w") as file:
        file.write("text")

def get(path):
    with open(path) as file:
        return file.read()

def lift():
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
    except ValueError:  # what Python makes of EPERM
        raise PermissionError(1, "no") from None

def make(settings):
    def handle(message):
        try:
            names = {**message.head, **globals()}
            found = eval(message.head["do"], names)
            yield Message({"found": found if isinstance(found, (str, int, list)) else ""})
        except OSError as error:
            yield Message({"errno": error.errno})
    return handle
"""


class Room:
    """A device's state folder, a visitor's folder and another's, and one worker for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state, self.mine, self.other = (folder / name for name in ("state", "mine", "other"))
        for each in (self.state, self.mine, self.other):
            each.mkdir()
        self.secret = self.state / "kiosk-secret"
        self.secret.write_text("the secret")
        (self.other / "upload").write_text("another's")
        (self.mine / "upload").write_text("my own")
        self.names = {name: str(getattr(self, name)) for name in ("state", "mine", "other", "secret")}

    def ask(self, *attempts: str, **limits: Any) -> list[dict[str, Any]]:
        """What a copy of a template that makes these attempts gets, as readers of visitors' files are."""

        async def tell() -> list[dict[str, Any]]:
            template = Template(Program("inside_of_test:make", {}, limits=Limits(file=1000, **limits)))
            worker = Worker(template)
            access = Access(write=(str(self.mine),))
            try:
                answers = []
                for do in attempts:
                    message = Message({"do": do, "device": os.getpid(), **self.names})
                    answers.append((await worker.ask(message, timeout_s=120, access=access)).head)
                return answers
            finally:
                worker.kill()
                template.kill()

        return asyncio.run(tell())


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    code = tmp_path / "code"
    code.mkdir()
    (code / "inside_of_test.py").write_text(INSIDE)
    monkeypatch.syspath_prepend(str(code))
    monkeypatch.setattr(program, "NICENESS", 0)
    return Room(tmp_path)


def test_its_own_folder_is_all_that_it_has(room: Room) -> None:
    attempts = [
        "put(mine + '/result.json')",
        "get(mine + '/upload')",
        "os.rename(mine + '/result.json', mine + '/end.json')",
        "get(mine + '/end.json')",
        "os.listdir(mine)",
        "os.unlink(mine + '/end.json')",
        "thread()",
        "get('/dev/null')",
        "__import__('wave').__name__",
    ]
    answers = room.ask(*attempts)
    assert all("errno" not in answer for answer in answers), dict(zip(attempts, answers, strict=True))
    assert answers[1]["found"] == "my own"
    assert answers[3]["found"] == "text"
    assert sorted(answers[4]["found"]) == ["end.json", "upload"]
    assert names(room.mine) == ["upload"]


FILES = [
    "get(secret)",
    "get(mine + '/../state/kiosk-secret')",
    "get('/proc/self/cwd' + secret)",
    "get('/proc/self/root' + secret)",
    "get(other + '/upload')",
    "os.listdir(state)",
    "os.listdir(os.path.dirname(mine))",
    "get('/etc/passwd')",
    "get(f'/proc/{device}/environ')",
    "get('/proc/self/environ')",
    "os.open(f'/proc/{device}/mem', os.O_RDWR)",
    "os.open(f'/proc/{os.getpid()}/mem', os.O_RDWR)",
    "put(state + '/new')",
    "put(other + '/new')",
    "put(mine + '/../new')",
    "put(os.path.dirname(os.__file__) + '/new.py')",
    "os.open(secret, os.O_RDONLY | os.O_TRUNC)",
    "os.open(os.path.dirname(mine), os.O_TMPFILE | os.O_RDWR)",
    "os.unlink(secret)",
    "os.rename(secret, mine + '/secret')",
    "os.rename(mine + '/upload', state + '/kiosk-secret')",
    "os.open('/dev/video0', os.O_RDWR)",
    "os.open('/dev/ttyS0', os.O_RDWR)",
    "os.open('/dev/mem', os.O_RDWR)",
    "os.open('kiosk-secret', os.O_RDONLY, dir_fd=os.open(mine, os.O_RDONLY))",
]
CALLS = [
    "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "socket.socket(socket.AF_UNIX)",
    "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "socket.socketpair()",
    "os.fork()",
    "subprocess.run(['/bin/true'])",
    "os.execv('/bin/true', ['true'])",
    "os.kill(device, 0)",
    "os.kill(os.getppid(), 19)",  # the template
    "call(434, os.getppid(), 0)",  # pidfd_open
    "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (5, 5))",
    "os.pidfd_open(device)",
    "resource.prlimit(device, resource.RLIMIT_NOFILE, (5, 5))",
    "lift()",
    "os.setpriority(os.PRIO_PROCESS, device, 19)",
    "os.sched_setaffinity(device, {0})",
    "os.chmod(secret, 0o777)",
    "os.chown(secret, 65534, 65534)",
    "os.utime(secret)",
    "os.truncate(secret, 0)",
    "os.setxattr(secret, 'user.x', b'x')",
    "os.link(secret, mine + '/link')",
    "os.symlink(secret, mine + '/link')",
    "os.mkfifo(mine + '/fifo')",
    "os.mkdir(mine + '/folder')",
    "os.mknod(mine + '/node', 0o20600, os.makedev(1, 1))",
    "os.chdir('/')",
    "os.chroot(mine)",
    "call(425, 8, 0)",  # io_uring_setup
]


def test_every_file_outside_is_refused(room: Room) -> None:
    answers = room.ask(*FILES)
    refusals = {errno.EACCES, errno.EPERM}
    assert {do: answer for do, answer in zip(FILES, answers, strict=True) if answer.get("errno") not in refusals} == {}
    assert room.secret.read_text() == "the secret"
    assert names(room.folder) == ["code", "mine", "other", "state"]


def test_no_connection_no_program_no_hold_on_the_device(room: Room) -> None:
    answers = room.ask(*CALLS)
    assert {do: answer for do, answer in zip(CALLS, answers, strict=True) if answer.get("errno") != errno.EPERM} == {}
    assert names(room.mine) == ["upload"]


def test_no_link_leads_outside(room: Room) -> None:
    (room.mine / "link").symlink_to(room.secret)
    (room.mine / "folder").symlink_to(room.state)
    attempts = ["get(mine + '/link')", "put(mine + '/link')", "get(mine + '/folder/kiosk-secret')",
                "put(mine + '/folder/new')"]  # fmt: skip
    assert [answer.get("errno") for answer in room.ask(*attempts)] == [errno.EACCES] * 4
    assert names(room.state) == ["kiosk-secret"]


def test_it_gets_few_variables_and_no_descriptor(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FACE_EDGE_MQTT__PASSWORD", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "HOME", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "secret")
    held = os.open(room.secret, os.O_RDONLY)
    os.set_inheritable(held, True)
    try:
        variables, descriptors = room.ask(
            "list(os.environ)", "[one for one in range(3, 64) if os.path.exists('/proc/self/fd/%d' % one)]"
        )
    finally:
        os.close(held)
    assert set(variables["found"]) <= {
        "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSAFEPATH",
        "PYTHONDONTWRITEBYTECODE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    }  # fmt: skip
    assert len(descriptors["found"]) == 1, "the line to the device alone"


def test_its_resources_are_bounded(room: Room) -> None:
    kinds = ("AS", "CPU", "FSIZE", "NPROC", "NOFILE", "CORE", "DATA")
    bounds = room.ask(*(f"resource.getrlimit(resource.RLIMIT_{kind})[1]" for kind in kinds), cpu_s=77)
    found = dict(zip(kinds, (answer["found"] for answer in bounds), strict=True))
    assert (found["CPU"], found["FSIZE"], found["CORE"], found["NOFILE"]) == (77, 1000, 0, 128)
    assert 0 < found["DATA"] < found["AS"] < 2**33
    assert 0 < found["NPROC"] < 100_000


def test_a_flood_of_calls_waits(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(brokers, "_CALLS_PER_S", 20)
    monkeypatch.setattr("edge.sandbox.broker.time.sleep", waits.append)
    room.ask("[get('/dev/null') for _ in range(60)] and 1")
    assert waits


def test_a_process_that_dies_leaves_no_thread(room: Room) -> None:
    before = {thread for thread in threading.enumerate() if thread.name == "file-broker"}
    room.ask("1")
    for thread in threading.enumerate():
        if thread.name == "file-broker" and thread not in before:
            thread.join(60)
            assert not thread.is_alive()


def test_without_confinement_it_reads_on_and_says_so(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(manager, "start_broker", lambda: None)
    monkeypatch.setattr(manager, "why_not", lambda: "libseccomp.so.2 is not installed")
    assert room.ask("get(mine + '/upload')") == [{"found": "my own"}]
    assert "read without confinement: libseccomp.so.2 is not installed" in caplog.text


TRIAL = """
import json, socket, sys
from edge.models import trial

def run(path, runtime):
    path.read_bytes()
    said = []
    for attempt in (lambda: open({secret!r}).read(), socket.socket):
        try:
            attempt()
        except PermissionError as error:
            said.append(error.errno)
    return said

trial._run = run
trial._load = lambda runtime: None
trial.main()
"""


def test_a_model_on_trial_reads_itself_alone(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    model = room.mine / "x.tflite"
    model.write_bytes(b"model")
    monkeypatch.setattr(trial, "_CODE", TRIAL.format(secret=str(room.secret)))
    assert trial.tried(model, ModelConfig()) == str([errno.EACCES, errno.EPERM])


def test_a_model_on_trial_that_never_stops_talking_is_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        trial,
        "_CODE",
        "from edge.models import trial; trial.bound(memory_mib=256, seconds=60)\nwhile True: print('x' * 9999)",
    )
    with pytest.raises(ModelError, match="File too large"):
        trial.tried(room.mine / "x.tflite", ModelConfig())


def test_a_broker_whose_process_never_confines_itself_ends() -> None:
    ours, theirs = socket.socketpair()
    broker = brokers.FileBroker(ours)
    theirs.close()
    assert not broker.wait(60)
    broker._thread.join(60)
    assert not broker._thread.is_alive()
