"""``face-edge sessions`` as a user runs it, on a device that runs and on one that does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from edge import config as configuration
from edge.cli import main
from edge.cli.app import cli as cli_group
from edge.cli.sessions.length import Length
from edge.cli.sessions.running import NOT_ON_DISK
from edge.core.commands import Answer, CommandQueue
from edge.core.errors import EdgeError
from edge.core.events import SessionKind
from edge.recording.file import SessionFile
from edge.recording.rows import put_event, put_second, put_session
from edge.runtime.durability_barrier import WARNING
from edge.runtime.local import LocalControl, control_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Cli = Any
KEPT = "state/sessions-x.sqlite3"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """``cli("list")``: exit code, output, errors; in an empty folder that is the device's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    for name in [name for name in os.environ if name.startswith("FACE_EDGE_")]:
        monkeypatch.delenv(name)

    def run(*words: str | Path) -> tuple[int, str, str]:
        capfd.readouterr()
        base = ["--set", "node.id=x", "--set", f"node.state_dir={tmp_path / 'state'}", "sessions"]
        code = main([*base, *map(str, words)])
        out, errors = capfd.readouterr()
        return code, out, errors

    return run


@pytest.fixture
def kept(tmp_path: Path, made_up: Any) -> list[Any]:
    """Two finished sessions in the device's file."""
    recordings = [made_up(seconds=90), made_up(seconds=60, seed=2, title="Second", kind=SessionKind.GAME)]
    with SessionFile(tmp_path / KEPT, create=True) as file:
        for recording in recordings:
            record = recording.record
            file.write([put_session(record)])
            file.write([put_second(record.id, second) for second in recording.seconds])
            file.write([put_event(record.id, happening) for happening in recording.events])
    return recordings


def test_without_sessions_it_says_how_to_begin(cli: Cli) -> None:
    code, out, errors = cli("list")
    assert (code, out) == (4, "")
    assert "face-edge sessions start" in errors
    assert errors.count("\n") == 1


def test_list_and_show(cli: Cli, kept: list[Any]) -> None:
    code, out, _ = cli("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [kept[1].record.id, kept[0].record.id]
    _, out, _ = cli("list", "--json")
    assert json.loads(out.splitlines()[0])["title"] == "Second"
    code, out, _ = cli("show", "last")
    assert code == 0
    assert "Second" in out
    assert "apparent facial expression" in out
    _, out, _ = cli("show", kept[0].record.id[-6:], "--json")
    assert json.loads(out)["figures"]["markers"] == 5


def test_the_list_says_which_have_counts_only(cli: Cli, tmp_path: Path, made_up: Any) -> None:
    few = made_up(seconds=60, people=1, k=3, title="Few")
    agreed = made_up(seconds=60, seed=2, people=4, k=1, title="Two of us", kind=SessionKind.PRIVATE, agreed=True)
    with SessionFile(tmp_path / KEPT, create=True) as file:
        for found in (few, agreed):
            file.write([put_session(found.record)])
            file.write([put_second(found.record.id, second) for second in found.seconds])
    code, out, _ = cli("list")
    assert code == 0
    assert [line.partition("  Two of us")[2] or line.partition("  Few")[2] for line in out.splitlines()] == [
        "  (k = 1, agreed)", "  (counts only: too few faces)",
    ]  # fmt: skip
    _, out, _ = cli("show", few.record.id)
    assert "figures need 3 faces or more" in out


def test_a_report_of_counts_only_says_so_and_is_drawn_once(
    cli: Cli, tmp_path: Path, made_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    few = made_up(seconds=60, people=1, k=3, title="Few")
    with SessionFile(tmp_path / KEPT, create=True) as file:
        file.write([put_session(few.record)])
        file.write([put_second(few.record.id, second) for second in few.seconds])
    code, out, errors = cli("report", "last", "--out", "r.html")
    assert (code, out.strip()) == (0, "r.html")
    assert errors.startswith("figures need 3 faces or more in view, ")
    assert errors.endswith(": the report has counts only\n")
    monkeypatch.setattr("edge.reports.report.report", lambda *_, **__: pytest.fail("drawn again"))
    assert cli("report", "last", "--out", "again.html")[0] == 0
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "r.html").read_bytes()


@pytest.mark.parametrize(
    ("word", "says"),
    [("nope", "names no session"), ("01", "too short"), ("01KQT", "names 2 sessions"), ("last", "")],
)
def test_how_a_session_is_named(cli: Cli, kept: list[Any], word: str, says: str) -> None:
    assert kept
    code, _, errors = cli("show", word)
    assert code == (4 if says else 0)
    assert says in errors


def test_a_report_and_a_comparison(cli: Cli, kept: list[Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    code, out, errors = cli("report", "last", "--out", "r.html", "--media-start", "0:20")
    assert (code, out.strip(), errors) == (0, "r.html", "")
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    code, _, errors = cli("report", "last", "--out", "r.html")
    assert code == 4
    assert "--force" in errors
    code, _, errors = cli("compare", *(recording.record.id for recording in kept), "--out", "c.html")
    assert (code, errors) == (0, "")
    code, _, errors = cli("compare", "last", "last", "--out", "d.html")
    assert (code, "2 to 8" in errors) == (4, True)
    assert not (tmp_path / "d.html").exists()


def test_without_matplotlib_it_is_one_line(cli: Cli, kept: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, errors = cli("report", "last", "--out", "r.html")
    assert code == 8
    assert "pip install -e '.[reports]'" in errors
    assert errors.count("\n") == 1


def test_export(cli: Cli, kept: list[Any], tmp_path: Path) -> None:
    code, out, _ = cli("export", "last")
    assert code == 0
    assert len(out.splitlines()) == len(kept[1].seconds) + 1
    _, out, _ = cli("export", "last", "--format", "json")
    assert len(json.loads(out)["seconds"]) == len(kept[1].seconds)
    assert cli("export", "last", "--format", "parquet")[0] == 2
    assert cli("export", "last", "--out", "s.csv")[0] == 0
    assert cli("export", "last", "--out", "s.csv")[0] == 4
    code, _, errors = cli("export", "last", "--out", "/proc/none/s.csv")
    assert code == 4
    assert errors.count("\n") == 1
    assert [path.name for path in tmp_path.glob("*.csv")] == ["s.csv"]


def test_delete(cli: Cli, kept: list[Any]) -> None:
    code, out, _ = cli("delete", "last", "--yes")
    assert (code, out.strip()) == (0, f"deleted {kept[1].record.id}")
    assert kept[1].record.id not in cli("list")[1]


def test_commands_without_a_device_are_one_line(cli: Cli) -> None:
    for words in (("start", "x"), ("mark",), ("stop",)):
        code, _, errors = cli(*words)
        assert code == 1
        assert "no device of this node runs" in errors
        assert errors.count("\n") == 1


@pytest.fixture
def unsure(tmp_path: Path) -> Iterator[None]:
    """A device whose disk has not taken what is asked of it."""
    flags = {"node.id": "x", "node.state_dir": tmp_path / "state"}
    path = control_path(configuration.load(environment={}, flags=flags))
    inbox, over = CommandQueue(), threading.Event()

    def loop() -> None:
        while not over.wait(0.01):
            for request in inbox.take():
                request.answer(Answer({"id": "01X", "session": "01X", "warning": WARNING}))

    thread = threading.Thread(target=loop)
    thread.start()
    with LocalControl(path, inbox):
        yield
    over.set()
    thread.join(60)


@pytest.mark.usefixtures("unsure")
@pytest.mark.parametrize(("words", "printed"), [(("start", "x"), "01X\n"), (("mark",), ""), (("stop",), "01X\n")])
def test_what_is_done_but_not_on_the_disk_has_an_exit_code_of_its_own(
    cli: Cli, words: tuple[str, ...], printed: str
) -> None:
    assert cli(*words) == (10, printed, f"{WARNING}\n")


def test_the_exit_code_of_what_is_not_on_the_disk_is_in_both_tables() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## Exit codes")[2].partition("##")[0]
    assert f"`{NOT_ON_DISK}` done, but not on the disk yet" in " ".join(table.split())
    help_text = " ".join(CliRunner().invoke(cli_group, ["--help"]).output.split())
    assert f"{NOT_ON_DISK} done but not on the disk yet" in help_text
    kinds: list[type[EdgeError]] = [EdgeError, *EdgeError.__subclasses__()]
    errors = {kind.exit_code for kind in kinds}
    assert all(f"`{code}`" in table for code in errors | {0, 2, 130})
    assert NOT_ON_DISK not in errors


def test_a_file_that_is_none_is_one_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / KEPT).write_bytes(b"nonsense" * 1000)
    code, _, errors = cli("list")
    assert code == 4
    assert "is damaged" in errors
    assert errors.count("\n") == 1


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start the device whose folder ``cli`` works on."""
    started: list[subprocess.Popen[str]] = []
    readers: list[threading.Thread] = []

    def start() -> subprocess.Popen[str]:
        flags = {"node.id": "x", "node.state_dir": tmp_path / "state", "source.width": 320, "source.height": 240}
        words = [word for key, value in flags.items() for word in ("--set", f"{key}={value}")]
        command = [sys.executable, "-m", "edge", *words, "run", "--source", "virtual:portrait", "--json"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        started.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["topic"] == "camera":
                break
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        readers.append(reader)
        return process

    yield start
    for process, reader in zip(started, readers, strict=False):
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def test_a_session_outlives_a_killed_device(cli: Cli, device: Callable[..., Any], tmp_path: Path) -> None:
    first = device()
    code, out, _ = cli("start", "Premiere", "--kind", "film", "--media", "Nosferatu", "--media-length", "1:34:00")
    assert code == 0
    session = out.strip()
    assert cli("start", "again")[0] == 1
    assert cli("mark", "the stairs")[0] == 0
    assert "running" in cli("list")[1]
    code, _, errors = cli("delete", "last", "--yes")
    assert (code, "is running" in errors) == (4, True)
    first.kill()
    first.wait()
    assert "(interrupted)" in cli("list")[1]
    assert re.search(r"^Interrupted at \d\d:\d\d:\d\d: the device stopped", cli("show", "last")[1], re.MULTILINE)
    found = json.loads(cli("export", "last", "--format", "json")[1])
    assert found["session"]["ended_by"] == "interruption"
    report = tmp_path / "report.html"
    assert cli("report", "last", "--out", str(report))[0] == 0
    text = report.read_text()
    assert ("still running" in text, "interrupted at" in text) == (False, True)
    second = device()
    assert "Still running." in cli("show", "last")[1]
    assert cli("mark", "back again")[0] == 0
    assert cli("stop")[1].strip() == session
    second.terminate()
    assert second.wait(60) == 0
    code, out, _ = cli("export", "last", "--format", "json")
    found = json.loads(out)
    assert (found["session"]["ended_by"], found["session"]["media_duration_s"]) == ("stop", 5640)
    assert [event["label"] for event in found["events"] if event["type"] == "marker"] == ["the stairs", "back again"]
    numbers = [row["second"] for row in found["seconds"]]
    assert numbers == sorted(set(numbers))
    assert all(row["suppressed"] and row["valence"] is None for row in found["seconds"] if row["people"])


def test_one_person_who_agreed_has_a_report(cli: Cli, device: Callable[..., Any], eventually: Any) -> None:
    running = device()
    code, _, errors = cli("start", "advert", "--kind", "advertisement", "--k", "1", "--agreed")
    assert code == 1
    assert "only a session of kind game or private" in errors
    assert errors.count("\n") == 1
    code, _, errors = cli("start", "level 3", "--kind", "game")
    assert code == 0
    assert "figures need 3 faces or more in view" in errors
    assert "--k 1 --agreed" in errors
    assert cli("stop")[0] == 0
    assert "agreed" in cli("start", "level 3", "--kind", "game", "--k", "1")[2]
    code, _, errors = cli("start", "level 3", "--kind", "game", "--k", "1", "--agreed")
    assert (code, errors) == (0, "")

    def with_figures() -> bool:
        return bool(json.loads(cli("show", "last", "--json")[1])["figures"]["measured_s"] > 1)

    assert eventually(with_figures, 60)
    assert cli("stop")[0] == 0
    found = json.loads(cli("show", "last", "--json")[1])
    assert (found["k"], found["agreed"], found["kind"]) == (1, True, "game")
    assert found["figures"]["valence"] is not None
    running.terminate()
    assert running.wait(30) == 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("45m", 2700), ("1.5h", 5400), ("1:30", 90), ("1:30:00", 5400)]
)
def test_lengths(text: str, seconds: float) -> None:
    assert Length().convert(text, None, None) == seconds


def test_a_length_that_is_none() -> None:
    import click

    with pytest.raises(click.BadParameter, match="expected a time such as"):
        Length().convert("soon", None, None)


def test_help_names_every_command() -> None:
    from edge.cli.sessions import sessions

    out = CliRunner().invoke(sessions, ["--help"]).output
    for name in ("list", "show", "report", "compare", "export", "delete", "start", "mark", "stop"):
        assert f"  {name}" in out
