"""``face-edge kiosk``: commands for the page that ``run`` serves."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from edge.cli.settings import Settings, pass_settings
from edge.core.errors import InputError
from edge.system import service_user
from edge.util.files import already_there, write_text


@click.group()
def kiosk() -> None:
    """Passwords and the certificate of the page that the device serves, and the browser that shows it on a wall."""


@kiosk.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that gets the hash, for kiosk.password_file or kiosk.viewer_token_file; otherwise it is printed.",
)
@click.option("--generate", is_flag=True, help="Make a random one and print it once, instead of asking.")
@click.option("--force", is_flag=True, help="Replace the file where it is there already.")
def password(output: Path | None, *, generate: bool, force: bool) -> None:
    """Make the hash of a password or of a viewers' token.

    It is asked for twice on a terminal; otherwise the first line of standard input is taken.
    """
    from edge.kiosk.passwords import LONGEST, SHORTEST, make_hash

    if output is not None and output.exists() and not force:
        raise InputError(already_there(output))
    chosen = secrets.token_urlsafe(12) if generate else _asked()
    if not SHORTEST <= len(chosen) <= LONGEST:
        msg = f"a password has {SHORTEST} to {LONGEST} characters, this one has {len(chosen)}"
        raise InputError(msg)
    made = make_hash(chosen)
    if generate:
        click.echo(f"the password is {chosen} and is not shown again", err=True)
    if output is None:
        click.echo(made)
        return
    folders = service_user.missing_folders(output)
    write_text(output, made + "\n", overwrite=force, mode=0o600)
    owner = service_user.hand_over(output, folders)
    click.echo(f"wrote {output}" + ("" if owner is None else f" for the user {owner.pw_name}"), err=True)
    if owner is not None and (closed := service_user.closed_to(owner, output)) is not None:
        msg = (
            f"{output}: the service cannot read it there, since the user {owner.pw_name} may not enter {closed}: "
            f"choose a place below {service_user.SETTINGS}"
        )
        raise InputError(msg)


@kiosk.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--url", envvar="WALL_URL", default="http://127.0.0.1:8080/", show_default=True, help="What is shown; or WALL_URL."
)
@click.option(
    "--profile",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the browser's profile, emptied before each start: one in memory.",
)
@click.option(
    "--every", type=click.FloatRange(min=0.2), default=8.0, show_default=True, help="Seconds between two checks."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def watch(url: str, profile: Path, every: float, command: tuple[str, ...]) -> None:
    """Keep COMMAND, a Chromium, showing the wall page.

    It starts once the page answers, and anew when the page stalls for two checks: systemd/kiosk/face-edge-wall calls
    this.
    """
    import logging
    import signal

    from edge.core.errors import HardwareUnavailable
    from edge.kiosk.browser_watchdog.watch import Pace, Watch

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        Watch(url, command, profile, Pace(every, every)).run()
    except FileNotFoundError:
        msg = f"{command[0]} is not there: sudo apt install chromium"
        raise HardwareUnavailable(msg) from None


@kiosk.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File that gets the certificate, PEM.")
@click.option("--force", is_flag=True, help="Replace the file where it is there already.")
@click.option(
    "--spki", is_flag=True, help="Print the public key's SHA-256 alone, by which Chromium is told to trust it."
)
@pass_settings
def certificate(settings: Settings, output: Path | None, *, force: bool, spki: bool) -> None:
    """Show the certificate of kiosk.tls: fingerprint, names, validity; the device's own is made where there is none.

    As root it is the installed service's; otherwise run it as the device does, with its configuration and as the user
    whose state folder it is.
    """
    from edge.config import state_dir
    from edge.kiosk.tls import of

    config = settings.load()
    with service_user.acting():
        tls = of(config.kiosk, state_dir(config))
    if tls is None:
        msg = 'the page is served over plain HTTP: set kiosk.tls = "self-signed", or "files" with a certificate'
        raise InputError(msg)
    found = tls.certificate
    if output is not None:
        write_text(output, found.pem, overwrite=force)
        click.echo(f"wrote {output}", err=True)
    if spki:
        click.echo(found.spki)
        return
    click.echo(f"SHA-256    {found.fingerprint}")
    click.echo(f"valid      {found.not_before:%Y-%m-%d} to {found.not_after:%Y-%m-%d}{' (ended)' if tls.ended else ''}")
    click.echo(f"names      {', '.join(sorted(found.names)) or 'none'}")


def _asked() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)).strip()
    return sys.stdin.readline().strip()
