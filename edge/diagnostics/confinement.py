"""Check that the process that reads untrusted files can be confined on this machine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from edge.diagnostics.finding import ok, warn
from edge.sandbox.broker import start_broker
from edge.sandbox.confine import why_not
from edge.sandbox.environment import minimal
from edge.sandbox.probe import probe

if TYPE_CHECKING:
    from edge.diagnostics.finding import Finding

_CODE = """
import json, socket, sys
from edge.sandbox.confine import confine
try:
    confine(socket.socket(fileno=int(sys.argv[1])))
except OSError as error:
    print(json.dumps({"why": str(error)}))
    raise SystemExit
open("/dev/null").close()
done = []
for attempt in (lambda: open("/etc/passwd"), socket.socket):
    try:
        attempt()
    except PermissionError:
        done.append(attempt)
print(json.dumps({"why": "" if len(done) == 2 else "what is to be refused is not"}))
"""
_TO_DO = "uploads and models on trial are read with the device's own rights: apt-get install libseccomp2, Linux 5.14"


def confinement() -> Finding:
    """Confine a process, which then tries to read a file and to open a connection."""
    why = why_not()
    if not why and (started := start_broker()) is not None:
        _, asking = started
        with contextlib.closing(asking):
            descriptor = asking.fileno()
            outcome = probe(_CODE, str(descriptor), environment=minimal(), descriptors=[descriptor])
        why = outcome.reason if outcome.answer is None else str(outcome.answer["why"])
    if why:
        return warn("confinement", f"files of strangers are not read apart: {why}", _TO_DO)
    return ok("confinement", "files of strangers are read by a process without network, programs and other files")
