"""Command ``face-convert export``."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli import options
from converter.progress import say


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .ckpt of train.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .onnx to write.")
def export(*, checkpoint: Path, out: Path) -> None:
    """Write a checkpoint's network as ONNX, in float32 and for any batch size.

    The file is run on ONNX Runtime, if that is installed, and compared with the network.
    """
    from converter.outputs import write_bytes
    from converter.quantization import onnx
    from converter.training import checkpoint as checkpoints

    options.refuse_suffix(out, ".onnx")
    onnx.require()
    trained = checkpoints.load(checkpoint)
    content = onnx.to_onnx(trained)
    error = onnx.greatest_error(content, trained.whole)
    write_bytes(out, content)
    print(f"{out}: {len(content) / 1e6:.1f} MB, outputs {', '.join(trained.whole.head_names)}")
    if error is None:
        say("not compared with the network: ONNX Runtime (the package onnxruntime) is not installed", err=True)
    else:
        print(f"  its logits differ from the network's by {error:.1g} at most")
