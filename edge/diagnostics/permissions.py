"""Check that other users of this machine can neither read the device's secrets nor change its configuration."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from edge.config import node_id, secret_file, state_dir
from edge.diagnostics.finding import fail, ok, warn
from edge.kiosk.state_files import private
from edge.sources.uri import masked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.config import Config
    from edge.diagnostics.finding import Finding


def permissions(config: Config, file: Path | None) -> Iterator[Finding]:
    """Check the configuration ``file`` and the secret files that it names; yield one line if all is well."""
    found = [*_configuration(config, file), *_secrets(config)]
    yield from found
    if not found:
        yield ok("permissions", "nobody else may change the configuration or read its secrets")


def _configuration(config: Config, file: Path | None) -> Iterator[Finding]:
    if file is None:
        return
    file = file.absolute()
    for path in (file, *file.parents):
        mode = _mode(path)
        # in a sticky folder nobody replaces what belongs to others
        if mode & stat.S_IWOTH and not (path != file and mode & stat.S_ISVTX):
            what = "it" if path == file else "what is in it"
            yield fail("permissions", f"{path}: everyone on this machine may change {what}", f"sudo chmod o-w {path}")
    if _mode(file) & stat.S_IROTH and _holds_secrets(config):
        remedy = f"put the password into a file of its own (mqtt.password_file), or: sudo chmod o-r {file}"
        yield warn("permissions", f"{file}: holds a password that everyone on this machine can read", remedy)


def _holds_secrets(config: Config) -> bool:
    """Return whether a setting is itself a secret; one from the environment or a flag counts as well."""
    return bool(config.mqtt.password.get_secret_value()) or masked(config.source.uri) != config.source.uri


def _secrets(config: Config) -> Iterator[Finding]:
    kiosk, mqtt, folder = config.kiosk, config.mqtt, state_dir(config)
    named = {
        "kiosk.password_file": kiosk.password_file,
        "kiosk.viewer_token_file": kiosk.viewer_token_file,
        "kiosk.tls_key": kiosk.tls_key,
        "mqtt.password_file": secret_file(mqtt.password_file, "mqtt-password"),
        "mqtt.tls.key": mqtt.tls.key,
    } | {f"node.state_dir ({name})": folder / name for name in private(node_id(config))}
    for key, path in named.items():
        if path is None:
            continue
        path = path.expanduser()  # noqa: PLW2901 - the same file
        mode = _mode(path)
        if mode & stat.S_IWOTH:
            yield fail("permissions", f"{key}: everyone on this machine may change {path}", f"sudo chmod 600 {path}")
        elif mode & stat.S_IROTH:
            message = f"{key}: everyone on this machine can read {path} ({stat.S_IMODE(mode):04o})"
            yield warn("permissions", message, f"sudo chmod o-rwx {path}")


def _mode(path: Path) -> int:
    """Return the mode bits; 0 if the file does not exist, or its folder is closed to us and so to others."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0
