"""Command ``face-convert evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli import options
from converter.cli.data import rule_of
from converter.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from converter.datasets.faces import FaceSet
    from converter.datasets.holdout import HoldOut
    from converter.evaluation.divisions import Division
    from converter.evaluation.recurrence import Recurrence
    from converter.evaluation.subject import Subject


@click.command()
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite or a .ckpt.")
@options.data
@options.votes
@options.split
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="results.json and plots go here.")
@click.option(
    "--recurring/--no-recurring",
    default=True,
    show_default=True,
    help="Measure again without the pictures that also occur in Training, which is read for this.",
)
@click.option("--robustness", is_flag=True, help="Measure again under six kinds of disturbance: 25 times the work.")
@click.option("--conditions", is_flag=True, help="Measure again by size of the face and by light: 80 times the work.")
@click.option("--groups", is_flag=True, help="Measure by brightness, contrast and, with --detector, pose of the face.")
@options.detector
@click.option(
    "--saliency",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Draw the deciding parts of N faces. These pictures show faces of the data set: do not publish them.",
)
@options.as_json
def evaluate(
    *,
    model: Path,
    data: Path,
    votes: Path | None,
    split: str,
    out: Path | None,
    recurring: bool,
    robustness: bool,
    conditions: bool,
    groups: bool,
    detector: Path | None,
    saliency: int,
    as_json: bool,
) -> None:
    """Measure a model on one split, one view, every head against its own labels, with 95 % intervals."""
    if saliency and out is None:
        msg = "--saliency draws pictures: give a folder for them with --out"
        raise click.UsageError(msg)
    if detector is not None and not groups:
        msg = "--detector gives the poses of --groups"
        raise click.UsageError(msg)
    from converter import datasets
    from converter.evaluation.results import results, to_json
    from converter.evaluation.subject import open_subject

    subject = open_subject(model)
    if subject.mapping is not None and (out is not None or robustness or conditions):
        msg = "--out, --robustness and --conditions are for models of the usual seven classes"
        raise click.UsageError(msg)
    finder = None if detector is None else opened(detector)
    rule = rule_of(subject.data)
    faces = datasets.load(data, split, votes=votes, rule=rule, mapping=subject.mapping)
    for line in remarks(subject, faces, split):
        say(line, err=True)
    found = results(
        subject,
        faces,
        split,
        recurrence=recurrence_of(faces, data, split, rule) if recurring else None,
        robust=robustness,
        by_condition=conditions,
        by_group=divided(faces, finder) if groups else (),
    )
    if out is not None:
        from converter.evaluation.figures import draw
        from converter.outputs import write_bytes

        draw(found, out)
        write_bytes(out / "results.json", to_json(found).encode())
    if saliency and out is not None:
        from converter.evaluation.explain import explain

        explain(subject, faces, saliency, out)
    print(to_json(found).rstrip() if as_json else "\n".join([*_table(found), *_device(found, subject)]))


def opened(detector: Path) -> Any:
    """Load YuNet from its file, for :func:`divided`."""
    from converter.crop_alignment import open_detector

    return open_detector(detector)


def divided(faces: FaceSet, finder: Any | None) -> Sequence[Division]:
    """Return the groups that ``--groups`` measures by."""
    from converter.evaluation.divisions import divisions

    return divisions(faces, finder)


def remarks(subject: Subject, faces: FaceSet, split: str) -> Iterator[str]:
    """Yield remarks on the reliability of figures of ``subject`` on ``faces``."""
    from converter.datasets.describe import missing_classes
    from converter.heads import measured_by

    has = subject.heads
    unmeasured = [head for head in has if head not in measured_by(faces)]
    if unmeasured:
        what = "votes" if unmeasured == ["consensus"] else "labels"
        yield f"{split} has no {what} to measure {', '.join(unmeasured)} by"
    lacking = [head for head in measured_by(faces) if head not in has]
    if lacking:
        yield f"{subject.name} has no {' and no '.join(lacking)} head: it was trained without"
    if subject.data is None:
        return
    absent = [name for name in missing_classes(subject.data) if faces.counts().get(name)]
    if absent:
        yield f"{subject.name} was trained without a picture of {', '.join(absent)}, which {split} has"
    held_out = subject.data["held_out"]
    if split in {"Training", "All"} and held_out is not None and len(faces) == held_out["rows"]:
        yield f"{subject.name} may have learnt from these pictures: --split PublicTest measures what was held out"


def recurrence_of(faces: FaceSet, data: Path, split: str, rule: HoldOut | None = None) -> Recurrence | None:
    """Return which ``faces`` occur in the data's Training split; ``None`` if that is measured or missing."""
    from converter import datasets
    from converter.evaluation.recurrence import recurrence

    if split in {"Training", "All"}:
        return None
    try:
        whole = datasets.load(data, "Training", drop_duplicates=False, rule=rule)
    except datasets.MissingSplitError:
        return None
    return recurrence(faces, whole, datasets.without_listed(data, whole))


def _table(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['model']} on {found['split']}, {found['precision']}, one view; in brackets 95 % intervals"
    if found["recurrence"]:
        recurs = found["recurrence"]
        yield (
            f"{recurs['pictures']} of {recurs['of']} pictures occur in Training as published, "
            f"{recurs['seen_in_training']} in what is left of it to train on"
        )
    for head in found["heads"]:
        yield f"{head['head']} head against {head['labels']} labels, n={head['n']}"
        yield from _figures(head)
        if head["without_recurring"]:
            yield f"  without recurring pictures, n={head['without_recurring']['n']}"
            yield from _figures(head["without_recurring"])
    if found["certainty"]:
        yield from _certainty(found["certainty"])
    if found["robustness"]:
        yield from _robustness(found["robustness"])
    if found.get("conditions"):
        yield from _conditions(found["conditions"])


def _device(found: Mapping[str, Any], subject: Subject) -> Iterator[str]:
    from converter.card import group_tables
    from converter.cli import deployed_text

    if subject.manifest is not None:
        yield from deployed_text.calibration(subject.manifest)
    if "device" in found:
        yield from deployed_text.figures(found["device"])
    if "groups" in found:
        yield from ("", *group_tables.lines(found))


def _figures(found: Mapping[str, Any]) -> Iterator[str]:
    def shown(name: str) -> str:
        return f"{found[name]:.1%} {_bracket(found['interval'][name])}"

    yield f"  accuracy {shown('accuracy')}, top two {shown('top2')}"
    yield f"  balanced accuracy {shown('balanced_accuracy')}, macro F1 {shown('macro_f1')}"
    yield f"  calibration error {shown('ece')}, before temperature {shown('ece_raw')}"
    for name in ("recall", "precision"):
        yield f"  {name} " + ", ".join(f"{emotion} {_percent(value)}" for emotion, value in found[name].items())


def _certainty(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"consensus head, annotators who agree: mean confidence, accuracy (n={found['n']})"
    for row in found["agreement"]:
        if row["n"]:
            bounds = f"{row['over']:.0%} to {row['up_to']:.0%}"
            yield f"  {bounds:>12}  {row['confidence']:.1%}  {_percent(row['accuracy'], 1)}  n={row['n']}"
    if found["spearman"] is not None:
        low, high = found["spearman_interval"]
        yield f"  rank correlation of the entropies {found['spearman']:.2f} [{low:.2f} to {high:.2f}]"


def _robustness(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    heads = list(rows[0]["heads"])
    yield "accuracy under disturbance".ljust(40) + "".join(f"{head:>24}" for head in heads)
    for row in rows:
        found = (row["heads"][head] for head in heads)
        cells = (f"{head['accuracy']:.1%} {_bracket(head['interval']['accuracy'])}" for head in found)
        yield f"  {row['kind']}, {row['strength']}".ljust(40) + "".join(f"{cell:>24}" for cell in cells)


def _conditions(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    heads = list(rows[0]["heads"])
    yield "accuracy by condition, without -> with corrections".ljust(52) + "".join(f"{head:>18}" for head in heads)
    for row in rows:
        noise = " and a sensor's noise" if row["noisy"] else ""
        cells = (f"{row['plain'][head]['accuracy']:.1%} -> {row['heads'][head]['accuracy']:.1%}" for head in heads)
        name = f"  {row['size']} px wide, {row['light']} % of the light{noise}"
        yield name.ljust(52) + "".join(f"{cell:>18}" for cell in cells)


def _bracket(bounds: Sequence[float]) -> str:
    low, high = bounds
    return f"[{100 * low:.1f} to {100 * high:.1f}]"


def _percent(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}%}"
