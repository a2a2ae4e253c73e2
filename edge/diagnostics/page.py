"""Checks of the page, the served addresses and the films for the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from edge.config.clashes import listeners
from edge.core.errors import EdgeError, FileUnavailable, SinkError
from edge.diagnostics.finding import fail, ok, skip, warn
from edge.runtime.local import NotRunning, ask, control_paths
from edge.runtime.preflight import page as checks
from edge.util.sockets import ServerDescription, check_address, in_url, is_taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.config import Config
    from edge.diagnostics.finding import Finding

_SOON = timedelta(days=21)
_UNTIL_THEN = "mend it; until then the device runs without the page, and takes it up by itself"

_NEVER = "mend it: the device does not start with it"


def page(config: Config) -> Iterator[Finding]:
    """Check that the page can be served as configured, and describe who has access."""
    kiosk = config.kiosk
    if not kiosk.enabled:
        yield skip("page", "not switched on")
        return
    errors = chain(checks.packages(config), checks.rights(config), checks.secrets(config), checks.certificate(config))
    found = [
        fail(
            "page", str(error), _UNTIL_THEN if isinstance(error, FileUnavailable) else "mend it: the device refuses it"
        )
        for error in errors
    ]
    if found:
        yield from found
        return
    who = "for this machine alone, without a password" if kiosk.password_file is None else "a password is asked for"
    scheme = "http" if kiosk.tls == "off" else "https"
    for error in checks.unused_certificate(config):
        yield warn("page", str(error), "mend it: the page is served otherwise than it looks")
    yield ok("page", f"{scheme}://{in_url(kiosk.host)}:{kiosk.port}: {who}")
    if kiosk.tls == "files" and kiosk.tls_certificate is not None:
        yield certificate(kiosk.tls_certificate.expanduser(), datetime.now(UTC))


def certificate(path: Path, now: datetime) -> Finding:
    """Check the validity of the certificate in a file."""
    from edge.kiosk.certificate import describe

    found = describe(path.read_bytes())
    if not found.valid(now):
        message = f"{path}: valid from {found.not_before:%Y-%m-%d} to {found.not_after:%Y-%m-%d} only"
        return warn("certificate", message, "renew it: browsers refuse it")
    if found.not_after - now < _SOON:
        return warn("certificate", f"{path}: ends on {found.not_after:%Y-%m-%d}", "renew it")
    return ok("certificate", f"{path}: valid until {found.not_after:%Y-%m-%d}")


def ports(config: Config) -> Iterator[Finding]:
    """Check that each address to serve belongs to this machine and is free, or is served by the device itself."""
    own = [one for one in listeners(config) if one.is_ours]
    if not own:
        yield skip("ports", "none is served")
    for one in own:
        service = ServerDescription(one.what, one.setting.replace(".port", ".host"), f"set {one.setting}")
        where = f"{in_url(one.host)}:{one.port}"
        try:
            check_address(one.host, one.port, service)
        except SinkError as error:
            yield fail("ports", f"{one.what}: {error}", f"set {one.setting}")
            continue
        if not is_taken(one.host, one.port):
            yield ok("ports", f"{one.what} can have {where}")
        elif _is_running(config):
            yield ok("ports", f"{one.what}: {where} is taken, and a device of this node is running")
        else:
            message = f"{one.what}: port {one.port} is taken by another program"
            yield fail("ports", message, f"sudo ss -ltnp 'sport = :{one.port}' names it; end it or set {one.setting}")


def media(config: Config) -> Finding:
    """Check that the folder of films can be read and holds films that the wall can play."""
    from edge.kiosk.media.folder import MEDIA_TYPES, MediaFolder

    path = config.kiosk.media_dir
    if not config.kiosk.enabled or path is None:
        return skip("media", "no folder of films is configured")
    folder = MediaFolder(path)
    if fault := folder.fault():
        return fail("media", fault, "make it, or set kiosk.media_dir to another folder")
    names = folder.names()
    closed = folder.unreadable()
    if closed:
        message = f"{path}: {len(closed)} of {len(names)} files cannot be read, such as {closed[0]}"
        return warn("media", message, f"sudo chmod a+r {path}/*")
    if not names:
        return warn(
            "media", f"{path}: holds nothing that the wall can play", f"put in {', '.join(sorted(MEDIA_TYPES))}"
        )
    return ok("media", f"{path}: {len(names)} file{'' if len(names) == 1 else 's'} for the wall")


def _is_running(config: Config) -> bool:
    try:
        ask(control_paths(config), "status")
    except NotRunning:
        return False
    except EdgeError:
        return True
    return True
