"""The audit of what the locks pin: what it finds, and what it does not take for an answer."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.audit import __main__ as audit
from tests.audit import advisories
from tests.audit.locks import DEVELOPMENT, MAX_AGE_DAYS, ROOT, Pin, chosen_on, locks, pins, problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HASH = "--hash=sha256:" + "0" * 64
CHOSEN = "# Versions chosen on 2026-11-01."
TODAY = date(2026, 11, 2)
EXAMPLE: dict[str, Any] = {
    "id": "PYSEC-0000-1",
    "modified": "2026-10-05T00:00:00Z",
    "summary": "Reads beyond its end\nmore",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Py.Example"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}]},
                {
                    "type": "ECOSYSTEM",
                    "events": [{"introduced": "2.0"}, {"fixed": "2.0.3"}, {"introduced": "0"}, {"fixed": "1.4"}],
                },
                {"type": "ECOSYSTEM", "events": [{"introduced": "3.0"}, {"last_affected": "3.1"}]},
            ],
            "versions": ["1.5rc1", "dev-snapshot"],
        }
    ],
}


@pytest.fixture
def lock(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "lock.txt"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def osv() -> Iterator[str]:
    """An OSV that knows one advisory, for Pillow 13.0.0."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hit = asked["package"]["name"] == "pillow" and asked["version"] == "13.0.0"
            entry = {"id": "PYSEC-0000-2", "details": "x", "published": "2026-10-05T00:00:00Z", "affected": []}
            body = json.dumps({"vulns": [entry]} if hit else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def test_the_locks_here_have_hashes_and_dates() -> None:
    paths = locks()
    assert len(paths) == 12
    newest = max(chosen_on(path) for path in paths)
    assert problems(paths, newest) == []
    assert problems(paths, newest + timedelta(days=MAX_AGE_DAYS + 1))


def test_the_development_environment_is_what_is_locked_for_it() -> None:
    names = {pin.name for pin in pins(DEVELOPMENT)}
    assert {"pytest", "mypy", "ruff", "pip-audit", "hypothesis", "editables", "hatchling", "numpy"} <= names
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "$(PIP) --require-hashes -r tests/requirements.txt" in make
    assert "$(PIP) --no-deps --no-build-isolation -e ." in make


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{CHOSEN}\na==1 {HASH}\n", ""),
        (f"{CHOSEN}\na==1 ; python_version < '3' \\\n    {HASH} \\\n    {HASH}\n", ""),
        (f"{CHOSEN}\na==1\n", "not a version with SHA-256 hashes: a==1"),
        (f"{CHOSEN}\na==1 --hash=md5:00\n", "not a version with SHA-256 hashes: a==1"),
        (f"{CHOSEN}\na==1 {HASH} --hash=md5:00\n", "not a version with SHA-256 hashes: a==1"),
        (f"{CHOSEN}\na>=1 {HASH}\n", "not a version with SHA-256 hashes: a>=1"),
        (f"{CHOSEN}\na==1 {HASH[:-1]}\n", "not a version with SHA-256 hashes: a==1"),
        (f"{CHOSEN}\n--extra-index-url http://x/\na==1 {HASH}\n", "not a version with SHA-256 hashes: --extra"),
        (f"{CHOSEN}\ngit+https://x/y {HASH}\n", "not a version with SHA-256 hashes: git+"),
        (f"a==1 {HASH}\n", "no line"),
        (f"# Versions chosen on 2026-08-01.\na==1 {HASH}\n", "its versions are 93 days old"),
    ],
)
def test_what_is_wrong_with_a_lock_is_said(lock: Callable[[str], Path], text: str, problem: str) -> None:
    path = lock(text)
    found = problems([path], TODAY)
    assert len(found) == bool(problem)
    assert all(line.startswith(f"{path}: {problem}") for line in found)


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.3.9", True),
        ("1.4rc1", True),
        ("1.4", False),
        ("1.4.0", False),
        ("1.5rc1", True),
        ("2.0", True),
        ("2.0.2.post1", True),
        ("2.0.3", False),
        ("3.1", True),
        ("3.1.1", False),
    ],
)
def test_which_versions_an_advisory_concerns(version: str, *, affected: bool) -> None:
    assert advisories.concerns(EXAMPLE, "py-example", version) is affected
    assert not advisories.concerns(EXAMPLE, "example", version)


@pytest.mark.parametrize("kind", ["zip", "folder", "file"])
def test_a_stored_copy_says_how_old_it_is(tmp_path: Path, lock: Callable[[str], Path], kind: str) -> None:
    entries = [EXAMPLE, EXAMPLE | {"id": "PYSEC-0000-3", "withdrawn": "2026-10-06", "modified": "2026-10-07"}]
    copy = tmp_path / "copy"
    if kind == "zip":
        with zipfile.ZipFile(copy, "w") as archive:
            for entry in entries:
                archive.writestr(f"{entry['id']}.json", json.dumps(entry))
    elif kind == "folder":
        (copy / "vulns").mkdir(parents=True)
        for entry in entries:
            (copy / "vulns" / f"{entry['id']}.json").write_text(json.dumps(entry))
    else:
        copy.write_text(json.dumps(entries))
    part = audit.stored([lock(f"py-example==2.0.1 {HASH}\nother==2.0.1 {HASH}\n")], copy)
    assert part.findings == ("py-example 2.0.1: PYSEC-0000-1: Reads beyond its end",)
    assert "newest of 2026-10-05" in part.text
    assert audit.code_of([part]) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON", '[{"withdrawn": "x", "id": "y"}]'])
def test_a_copy_without_advisories_is_no_all_clear(tmp_path: Path, lock: Callable[[str], Path], text: str) -> None:
    (tmp_path / "copy.json").write_text(text)
    part = audit.stored([lock(f"a==1 {HASH}\n")], tmp_path / "copy.json")
    assert not part.done
    assert audit.code_of([part]) == 77


def test_pip_audit_finds_what_osv_knows(lock: Callable[[str], Path], osv: str) -> None:
    pytest.importorskip("pip_audit")
    part = audit.asked([lock(f"pillow==13.0.0 \\\n    {HASH}\nnumpy==2.5.5 \\\n    {HASH}\n")], osv)
    assert part.findings == ("pillow 13.0.0: PYSEC-0000-2",)
    assert audit.code_of([part]) == 1
    clean = audit.asked([lock(f"numpy==2.5.5 \\\n    {HASH}\n")], osv)
    assert (clean.done, clean.findings, audit.code_of([clean])) == (True, (), 0)


def test_an_osv_that_does_not_answer_is_no_all_clear(lock: Callable[[str], Path]) -> None:
    pytest.importorskip("pip_audit")
    part = audit.asked([lock(f"pillow==13.0.0 \\\n    {HASH}\n")], "http://127.0.0.1:9/v1/query")
    assert not part.done
    assert part.lines()[0].startswith("advisories NOT DONE: pip-audit against http://127.0.0.1:9")
    assert audit.code_of([part]) == 77


REPORT = {"install": [{"is_yanked": True, "metadata": {"name": "pillow", "version": "13.0.0"}}, {"metadata": {}}]}


@pytest.mark.parametrize(
    ("pip", "reachable", "code", "said"),
    [
        ("exit 0", True, 0, ""),
        (f"echo '{json.dumps(REPORT)}' >\"$report\"", True, 1, "withdrawn from the index: pillow 13.0.0"),
        ("echo 'ERROR: No matching distribution found for a==1' >&2; exit 1", True, 1, "No matching distribution"),
        ("echo 'ERROR: something with the network' >&2; exit 1", False, 77, "does not answer"),
    ],
)
def test_the_index_offers_every_file_or_that_is_said(
    tmp_path: Path, pip: str, *, reachable: bool, code: int, said: str
) -> None:
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/bash
if [ "$1 $2" = "-m pip" ]; then
    while [ $# -gt 0 ]; do if [ "$1" = --report ]; then report=$2; fi; shift; done
    echo '{{"install": []}}' >"$report"
    {pip}
elif [ "$2" = https://pypi.org/simple/ ]; then exit {0 if reachable else 1}
else exec {sys.executable} "$@"
fi
"""
    )
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", ROOT / "systemd/lock.sh", "--check"],
        env=os.environ | {"PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_what_was_found_counts_for_more_than_what_could_not_be_done() -> None:
    good, unable, bad = audit.Part("a", "x"), audit.Part("a", "x", done=False), audit.Part("a", "x", ("y",))
    assert audit.code_of([good]) == 0
    assert audit.code_of([good, unable]) == 77
    assert audit.code_of([unable, bad]) == 1


def test_pins_are_known_by_their_canonical_name(lock: Callable[[str], Path]) -> None:
    path = lock(f"Py.Example==1.0 ; python_version < '3.12' {HASH}\n")
    assert pins(path) == [Pin("py-example", "1.0", 'python_version < "3.12"')]
