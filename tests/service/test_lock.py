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


def lines_of(python: str) -> list[str]:
    """One requirement a line, its hashes behind it."""
    text = (ROOT / f"systemd/requirements-{python}.txt").read_text(encoding="utf-8")
    return [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def pins(python: str) -> dict[str, str]:
    """Versions by name."""
    found = [Requirement(line.split("--hash")[0]) for line in lines_of(python)]
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
    texts = [*PROJECT["dependencies"]] if extras is EXTRAS else []
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


@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_is_pinned_once_with_hashes(python: str) -> None:
    lines = lines_of(python)
    for line in lines:
        assert re.match(r"^[a-z0-9.-]+==[^ *;]+ ", line), line
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}(?= |$)", line), line
    assert len(pins(python)) == len(lines) > 30


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_keeps_the_bounds_and_lacks_nothing(python: str, machine: str) -> None:
    around = environment(python, machine)
    locked = pins(python)
    waiting = list(wanted(EXTRAS, around))
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
            further = needed_by(name, locked[name], need.extras, around)
            looked_into += bool(further)
            waiting += further
    assert looked_into >= 3 or python != "3.11"


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
    assert '--require-hashes --only-binary :all: -r "$lock"' in INSTALL
    assert "--no-deps --no-index --no-build-isolation" in INSTALL
    assert re.findall(r"^extras=\((.*)\)", LOCK, re.MULTILINE)[0].split() == EXTRAS
    for python in PYTHONS:
        head = (ROOT / f"systemd/requirements-{python}.txt").read_text(encoding="utf-8").splitlines()[0]
        assert f"Python {python}" in head
        assert f"extras {' '.join(EXTRAS)}" in head


def test_a_version_lies_on_the_disk_before_anything_points_to_it() -> None:
    switch = INSTALL[INSTALL.index("switch() {") : INSTALL.index("healthy() {")]
    assert switch.index("sync --file-system") < switch.index("mv -T") < switch.index('mv "/etc/systemd/system/')
