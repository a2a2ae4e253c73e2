"""Output of ``face-convert evaluate`` about the answers of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge.inference.manifest import Manifest


def figures(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures of every head under default settings, from the part ``device`` of the results."""
    yield "as a device with default settings answers: with prior, temperature by face and refusal"
    for head, one in found["heads"].items():
        yield f"  {head}, prior of strength {found['strengths'][head]:g}, n={one['n']}"
        yield f"    accuracy {_shown(one['accuracy'])}, balanced accuracy {_shown(one['balanced_accuracy'])}"
        yield f"    calibration error {_shown(one['ece'])}, of it by chance {one['ece_by_chance'][0]:.1%}"
        yield (
            f"    wrong with a confidence of {found['min_confidence']:.0%} and more {_shown(one['wrong'])}, "
            f"below it, unclear {_shown(one['unclear'])}"
        )
        if one["refused"] is not None:
            yield f"    refused as no faces {_shown(one['refused'])}"


def calibration(manifest: Manifest) -> Iterator[str]:
    """Yield prior, certainty and refusal of the manifest, with their measured figures."""
    yield "in the manifest:"
    for output in manifest.outputs:
        yield f"  {output.head}: " + "; ".join(_of_head(output))
    if manifest.refusal is None:
        yield "  refusal: none"
    else:
        shown = ", ".join(f"{name} {value:g}" for name, value in manifest.refusal.figures.items())
        yield f"  refusal below an evidence of {manifest.refusal.least:g}: {shown}"


def _of_head(output: Any) -> Iterator[str]:
    prior, certainty = output.prior, output.certainty
    if prior is None:
        yield "no prior"
    else:
        (chosen,) = [score for score in prior.scores if score.strength == prior.audience] or [None]
        costs = "" if chosen is None else f" (accuracy {chosen.accuracy:.1%}, balanced {chosen.balanced_accuracy:.1%})"
        yield f"prior audience {prior.audience:g}{costs}"
    if certainty is None:
        yield f"temperature {output.temperature:g} for every face"
    else:
        yield (
            f"temperature {certainty.temperature:g} to {certainty.temperature * certainty.most:g} by face: "
            f"spread {certainty.spread:g}, detail {certainty.detail:g}, tilt {certainty.tilt:g}"
        )


def _shown(found: list[float]) -> str:
    value, low, high = found
    return f"{value:.1%} [{100 * low:.1f} to {100 * high:.1f}]"
