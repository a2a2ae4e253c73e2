"""What contributors find is true: files, names and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs/decisions").glob("0*.md"))
NAMED = re.compile(r"`((?:edge|converter|tests|docs|systemd|tools)/[\w./-]+)`")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def yaml_of(name: str) -> Any:
    yaml = pytest.importorskip("yaml", reason="PyYAML reads it: pip install -e '.[schema]'")
    return yaml.safe_load(read(name))


@pytest.mark.parametrize(
    "name", ["CONTRIBUTING.md", "SECURITY.md", *(str(path.relative_to(ROOT)) for path in DECISIONS)]
)
def test_files_and_targets_that_are_named_exist(name: str) -> None:
    text = read(name)
    assert [path for path in NAMED.findall(text) if not (ROOT / path).exists()] == []
    assert set(re.findall(r"`make ([a-z-]+)[^`]*`", text)) - TARGETS == set()
    folder = (ROOT / name).parent
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not (folder / link).exists()] == []


def test_backends_are_added_where_the_guide_says() -> None:
    assert "BACKENDS = {" in read("edge/sources/factory.py")
    assert "BACKENDS" in read("tests/contract/test_frame_sources.py")
    assert "class DetectorConfig" in read("edge/config/vision.py")
    assert "ARCHITECTURES" in read("converter/architectures/__init__.py")


def test_records_are_numbered_listed_and_complete() -> None:
    index = read("docs/decisions/README.md")
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix(f"# {int(path.name[:4])}. ")
        assert f"[{title}]({path.name})" in index
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_hooks_run_the_checks_of_make_without_a_network() -> None:
    repositories = yaml_of(".pre-commit-config.yaml")["repos"]
    assert {each["repo"] for each in repositories} == {"local"}
    hooks = [hook for each in repositories for hook in each["hooks"]]
    assert [(hook["entry"], hook["language"], hook["pass_filenames"]) for hook in hooks] == [
        ("make check", "system", False)
    ]


def test_hosted_ci_runs_the_same_script_as_every_machine() -> None:
    workflow = yaml_of(".github/workflows/ci.yml")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    [run] = [step["run"] for step in steps if "run" in step]
    assert run.endswith(" .ci/run")
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert workflow["permissions"] == {"contents": "read"}


def test_forms_for_issues_have_what_github_requires() -> None:
    for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml_of(str(path.relative_to(ROOT)))
        if path.name == "config.yml":
            continue
        assert form["name"]
        assert form["description"]
        fields = [each for each in form["body"] if each["type"] != "markdown"]
        assert len({each["id"] for each in fields}) == len(fields) > 0
        assert all(each["attributes"]["label"] for each in fields)


def test_weaknesses_are_reported_in_private() -> None:
    assert "Report a vulnerability" in read("SECURITY.md")
    assert "@" not in read("SECURITY.md")
