"""Makes a broken version of the service: from a wheel another wheel, or in the folder of an installed one.

    break_version.py KIND WHEEL FOLDER     writes the wheel into FOLDER, under its own name
    break_version.py KIND RELEASE          changes a copy of an installed version, which may share files by hard links

Kinds: `exits` as soon as it runs; `freezes` after it has said that it is ready; `late` ends after BROKEN_AFTER_S
(45 s); `slow-stop` ignores that it is to stop; `good` is only another version.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

RUN = "edge/cli/run.py"
# it brings the sessions' file to tables that the version before does not know, and ends
EXITS = """import pathlib
from edge.recording.file import SessionFile
from edge.recording.schema import MIGRATIONS
for path in pathlib.Path("/var/lib/face-edge").glob("sessions-*.sqlite3"):
    SessionFile(path, migrations=(*MIGRATIONS, ("ALTER TABLE session ADD COLUMN hall TEXT",))).close()
    print(path, "is of the next version now", flush=True)
sys.exit(1)
"""
LATE = """import os, threading
_end = threading.Timer(float(os.environ.get("BROKEN_AFTER_S", "45")), os._exit, (1,))
_end.daemon = True
_end.start()
"""
KINDS = {
    "exits": (RUN, EXITS),
    "freezes": (
        "edge/runtime/app.py",
        "def _freeze(_device: Device) -> None:\n    time.sleep(1e9)\n\n\nDevice._turn = _freeze\n",
    ),
    "late": (RUN, LATE),
    "slow-stop": (
        RUN,
        "def obey_signals(_device: Device) -> None:\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n",
    ),
    "good": (RUN, "# another version\n"),
}


def break_wheel(wheel: Path, folder: Path, kind: str) -> None:
    """Write a copy of ``wheel`` with more code in one module; installers do not check the sums in its RECORD."""
    name, code = KINDS[kind]
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(folder / wheel.name, "w", zipfile.ZIP_DEFLATED) as made:
        assert name in source.namelist(), name
        for entry in source.infolist():
            content = source.read(entry)
            made.writestr(entry, content + b"\n\n" + code.encode() if entry.filename == name else content)


def break_release(release: Path, kind: str) -> None:
    """Add the code to the module in ``release``, and have its commands run its own Python."""
    name, code = KINDS[kind]
    (module,) = release.glob(f"lib/python*/site-packages/{name}")
    _replace(module, module.read_text(encoding="utf-8") + "\n\n" + code)
    shutil.rmtree(module.parent / "__pycache__", ignore_errors=True)
    command = release / "bin/face-edge"
    lines = command.read_text(encoding="utf-8").splitlines(keepends=True)
    _replace(command, f"#!{release}/bin/python\n" + "".join(lines[1:]))


def _replace(path: Path, text: str) -> None:
    """Never write into a file that another version shares."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    shutil.copymode(path, new)
    new.replace(path)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        break_wheel(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[1])
    else:
        break_release(Path(sys.argv[2]), sys.argv[1])
