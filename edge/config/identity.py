"""Identity of the device and location of its state, from the configuration and the machine."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config.tree import Config


def default_node_id(hostname: str | None = None, machine_id_path: Path = Path("/etc/machine-id")) -> str:
    """Return the host name and six hex digits of the machine id, so that two boards from one image differ."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "-", (hostname or socket.gethostname()).split(".")[0]).strip("-") or "node"
    try:
        machine = re.sub(r"[^0-9a-f]", "", machine_id_path.read_text(encoding="ascii").lower())[-6:]
    except (OSError, UnicodeDecodeError):
        machine = ""
    return f"{name}-{machine}" if machine else name


def node_id(config: Config) -> str:
    """Return the configured node id, or the default one."""
    return config.node.id or default_node_id()


def state_dir(config: Config, environment: Mapping[str, str] | None = None) -> Path:
    """Return the state folder: systemd's ``$STATE_DIRECTORY`` if set, otherwise ``node.state_dir``."""
    variables = os.environ if environment is None else environment
    given = variables.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given) if given else config.node.state_dir.expanduser()


def secret_file(given: Path | None, name: str, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the file of a secret: ``given``, or systemd's credential ``name``, or ``None``."""
    if given is not None:
        return given.expanduser()
    variables = os.environ if environment is None else environment
    folder = variables.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(folder) / name
    return credential if folder and credential.is_file() else None
