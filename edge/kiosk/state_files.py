"""Names of the page's files of secrets in the state folder."""

from __future__ import annotations

SECRET = "kiosk-secret"  # noqa: S105 - a file's name
CERTIFICATE = "kiosk-tls.pem"


def logins(node: str) -> str:
    """Return the file that records ended logins."""
    return f"kiosk-logins-{node}.json"


def private(node: str) -> tuple[str, ...]:
    """All that nobody else may read or change."""
    return SECRET, CERTIFICATE, logins(node)
