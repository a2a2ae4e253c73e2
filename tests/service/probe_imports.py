"""Imports every module of ``edge`` and prints what could not be imported, and for want of which package.

A line of JSON: ``{"imported": 312, "missing": {"edge.x": "psycopg"}, "failed": {"edge.y": "ValueError: …"}}``. The exit
code is 1 where a module failed for another reason than a package that is not installed.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import warnings

import edge


def main() -> int:
    """Import them all; the exit code."""
    imported = 0
    missing: dict[str, str] = {}
    failed: dict[str, str] = {}
    for found in pkgutil.walk_packages(edge.__path__, "edge."):
        if found.name.endswith("__main__"):  # is a command, not a module to import
            continue
        try:
            importlib.import_module(found.name)
            imported += 1
        except ModuleNotFoundError as error:
            name = error.name or str(error)
            (failed if name.partition(".")[0] == "edge" else missing)[found.name] = name
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            failed[found.name] = f"{type(error).__name__}: {error}"
    sys.stdout.write(json.dumps({"imported": imported, "missing": missing, "failed": failed}) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
