"""``face-edge kiosk``: what belongs to the page that ``run`` serves."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import click

from edge.errors import InputError
from edge.files import already_there, write_text


@click.group()
def kiosk() -> None:
    """Passwords for the page that the device serves."""


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
    before = os.umask(0o077)
    try:
        write_text(output, made + "\n", overwrite=force)
    finally:
        os.umask(before)
    click.echo(f"wrote {output}", err=True)


def _asked() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)).strip()
    return sys.stdin.readline().strip()
