"""The commands that make faces and sets: build, sources, synth, sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

REFERENCES = "References"
QUALITY = "Quality filters"
SPLITS = "Splits"
SOURCE = "Source options"
RUNNING = "Running"
NOTES = 5
"""Notes of a set that a build prints."""


def build(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="Folder, archive, or (hf) name of a data set. Leave it out with --source sample."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make. [required]", show_default=False)
    ] = None,
    source: Annotated[
        str, typer.Option(help="celeba, ffhq, folder, hf, lfw or sample: see `faceref sources`.")
    ] = "folder",
    embedder: Annotated[str, typer.Option(help="insightface or dlib.")] = "insightface",
    pack: Annotated[
        str | None,
        typer.Option(help="insightface pack: a folder, or a name to fetch. Default: buffalo_l."),
    ] = None,
    references: Annotated[
        int, typer.Option(help="References of each face.", rich_help_panel=REFERENCES)
    ] = 8,
    max_similarity: Annotated[
        float | None,
        typer.Option(
            help="Identity cosine above which a face is no reference: probably the same person. "
            "Default: calibrated.",
            rich_help_panel=REFERENCES,
        ),
    ] = None,
    same_person: Annotated[
        float | None,
        typer.Option(
            help="Identity cosine from which two images are taken for one person, whatever their "
            "labels. Default: estimated.",
            rich_help_panel=REFERENCES,
        ),
    ] = None,
    diversity: Annotated[
        int,
        typer.Option(
            help="Choose references far apart among this many times --references candidates. "
            "1: take the most similar.",
            min=1,
            rich_help_panel=REFERENCES,
        ),
    ] = 1,
    likeness_hr: Annotated[
        str,
        typer.Option(help="refs_hr by identity, appearance or both.", rich_help_panel=REFERENCES),
    ] = "identity",
    likeness_lr: Annotated[
        str,
        typer.Option(help="refs_lr by identity, appearance or both.", rich_help_panel=REFERENCES),
    ] = "appearance",
    refs_same: Annotated[
        bool,
        typer.Option(
            "--refs-same",
            help="Add refs_same.parquet: other images of the same person, an oracle.",
            rich_help_panel=REFERENCES,
        ),
    ] = False,
    search: Annotated[
        str,
        typer.Option(
            help="Search: exact, ivf (millions of faces), or auto: by size.",
            rich_help_panel=REFERENCES,
        ),
    ] = "auto",
    min_eye_distance: Annotated[
        float,
        typer.Option(
            help="Reject an image with fewer source pixels between the eyes.",
            rich_help_panel=QUALITY,
        ),
    ] = 12.0,
    min_inside: Annotated[
        float,
        typer.Option(
            help="Reject an image that holds less than this fraction of the aligned face.",
            rich_help_panel=QUALITY,
        ),
    ] = 0.6,
    min_sharpness: Annotated[
        float | None,
        typer.Option(
            help="Reject an image less sharp than this: log10 of the Laplacian's variance. "
            "Default: off.",
            rich_help_panel=QUALITY,
        ),
    ] = None,
    max_yaw: Annotated[
        float | None,
        typer.Option(
            help="Degrees that the head may be turned. Default: off.", rich_help_panel=QUALITY
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Reject an image whose detector confidence is below this. Default: off.",
            rich_help_panel=QUALITY,
        ),
    ] = None,
    val: Annotated[
        float, typer.Option(help="Fraction of images for validation.", rich_help_panel=SPLITS)
    ] = 0.05,
    test: Annotated[
        float, typer.Option(help="Fraction of images for test.", rich_help_panel=SPLITS)
    ] = 0.10,
    seed: Annotated[
        int, typer.Option(help="Of the split and the calibration.", rich_help_panel=SPLITS)
    ] = 0,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial",
            help="Accept an incomplete copy; it is recorded.",
            rich_help_panel=SOURCE,
        ),
    ] = False,
    no_checksums: Annotated[
        bool,
        typer.Option(
            "--no-checksums",
            help="Do not compare files with their published MD5.",
            rich_help_panel=SOURCE,
        ),
    ] = False,
    images: Annotated[
        str | None,
        typer.Option(
            help="celeba: img_align_celeba, img_align_celeba_png or img_celeba; "
            "ffhq: images1024x1024 or thumbnails128x128.",
            rich_help_panel=SOURCE,
        ),
    ] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help="lfw: CSV with path, x0, y0, ..., x4, y4; no detector is run.",
            rich_help_panel=SOURCE,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(help="hf: configuration of the data set.", rich_help_panel=SOURCE),
    ] = None,
    hf_split: Annotated[
        str | None,
        typer.Option(help="hf: one split only. Default: all.", rich_help_panel=SOURCE),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(
            help="hf: branch, tag or commit; the commit is recorded.", rich_help_panel=SOURCE
        ),
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="hf: column of the images.", rich_help_panel=SOURCE)
    ] = None,
    identity_column: Annotated[
        str | None,
        typer.Option(
            help="hf: column that says who is shown, or the word none for no labels.",
            rich_help_panel=SOURCE,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace --out.", rich_help_panel=RUNNING),
    ] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.", rich_help_panel=RUNNING)] = "cpu",
    det_size: Annotated[
        int,
        typer.Option(
            help="insightface: side of the detector's input, pixels.", rich_help_panel=RUNNING
        ),
    ] = 320,
    precision: Annotated[
        str,
        typer.Option(
            help="fp32, or bf16: faster on a CPU that has it; pip install 'face-ref[openvino]'.",
            rich_help_panel=RUNNING,
        ),
    ] = "fp32",
    workers: Annotated[
        int,
        typer.Option(
            help="Threads, or processes with dlib or ray. 0: one more than cores; with ray, one "
            "per core, or per GPU on cuda.",
            min=0,
            rich_help_panel=RUNNING,
        ),
    ] = 0,
    executor: Annotated[
        str,
        typer.Option(
            help="local, or ray: Ray's processes, on this machine or a cluster.",
            rich_help_panel=RUNNING,
        ),
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="ray: address of a running cluster, such as auto. Default: RAY_ADDRESS, else Ray "
            "is started here.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    calibration_plot: Annotated[
        Path | None,
        typer.Option(
            help="PNG: similarities of one and of two people, and the thresholds.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
) -> None:
    """Build a Face_Ref: aligned faces, each with look-alike references.

    From a folder with one sub-folder a person: `faceref build FACES --out face_ref`

    From CelebA's own files: `faceref build CELEBA --source celeba --out face_ref`

    Offline, from the sample: `faceref build --source sample --embedder dlib --out face_ref`

    Interrupted? The same command goes on where it stopped.
    """
    import faceref
    from faceref.console import need_option, say, say_aside

    need_option("--out", out is not None, "faceref build FACES --out face_ref")
    faces = faceref.build(
        path,
        out=out or Path(),
        source=source,
        embedder=embedder,
        pack=pack,
        det_size=det_size,
        references=references,
        max_similarity=max_similarity,
        same_person=same_person,
        diversity=diversity,
        likeness_hr=likeness_hr,
        likeness_lr=likeness_lr,
        refs_same=refs_same,
        search=search,
        min_eye_distance=min_eye_distance,
        min_inside=min_inside,
        min_sharpness=min_sharpness,
        max_yaw=max_yaw,
        min_score=min_score,
        val=val,
        test=test,
        seed=seed,
        device=device,
        precision=precision,
        workers=workers,
        executor=executor,
        ray_address=ray_address,
        calibration_plot=calibration_plot,
        overwrite=overwrite,
        partial=partial,
        checksums=not no_checksums,
        images=images,
        landmarks=landmarks,
        config=config,
        hf_split=hf_split,
        revision=revision,
        image_column=image_column,
        identity_column=identity_column,
    )
    kept = ", ".join(f"{faces.manifest['counts'][name]:,} {name}" for name in faces.splits)
    notes = faces.manifest["people"]["notes"]
    if notes:
        say_aside("\n".join(notes[-NOTES:]))
    if len(notes) > NOTES:
        say_aside(f"... and {len(notes) - NOTES:,} more notes: faceref inspect {out}")
    say(f"Face_Ref: {kept}; {faces.summary().files}. See it: faceref inspect {out}")


def sources(
    name: Annotated[
        str | None, typer.Argument(help="Source to check; without one they are listed.")
    ] = None,
    path: Annotated[Path | None, typer.Argument(help="Where it lies.")] = None,
    images: Annotated[
        str | None, typer.Option(help="Which of its images, as in `faceref build`.")
    ] = None,
) -> None:
    """List the sources of faces, or check your copy of one.

    Example: `faceref sources celeba CELEBA`
    """
    import faceref
    from faceref.console import print_table, say

    if name is None:
        rows = [[kind.name, kind.title, kind.layout] for kind in faceref.list_sources()]
        print_table("Sources", ["name", "what", "layout"], rows, numbers=False)
        return
    found = faceref.check_source(name, path, images=images)
    say(found.text())
    if not found.complete:
        raise typer.Exit(1)


def synth(
    out: Annotated[Path, typer.Option(help="Folder to make or to complete.", show_default=False)],
    identities: Annotated[int, typer.Option(help="People.", min=1)] = 64,
    per_identity: Annotated[int, typer.Option(help="Images of each.", min=1)] = 6,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 2026,
    size: Annotated[int, typer.Option(help="Pixels across.", min=16)] = 128,
    workers: Annotated[int, typer.Option(help="Processes; 0: one a core.", min=0)] = 0,
) -> None:
    """Render people who do not exist, to build from.

    Example: `faceref synth --identities 100 --per-identity 6 --out people`

    Needs the extra `synthetic`: `pip install face-ref[synthetic]`
    """
    import faceref
    from faceref.console import say

    report = faceref.synth(
        out,
        identities=identities,
        per_identity=per_identity,
        seed=seed,
        size=size,
        workers=workers,
    )
    say(f"{report.images:,} images in {report.out}, {report.rendered:,} rendered now.")


def sample(
    out: Annotated[Path, typer.Option(help="Folder to make.", show_default=False)],
) -> None:
    """Unpack the embedded sample as a folder of faces.

    Example: `faceref sample --out people`
    """
    import faceref
    from faceref.console import say

    say(f"{faceref.sample(out):,} images in {out}")
