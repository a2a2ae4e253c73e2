"""What a release refuses, and that what it builds is the same twice."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.tools.release import checks, inventory, packages
from tests.tools.release.__main__ import main
from tests.tools.release.notes import notes, section

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-28

### Added

- A lamp.

## [1.1.0] - 2026-10-01

### Fixed

- A leak.
"""
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "face-edge"
license = "MIT"
requires-python = ">=3.11"
dynamic = ["version"]

[tool.hatch.version]
path = "edge/__init__.py"

[tool.hatch.build.targets.wheel]
packages = ["edge"]
"""


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout of version 1.2.0."""
    root = tmp_path / "checkout"
    (root / "edge").mkdir(parents=True)
    (root / "edge/__init__.py").write_text('"""Package."""\n\n__version__ = "1.2.0"\n')
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    (root / ".gitignore").write_text("dist/\nbuild/\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "Version 1.2.0")
    return root


def refusal(root: Path, version: str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The one line for which the release is refused, with nothing written."""
    assert main([version, *options], root) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert not (root / "dist").exists()
    return line


def test_a_clean_checkout_of_the_version_is_fit(checkout: Path) -> None:
    assert checks.problems(checkout, "1.2.0") == []


@pytest.mark.parametrize("name", ["edge/__init__.py", "CHANGELOG.md", "new.txt"])
def test_a_dirty_tree_is_refused(checkout: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (checkout / name).open("a") as file:
        file.write("\n")
    line = refusal(checkout, "1.2.0", capsys)
    assert "the tree has changes" in line
    assert name in line


def test_many_changes_are_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(9):
        (checkout / f"{number}.txt").touch()
    assert "and 4 more" in refusal(checkout, "1.2.0", capsys)


def test_a_version_that_the_package_does_not_declare_is_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(checkout, "1.1.0", capsys)
    assert line == "release: edge/__init__.py says 1.2.0, not 1.1.0: change __version__ and commit"


def test_a_tag_that_exists_is_refused(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(checkout, "tag", "-a", "v1.2.0", "-m", "1.2.0")
    assert "the tag v1.2.0 exists" in refusal(checkout, "1.2.0", capsys)
    assert checks.problems(checkout, "1.2.0", rebuild=True) == []
    git(checkout, "commit", "-q", "--allow-empty", "-m", "Later")
    assert "is another commit" in refusal(checkout, "1.2.0", capsys, "--rebuild")


@pytest.mark.parametrize(
    "changelog",
    [
        CHANGELOG.replace("## [1.2.0] - 2026-11-28", "## [1.2.0]"),
        CHANGELOG.replace("1.2.0", "1.3.0"),
        CHANGELOG.replace("1.2.0", "1x2.0"),
        CHANGELOG.replace("- A lamp.", ""),
        "",
    ],
)
def test_a_changelog_without_dated_entries_of_the_version_is_refused(
    checkout: Path, changelog: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "CHANGELOG.md").write_text(changelog)
    git(checkout, "commit", "-q", "-a", "-m", "Changelog")
    assert "CHANGELOG.md has no entries for 1.2.0" in refusal(checkout, "1.2.0", capsys)


@pytest.mark.parametrize("version", ["1.2", "v1.2.0", "1.2.0-rc1", "01.2.0", "1.2.0 ", "../1.2.0", "latest"])
def test_what_is_no_version_is_refused(checkout: Path, version: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a version" in refusal(checkout, version, capsys)


def test_outside_a_checkout_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["1.2.0"], tmp_path) == 1
    assert "is not a git checkout" in capsys.readouterr().err


def test_all_reasons_are_given_at_once(checkout: Path) -> None:
    (checkout / "new.txt").touch()
    assert len(checks.problems(checkout, "1.4.0")) == 3


def test_without_a_version_it_says_what_is_missing(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([], checkout)
    assert "give the version" in capsys.readouterr().err


def test_notes_are_those_of_the_version_alone() -> None:
    assert section(CHANGELOG, "1.2.0") == "### Added\n\n- A lamp."
    assert section(CHANGELOG, "1.1.0") == "### Fixed\n\n- A leak."
    assert section(CHANGELOG, "Unreleased") == ""
    assert notes(CHANGELOG, "1.2.0").startswith("# FACE Edge 1.2.0\n\n### Added")


def test_the_changelog_has_entries_for_the_declared_version() -> None:
    assert section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), checks.declared(ROOT))


def test_packages_are_the_same_twice_and_hold_committed_files_alone(checkout: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install -e '.[test]'")
    (checkout / "edge/stray.py").write_text("not committed\n")
    one = packages.build(checkout, tmp_path / "one")
    other = packages.build(checkout, tmp_path / "other")
    assert packages.digests(one) == packages.digests(other)
    assert [path.name for path in one] == ["face_edge-1.2.0-py3-none-any.whl", "face_edge-1.2.0.tar.gz"]
    with zipfile.ZipFile(one[0]) as wheel:
        assert "edge/__init__.py" in wheel.namelist()
        assert "edge/stray.py" not in wheel.namelist()
    with tarfile.open(one[1]) as sources:
        assert {int(member.mtime) for member in sources} == {int(packages.epoch(checkout))}


def test_builds_that_differ_are_refused(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def differing(_root: Path, folder: Path, mask: int) -> list[Path]:
        folder.mkdir(parents=True)
        path = folder / "face_edge-1.2.0.tar.gz"
        path.write_text(str(mask))
        return [path]

    monkeypatch.setattr(packages, "_built", differing)
    with pytest.raises(packages.BuildError, match=r"differ: face_edge-1\.2\.0\.tar\.gz"):
        packages.build(checkout, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_build_is_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install -e '.[test]'")
    (checkout / "pyproject.toml").write_text(PROJECT.replace("edge/__init__.py", "edge/missing.py"))
    git(checkout, "commit", "-q", "-a", "-m", "A wrong folder")
    assert "hatchling: " in refusal(checkout, "1.2.0", capsys)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """The Python of an environment that holds one package."""
    folder = tmp_path / "device"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [packages_folder] = folder.glob("lib/python*/site-packages")
    info = packages_folder / "lamp-3.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: lamp\nVersion: 3.1\nLicense-Expression: MIT\n")
    (info / "LICENSE").write_text("Permission is hereby granted")
    (info / "RECORD").write_text("lamp-3.1.dist-info/METADATA,,\nlamp-3.1.dist-info/LICENSE,,\n")
    return folder / "bin/python"


def test_the_sbom_lists_a_devices_packages_without_times_and_random_ids(
    device: Path, checkout: Path, tmp_path: Path
) -> None:
    pytest.importorskip("cyclonedx_py", reason="cyclonedx-py writes the SBOM: pip install -e '.[release]'")
    target = tmp_path / "sbom.json"
    inventory.sbom(checkout, device, "1.2.0", target)
    bill = json.loads(target.read_text())
    assert "serialNumber" not in bill
    assert "timestamp" not in bill["metadata"]
    assert bill["bomFormat"] == "CycloneDX"
    assert (bill["metadata"]["component"]["name"], bill["metadata"]["component"]["version"]) == ("face-edge", "1.2.0")
    [lamp] = bill["components"]
    assert lamp["purl"] == "pkg:pypi/lamp@3.1"
    assert lamp["licenses"][0]["license"]["id"] == "MIT"


def test_the_licences_come_with_their_texts(device: Path, tmp_path: Path) -> None:
    pytest.importorskip("piplicenses", reason="pip-licenses lists the licences: pip install -e '.[release]'")
    inventory.licences(device, tmp_path / "licences.txt")
    text = (tmp_path / "licences.txt").read_text()
    assert "lamp\n3.1\nMIT" in text
    assert "Permission is hereby granted" in text


def test_a_python_without_a_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd/requirements-3.99.txt").touch()
    with pytest.raises(packages.BuildError, match=r"release with 3\.99"):
        inventory.lock_of(tmp_path)


def test_the_lock_of_a_device_is_found() -> None:
    if sys.version_info[:2] not in {(3, 11), (3, 13)}:
        pytest.skip("devices have Python 3.11 or 3.13")
    assert inventory.lock_of(ROOT).is_file()
