"""The command `facebench evaluate`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from benchmark.cli.options import Device, FaceLimit, TaskName, Threads
from benchmark.cli.train import use_threads

if TYPE_CHECKING:
    from benchmark.evaluation.extra_metrics import ExtraMetrics
    from faceref.dataset.store import FaceRef

EPILOG = """**Examples**

`facebench evaluate face_ref --method bicubic`

`facebench evaluate face_ref --method msrnet --run runs/msrnet --references 5 --list refs_lr`

`facebench evaluate face_ref --method msrnet --run msrnet.safetensors` scores exported weights

`facebench evaluate face_ref --method bicubic --metrics lpips_alex,identity` scores these too; see
`facebench weights`. A result that is there keeps the metrics that it has

`facebench evaluate face_ref --predictions DIR --method mine` for images of your own method:
one `DIR/<image_id>.png` for each face of the split, 128x128 in 8-bit RGB, and no other file

`facebench evaluate face_ref --spandrel x8.safetensors --method mine` for weights of a single-image
x8 network that the package spandrel knows (`pip install 'face-ref[spandrel]'`)
"""


def evaluate(
    face_ref: Annotated[Path, typer.Argument(help="A Face_Ref folder, made by `faceref build`.")],
    method: Annotated[str, typer.Option("--method", "-m", help="See `facebench methods`.")],
    run: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of the method's training, or its released .safetensors."),
    ] = None,
    task: TaskName = None,
    split: Annotated[str, typer.Option(help="test or val.")] = "test",
    references: Annotated[int, typer.Option(help="References given, 0 to 8.", min=0)] = 5,
    reference_list: Annotated[str, typer.Option("--list", help="refs_hr or refs_lr.")] = "refs_lr",
    oracle: Annotated[
        bool, typer.Option("--oracle", help="Give the HR face itself: checks the transfer path.")
    ] = False,
    faces: FaceLimit = None,
    predictions: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of images to score; --method names them."),
    ] = None,
    spandrel: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Weights, .safetensors or .pth, to score; --method names them."),
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder for the result file.")] = Path("results"),
    metrics: Annotated[str, typer.Option(help="More metrics, by commas: lpips_alex, fid, …")] = "",
    embedder: Annotated[
        str, typer.Option(help="For identity, landmarks and usage; not the mining one.")
    ] = "dlib",
    pack: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface model pack."),
    ] = None,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Score a method on a split, image by image, and write the result file."""
    from benchmark.evaluation.evaluate import Setting, default_task
    from benchmark.evaluation.evaluate import evaluate as run_evaluation
    from benchmark.evaluation.predictions import evaluate_predictions
    from benchmark.evaluation.spandrel import evaluate_spandrel
    from benchmark.results import files
    from faceref.console import progress_bar, say
    from faceref.dataset.store import FaceRef

    _one_source(run=run, predictions=predictions, spandrel=spandrel)
    use_threads(threads)
    opened = FaceRef.open(face_ref)
    name = task or default_task(opened)
    setting = Setting(name, split, references, reference_list, oracle, faces)
    extras = _open_extras(opened, metrics, embedder, pack, device)
    if predictions is not None:
        found = evaluate_predictions(opened, predictions, method, setting, extras)
    else:
        with progress_bar(f"Scoring {method}", "faces") as progress:
            how = {"device": device, "progress": progress, "extras": extras}
            if spandrel is not None:
                found = evaluate_spandrel(opened, spandrel, method, setting, **how)
            else:
                found = run_evaluation(opened, method, setting, run=run, **how)
    found = files.with_older_metrics(found, results)
    path = files.write(found, results)
    numbers = found.means | found.set_scores
    means = ", ".join(f"{metric} {value:.4f}" for metric, value in numbers.items())
    say(f"{path}: {means}")


def _one_source(**given: Path | None) -> None:
    from faceref.errors import FaceRefError

    named = [f"--{name}" for name, path in given.items() if path is not None]
    if len(named) > 1:
        raise FaceRefError(f"{' and '.join(named)} do not go together: give one of them.")


def _open_extras(
    face_ref: FaceRef, metrics: str, embedder: str, pack: str | None, device: str
) -> ExtraMetrics | None:
    if not metrics:
        return None
    from benchmark.evaluation.extra_metrics import open_for

    return open_for(face_ref, metrics, embedder, pack, device)


def add_evaluate(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(evaluate)
