"""The command `facebench slices`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

EPILOG = """**Examples**

`facebench slices results --method "MSRNet (K=5, refs_lr)" --against edsr --face-ref face_ref`

`facebench slices results --method rcan_s --attributes list_attr_celeba.txt` by CelebA's forty
"""


def slices(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    method: Annotated[str, typer.Option("--method", "-m", help="A row: its method, or label.")],
    against: Annotated[str, typer.Option(help="The row to compare with.")] = "bicubic",
    face_ref: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The Face_Ref of the results: slices by pose, sharpness and size."),
    ] = None,
    attributes: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Table of attributes: CelebA's text file, or CSV with image_id."),
    ] = None,
    budget: Annotated[str, typer.Option(help="Whose leaderboard.")] = "small",
    task: Annotated[str, typer.Option(help="Default: the only one of that budget.")] = "",
    metric: Annotated[str, typer.Option(help="psnr_y, ssim_y, identity, …")] = "psnr_y",
    out: Annotated[Path, typer.Option(help="Markdown file; the figure lies beside it.")] = Path(
        "slices.md"
    ),
) -> None:
    """Where does a method win? By pose, sharpness, size, or the attributes of the source."""
    from benchmark.studies.slices import Wanted, write_slices
    from faceref.console import say

    wanted = Wanted(method, against, budget, task, metric)
    say(write_slices(results, wanted, face_ref, attributes, out))


def add_slices(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(slices)
