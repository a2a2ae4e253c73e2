"""The command that a message gives for a missing package works where the message is read."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from edge.system import installation

pytest.importorskip("hatchling", reason="hatchling builds the package: pip install -e '.[test]'")

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASK = "from edge.system.installation import adding, repairing\nprint(adding('reports'))\nprint(repairing('numpy'))"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


class Environment:
    """A virtual environment with this package alone in it, which sees the packages of the tests."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin/python"
        found = run(self.python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder)
        others = next(path for path in sys.path if path.endswith("site-packages"))
        # in the place of downloads: pip, hatchling and what the package imports
        Path(found.stdout.strip(), "others.pth").write_text(others + "\n", encoding="utf-8")
        pip = folder / "bin/pip"
        pip.write_text(f'#!/bin/sh\nexec {self.python} -m pip --no-cache-dir "$@"\n', encoding="utf-8")
        pip.chmod(0o755)

    def install(self, *words: str | Path, cwd: Path) -> None:
        done = run(self.python, "-m", "pip", "install", "--quiet", *OFFLINE, "--ignore-installed", *words, cwd=cwd)
        assert done.returncode == 0, done.stderr

    def asked(self, cwd: Path) -> tuple[str, str]:
        """What is said about an extra and about a package, by a process in ``cwd``."""
        found = run("env", "-u", "VIRTUAL_ENV", self.python, "-P", "-c", ASK, cwd=cwd)
        assert found.returncode == 0, found.stderr
        extra, package = found.stdout.splitlines()
        return extra, package

    def runs(self, command: str, cwd: Path) -> None:
        """The command as a shell has it, without the network and without changing anything."""
        words = f"{command} {' '.join(OFFLINE)} --dry-run --disable-pip-version-check"
        done = run("sh", "-c", words, cwd=cwd)
        assert done.returncode == 0, f"{command}: {done.stderr}"


OFFLINE = ("--no-index", "--no-deps", "--no-build-isolation")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A checkout of its own, in a folder whose name a shell takes apart."""
    folder = tmp_path / "my checkout"
    folder.mkdir()
    for name in ("edge", "converter", "models"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment")


def test_a_checkout_in_place(sources: Path, environment: Environment, tmp_path: Path) -> None:
    environment.install(".", cwd=sources)
    # an editable installation needs one package more to be built; this is what pip records of it
    [record] = environment.python.parents[1].rglob("direct_url.json")
    record.write_text(record.read_text().replace('"dir_info": {}', '"dir_info": {"editable": true}'))
    command, package = environment.asked(tmp_path)
    assert command == f"cd '{sources}' && {environment.python.parent}/pip install -e '.[reports]'"
    assert package == f"{environment.python.parent}/pip install numpy"
    assert environment.asked(sources)[0] == f"{environment.python.parent}/pip install -e '.[reports]'"


def test_a_checkout_that_was_copied(sources: Path, environment: Environment, tmp_path: Path) -> None:
    environment.install(".", cwd=sources)
    command, _ = environment.asked(tmp_path)
    assert command == f"cd '{sources}' && {environment.python.parent}/pip install '.[reports]'"
    environment.runs(command, tmp_path)


def test_a_wheel_and_one_that_is_gone(sources: Path, environment: Environment, tmp_path: Path) -> None:
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=sources)
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    environment.install(wheel, cwd=tmp_path)
    command, _ = environment.asked(tmp_path)
    assert command == f"{environment.python.parent}/pip install '{wheel}[reports]'"
    environment.runs(command, tmp_path)
    wheel.unlink()
    shutil.rmtree(sources)
    command, _ = environment.asked(tmp_path)
    assert shlex.split(command)[2:] == ["jinja2>=3.1", "matplotlib>=3.9"]


def test_the_service_names_its_own_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = tmp_path / "releases/20261121T193005"
    (release / "installer").mkdir(parents=True)
    (release / "installer/install.sh").write_text("#!/bin/bash\n")
    (tmp_path / "current").symlink_to(release)
    monkeypatch.setattr(sys, "prefix", str(release))
    assert installation.adding("parquet") == f"sudo {tmp_path}/current/installer/install.sh --extras parquet"
    assert installation.repairing("numpy", again=True) == f"sudo {tmp_path}/current/installer/install.sh"
    assert installation.adding("converter") == "on a workstation, in a checkout: pip install -e '.[converter]'"


def test_what_an_extra_consists_of_is_read_from_the_metadata() -> None:
    # the metadata are those of the day on which the checkout was installed
    assert set(installation._requirements("metrics")) == {"prometheus-client>=0.21"}
    assert {need.split(">=")[0] for need in installation._requirements("displays")} <= {
        need.split(">=")[0] for need in installation._requirements("pi")
    }
    assert "cryptography>=43" in set(installation._requirements("pi")), "of the extra within it"


def test_opencv_is_asked_for_as_the_package_does() -> None:
    assert installation.OPENCV in PROJECT["dependencies"]


def test_one_function_decides_for_all_messages_and_no_page_of_the_documentation_names_an_index() -> None:
    for path in [*(ROOT / "edge").rglob("*.py"), *(ROOT / "converter").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if path.name not in {"installation.py", "planted.py"}:
            assert "pip install" not in text, f"{path}: use edge.system.installation"
        for extra in re.findall(r"\badding\([\"']([\w-]+)[\"']\)", text):
            assert extra in PROJECT["optional-dependencies"], f"{path}: no extra {extra}"
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "models/README.md"]
    for path in [*pages, *(path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))]:
        assert not re.search(r"pip install '?\"?face-edge", path.read_text(encoding="utf-8")), path
