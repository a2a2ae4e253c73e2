"""Adjust pages as MkDocs builds them."""

from __future__ import annotations

import re
from typing import Any

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod|obj):(?=<code)")


def on_page_content(html: str, **_: Any) -> str:
    """Show Sphinx roles of docstrings, such as ``:func:`adding```, as plain code."""
    return _ROLE.sub("", html)
