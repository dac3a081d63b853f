"""The commands `facebench study ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import MORE, Device, Limit, Results, TaskName, Threads, use_threads
from faceref.cli.group import CommandGroup

REFERENCES = """**Examples**

`facebench study references face_ref --run runs/msrnet --out report` studies one training

`facebench study references face_ref --run runs/ttsr_s --run runs/on_random` studies several: what
was trained with one kind of references is tested with every other. Train the second with
`facebench train face_ref --method ttsr_s --references-from random --out runs/on_random`

`facebench study references --file report/studies/NAME.json --out report` draws a page again

Interrupted? Give the same command again: it goes on. `facebench study gains` compares trainings.
"""
SLICES = """**Examples**

`facebench study slices results --method "MSRNet (K=5, refs_lr)" --against edsr --face-ref face_ref`

`facebench study slices results --method rcan_s --attributes list_attr_celeba.txt`
"""
EXAMPLE = "facebench study references face_ref --run runs/msrnet"
app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Study trained methods: their references, the faces they win on, the protocol.",
)


@app.command(epilog=REFERENCES)
def references(
    face_ref: Annotated[
        Path | None, typer.Argument(help="A Face_Ref folder, made by `faceref build`.")
    ] = None,
    run: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a training, or exported weights; several times for several."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for pages, figures and files.")] = Path(
        "report"
    ),
    file: Annotated[
        list[Path] | None,
        typer.Option(help="A study made before: only draw it. Several times for several."),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another build of the same faces, whose lists are by another similarity. "
            "Several times for several.",
            rich_help_panel=MORE,
        ),
    ] = None,
    counts: Annotated[
        str,
        typer.Option(help="Numbers of references (K), separated by commas.", rich_help_panel=MORE),
    ] = "1,2,3,5,8",
    task: TaskName = None,
    split: Annotated[str, typer.Option(help="test or val.", rich_help_panel=MORE)] = "test",
    limit: Limit = None,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Measure what a method gains from each kind and number (K) of references.

    Example: `facebench study references face_ref --run runs/msrnet`
    """
    import benchmark
    from faceref.console import need_option, say

    if file:
        return say("\n".join(map(str, benchmark.draw_reference_studies(file, out))))
    need_option("FACE_REF", face_ref is not None, EXAMPLE)
    need_option("--run", bool(run), EXAMPLE)
    use_threads(threads)
    made = benchmark.study_references(
        face_ref or Path(),
        run or [],
        out=out,
        task=task,
        split=split,
        also=also or (),
        counts=counts,
        limit=limit,
        device=device,
    )
    say("\n".join(map(str, made)))


@app.command()
def gains(
    results: Results,
    method: Annotated[
        str, typer.Option("--method", "-m", help="The method to compare with its rivals.")
    ] = "msrnet",
    studies: Annotated[
        Path, typer.Option(help="Folder of files of `facebench study references`.")
    ] = Path("report/studies"),
    out: Annotated[Path, typer.Option(help="Folder for page and figure.")] = Path("report"),
    budget: Annotated[str, typer.Option(help="Budget of the leaderboard.")] = "small",
    task: Annotated[str, typer.Option(help="Default: the only one of that budget.")] = "",
) -> None:
    """Say what a method and its references gain: paired differences of a leaderboard.

    Example: `facebench study gains results --task lfw-x8@1 --out report`
    """
    import benchmark
    from faceref.console import say

    made = benchmark.study_gains(
        results, method=method, studies=studies, out=out, budget=budget, task=task
    )
    say("\n".join(map(str, made)))


@app.command(epilog=SLICES)
def slices(
    results: Results,
    method: Annotated[str, typer.Option("--method", "-m", help="A row: its method, or label.")],
    against: Annotated[str, typer.Option(help="The row to compare with.")] = "bicubic",
    face_ref: Annotated[
        Path | None,
        typer.Option(help="The Face_Ref of the results: slices by pose, sharpness and size."),
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(help="Table of attributes: CelebA's text file, or CSV with image_id."),
    ] = None,
    budget: Annotated[str, typer.Option(help="Budget of the leaderboard.")] = "small",
    task: Annotated[str, typer.Option(help="Default: the only one of that budget.")] = "",
    metric: Annotated[str, typer.Option(help="psnr_y, ssim_y, identity, ...")] = "psnr_y",
    out: Annotated[Path, typer.Option(help="Markdown file; the figure lies beside it.")] = Path(
        "slices.md"
    ),
) -> None:
    """Compare two methods by pose, sharpness, size, or attributes of the source.

    Example: `facebench study slices results --method edsr --face-ref face_ref`
    """
    import benchmark
    from faceref.console import say

    say(
        benchmark.study_slices(
            results,
            method,
            against=against,
            faces=face_ref,
            attributes=attributes,
            budget=budget,
            task=task,
            metric=metric,
            out=out,
        )
    )


@app.command()
def protocols(
    faces: Annotated[Path, typer.Argument(help="A Face_Ref, or a folder of 128x128 images.")],
    out: Annotated[Path, typer.Option(help="Markdown file to write.")] = Path("protocols.md"),
    name: Annotated[str, typer.Option(help="What the page calls the faces.")] = "a folder",
) -> None:
    """Show on one set of faces how each choice of a protocol moves the number.

    Example: `facebench study protocols face_ref --out protocols.md`
    """
    import benchmark
    from faceref.console import say

    say(benchmark.study_protocols(faces, out=out, name=name))
