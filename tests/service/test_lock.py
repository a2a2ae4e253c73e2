"""What install.sh puts on a device: all of it pinned, with hashes, within the bounds, complete."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALL = (ROOT / "systemd/install.sh").read_text(encoding="utf-8")
LOCK = (ROOT / "systemd/lock.sh").read_text(encoding="utf-8")
PYTHONS = ("3.11", "3.13")
MACHINES = ("aarch64", "x86_64")
EXTRAS = re.findall(r"^locked=(\S+)", INSTALL, re.MULTILINE)[0].split(",")
FURTHER = re.findall(r"^further=\((.*)\)", LOCK, re.MULTILINE)[0].split()
"""Extras that a device has where its owner adds them."""
NOT_FOR_A_DEVICE = {"converter", "backbones", "test", "mutation", "site", "release", "dev"}
FILES = [
    *((python, f"requirements-{python}.txt") for python in PYTHONS),
    *((path.stem.rpartition("-")[2], f"extras/{path.name}") for path in sorted((ROOT / "systemd/extras").iterdir())),
]


def lines_of(file: str) -> list[str]:
    """One requirement a line, its hashes behind it."""
    text = (ROOT / "systemd" / file).read_text(encoding="utf-8")
    return [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def pins(python: str, *extras: str) -> dict[str, str]:
    """Versions by name, of what every device has and of ``extras``."""
    files = [f"requirements-{python}.txt", *(f"extras/{extra}-{python}.txt" for extra in extras)]
    found = [Requirement(line.split("--hash")[0]) for file in files for line in lines_of(file)]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in found}


def environment(python: str, machine: str) -> dict[str, str]:
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def applies(requirement: Requirement, around: dict[str, str], extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate(around | {"extra": extra}) for extra in extras | {""})


def wanted(extras: list[str], around: dict[str, str]) -> Iterator[Requirement]:
    """What pyproject.toml asks for, with its own extras unfolded."""
    texts = [*PROJECT["dependencies"]] if EXTRAS[0] in extras else []
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    for requirement in map(Requirement, texts):
        if requirement.name == PROJECT["name"]:
            yield from wanted(sorted(requirement.extras), around)
        elif applies(requirement, around, set()):
            yield requirement


def needed_by(name: str, version: str, extras: set[str], around: dict[str, str]) -> list[Requirement]:
    """What a package asks for in turn; nothing where this version of it is not installed here."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return []
    if found.version != version:
        return []
    return [need for need in map(Requirement, found.requires or []) if applies(need, around, extras)]


@pytest.mark.parametrize(("python", "file"), FILES)
def test_every_package_is_pinned_once_with_hashes(python: str, file: str) -> None:
    lines = lines_of(file)
    for line in lines:
        assert re.match(r"^[a-z0-9.-]+==[^ *;]+ ", line), line
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}(?= |$)", line), line
    names = {line.split("==")[0] for line in lines}
    assert len(names) == len(lines) > 0
    assert file.startswith("extras/") or len(names) > 30
    assert not file.startswith("extras/") or not names & set(pins(python)), "locked twice"


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("python", "extra"),
    [
        (python, extra)
        for python in PYTHONS
        for extra in ("", *FURTHER)
        if (python, extra) != ("3.13", "tflite-runtime")
    ],
)
def test_the_lock_keeps_the_bounds_and_lacks_nothing(python: str, machine: str, extra: str) -> None:
    around = environment(python, machine)
    further = [extra] if extra else []
    locked = pins(python, *further)
    waiting = list(wanted([*EXTRAS, *further], around))
    assert len(waiting) > 15
    seen: set[str] = set()
    looked_into = 0
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        assert name in locked, f"{need} is not locked: run systemd/lock.sh"
        assert need.specifier.contains(locked[name], prereleases=True), f"{need}, but locked is {locked[name]}"
        if name not in seen:
            seen.add(name)
            further_needs = needed_by(name, locked[name], need.extras, around)
            looked_into += bool(further_needs)
            waiting += further_needs
    assert looked_into >= 3 or python != "3.11"


def test_every_extra_is_on_each_device_or_can_be_added_from_a_lock() -> None:
    included = {extra for extra in EXTRAS for extra in (extra, *_inside(extra))}
    assert included.isdisjoint(FURTHER)
    assert included | set(FURTHER) | NOT_FOR_A_DEVICE == set(PROJECT["optional-dependencies"])
    there = {path.name for path in (ROOT / "systemd/extras").iterdir()}
    assert there == {f"{extra}-{python}.txt" for extra in FURTHER for python in PYTHONS} - {"tflite-runtime-3.13.txt"}


def test_the_page_has_what_it_offers_from_the_lock_of_every_device() -> None:
    for python in PYTHONS:
        assert {"matplotlib", "jinja2", "av", "segno", "cryptography", "prometheus-client"} <= set(pins(python))
        assert "pyarrow" not in pins(python), "170 MB that every device would carry"


def _inside(extra: str) -> list[str]:
    """Extras of this package that an extra contains."""
    needs = map(Requirement, PROJECT["optional-dependencies"][extra])
    return [name for need in needs if need.name == PROJECT["name"] for name in need.extras]


@pytest.mark.parametrize(
    ("python", "bound"), [("3.11", "numpy<2"), ("3.11", "opencv-python-headless<4.12"), ("3.13", "numpy>=2")]
)
def test_what_fits_the_camera_library_of_raspberry_pi_os(python: str, bound: str) -> None:
    requirement = Requirement(bound)
    assert requirement.specifier.contains(pins(python)[requirement.name])


def test_the_gpio_library_comes_from_apt_where_it_has_no_wheel() -> None:
    assert "lgpio" in pins("3.11")
    assert "lgpio" not in pins("3.13")


def test_the_package_itself_is_made_with_locked_tools() -> None:
    for python in PYTHONS:
        locked = pins(python)
        for need in ("hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers"):
            assert need in locked


def test_the_installer_heeds_the_lock_and_both_mean_the_same_extras() -> None:
    packages = (ROOT / "systemd/extras.sh").read_text(encoding="utf-8")
    assert '--require-hashes --only-binary :all: "${files[@]}"' in packages
    assert "--no-deps --no-index --no-build-isolation" in packages
    assert re.findall(r"^extras=\((.*)\)", LOCK, re.MULTILINE)[0].split() == EXTRAS
    for python in PYTHONS:
        head = (ROOT / f"systemd/requirements-{python}.txt").read_text(encoding="utf-8").splitlines()[0]
        assert f"Python {python}" in head
        assert f"extras {' '.join(EXTRAS)}" in head
