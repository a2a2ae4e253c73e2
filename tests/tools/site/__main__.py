"""Build the website into ``site/``: ``python -m tests.tools.site``. Every warning is an error.

MkDocs reads one folder, and links must work on GitHub as well. So the documents are staged in the layout of the
repository, with an API page per package beside them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tools.site.api import write_pages

ROOT = Path(__file__).resolve().parents[3]
STAGE = ROOT / "build/site"
"""The ``docs_dir`` of mkdocs.yml."""
_DOCUMENTS = ("*.md", "LICENSE", "docs/**/*", "models/*.md", "systemd/mosquitto/*", ".github/*.md")
_PACKAGES = ("edge", "converter")
_NAMED_FENCE = re.compile(r"^( *```\w+) \S.*$", re.MULTILINE)
"""GitHub takes a name behind a code block's language, by which tests find it; Python-Markdown does not."""


def stage(target: Path) -> None:
    """Copy the documents into an empty ``target`` and write the API pages to ``target/api``."""
    shutil.rmtree(target, ignore_errors=True)
    for pattern in _DOCUMENTS:
        for path in ROOT.glob(pattern):
            if path.is_file():
                _copy(path, target / path.relative_to(ROOT))
    write_pages(ROOT, _PACKAGES, target / "api")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".md":
        target.write_text(_NAMED_FENCE.sub(r"\1", source.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        shutil.copyfile(source, target)


def main() -> int:
    """Stage and build; return the exit code of MkDocs."""
    stage(STAGE)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(ROOT / "mkdocs.yml")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}  # the theme's notice, not a warning of the build
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
