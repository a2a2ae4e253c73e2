"""``face-convert``: from a data set to the device's model, with one module per command.

:func:`main` handles all errors: one line on standard error and the exit codes of ``face-edge``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from converter.cli.average import average
from converter.cli.calibrate import calibrate
from converter.cli.card import card
from converter.cli.checkpoint import checkpoint
from converter.cli.compare import compare
from converter.cli.crop_alignment import crop_alignment
from converter.cli.crop_margin import crop_margin
from converter.cli.distill import distill
from converter.cli.evaluate import evaluate
from converter.cli.export import export
from converter.cli.face_output import face_output, non_faces
from converter.cli.latency import latency
from converter.cli.learning_rate import learning_rate
from converter.cli.plan import plan
from converter.cli.prepare import prepare
from converter.cli.quantize import quantize
from converter.cli.teach import teach
from converter.cli.train import train
from converter.interruption import Interrupted, interruptible
from converter.quiet import silence_third_parties
from edge import __version__
from edge.core.errors import EdgeError
from edge.system.installation import adding

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
_HARDWARE_UNAVAILABLE = 8
_PACKAGES = {
    "tqdm",
    "torch",
    "lightning",
    "torchmetrics",
    "matplotlib",
    "adjustText",
    "scipy",
    "captum",
    "litert_torch",
    "ai_edge_quantizer",
    "ai_edge_litert",
}

COMMANDS = (
    prepare,
    learning_rate,
    train,
    teach,
    distill,
    plan,
    checkpoint,
    average,
    non_faces,
    face_output,
    export,
    quantize,
    calibrate,
    evaluate,
    compare,
    latency,
    card,
    crop_margin,
    crop_alignment,
)
"""Commands in the order of use."""


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="face-convert", message="%(prog)s %(version)s")
def cli() -> None:
    """Train, quantise and measure the expression network."""


for _command in COMMANDS:
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``face-convert`` with ``arguments`` (``None``: the process's own) and return its exit code."""
    try:
        with interruptible(), silence_third_parties():
            result = cli.main(args=arguments, prog_name="face-convert", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except EdgeError as error:
        return _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        return _fail(f"{error.name} is not installed: {adding('converter')}", _HARDWARE_UNAVAILABLE)
    except Interrupted as error:
        click.echo(f"face-convert: stopped{error.advice and f': {error.advice}'}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int) -> int:
    click.echo(f"face-convert: error: {' '.join(message.split())}", err=True)
    return code
