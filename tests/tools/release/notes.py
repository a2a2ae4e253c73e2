"""Take the notes of a release from the changelog."""

from __future__ import annotations

import re


def section(changelog: str, version: str) -> str:
    """Return the text below a version's heading (``## [1.0.0] - 2026-11-28``), without the heading.

    Empty where the heading is missing, has no date, or has no entry below it. ``Unreleased`` needs no date.
    """
    date = "" if version == "Unreleased" else r" - \d{4}-\d{2}-\d{2}"
    heading = re.compile(rf"^## \[{re.escape(version)}\]{date}$\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    found = heading.search(changelog)
    text = found[1].strip() if found else ""
    return text if re.search(r"^- ", text, re.MULTILINE) else ""


def notes(changelog: str, version: str) -> str:
    """Return the release notes as Markdown."""
    return f"# FACE Edge {version}\n\n{section(changelog, version)}\n"
