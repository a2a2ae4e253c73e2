"""The environment variables of a process that reads untrusted files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH")
"""All that libraries need of the device's own."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def minimal() -> dict[str, str]:
    """Return the only variables that such a process gets: no passwords, no addresses, no sockets, no home."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    paths = [str(Path(path).absolute()) for path in sys.path if path]  # in our own order, however we came to it
    python = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | dict.fromkeys(_THREADS, "1") | python
