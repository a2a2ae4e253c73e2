"""List the public modules and write one API page per package."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def public_modules(root: Path, package: str) -> list[str]:
    """Return the dotted names of ``package`` and its modules below ``root``, without private ones and ``__main__``."""
    modules = []
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            modules.append(".".join(parts))
    return modules


def pages(root: Path, packages: Iterable[str]) -> dict[str, list[str]]:
    """Return the modules of each page; a page is a top-level package or a package directly inside one."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for package in packages:
        for module in public_modules(root, package):
            parts = module.split(".")
            inside = len(parts) > 1 and (root / Path(*parts[:2])).is_dir()
            found[".".join(parts[:2]) if inside else package].append(module)
    return dict(found)


def write_pages(root: Path, packages: Iterable[str], target: Path) -> None:
    """Write the pages and an index into ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    index = ["# API", "", "Every public module, from its docstrings. A page per package.", ""]
    for page, modules in pages(root, packages).items():
        text = "\n\n".join([f"# {page}", *(f"::: {module}" for module in modules)])
        (target / f"{page}.md").write_text(text + "\n", encoding="utf-8")
        index.append(f"- [`{page}`]({page}.md)")
    (target / "index.md").write_text("\n".join(index) + "\n", encoding="utf-8")
