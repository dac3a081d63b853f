"""The command line `faceref`. Heavy imports happen inside the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from faceref.cli.group import CommandGroup
from faceref.cli.release import add_publish
from faceref.cli.sets import add_sets

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Build Face_Ref: look-alike reference faces of other people, for face super-resolution.",
)


@app.command(
    epilog="""**Examples**

`faceref build --source folder FACES --out face_ref` with insightface's pack buffalo_l

`faceref build --source folder FACES --pack PACK_DIR --out face_ref` with a local pack

`faceref build --source celeba CELEBA --out face_ref` from CelebA's own files; also ffhq, lfw, hf

`faceref build --source sample --embedder dlib --out face_ref` offline, from the embedded sample
"""
)
def build(
    path: Annotated[
        Optional[Path], typer.Argument(help="Folder, archive, or (hf) name of a data set.")  # noqa: UP045
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to make. [required]")] = Path(),
    source: Annotated[
        str, typer.Option(help="celeba, ffhq, folder, hf, lfw or sample.")
    ] = "folder",
    embedder: Annotated[str, typer.Option(help="insightface or dlib.")] = "insightface",
    pack: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface pack: a folder, or a name to fetch (default buffalo_l)."),
    ] = None,
    det_size: Annotated[int, typer.Option(help="Side of the detector's input, pixels.")] = 320,
    references: Annotated[int, typer.Option(help="References for each face.")] = 8,
    max_similarity: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Cosine above which a neighbour is dropped. Default: calibrated."),
    ] = None,
    min_similarity: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Score below which a neighbour is dropped. Default: none is."),
    ] = None,
    same_person: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Cosine of one person under two labels. Default: measured."),
    ] = None,
    diversity: Annotated[
        int, typer.Option(help="Take references far apart, of that many times K.", min=1)
    ] = 1,
    likeness_hr: Annotated[
        str, typer.Option(help="refs_hr by identity, appearance or both.")
    ] = "identity",
    likeness_lr: Annotated[
        str, typer.Option(help="refs_lr by identity, appearance or both.")
    ] = "appearance",
    refs_same: Annotated[
        bool, typer.Option("--refs-same", help="Add refs_same.parquet, an oracle.")
    ] = False,
    index: Annotated[str, typer.Option(help="exact, ivf, or auto: by size.")] = "auto",
    recall: Annotated[float, typer.Option(help="Recall that ivf must reach.")] = 0.95,
    min_eye_distance: Annotated[float, typer.Option(help="Pixels; smaller: rejected.")] = 12.0,
    min_inside: Annotated[float, typer.Option(help="Fraction in the image; less: rejected.")] = 0.6,
    min_sharpness: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Log10 of the Laplacian's variance; less: rejected. Off by default."),
    ] = None,
    max_yaw: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Degrees the head may be turned. Off by default."),
    ] = None,
    min_score: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Detector's confidence; less: rejected. Off by default."),
    ] = None,
    val: Annotated[float, typer.Option(help="Fraction of images for validation.")] = 0.05,
    test: Annotated[float, typer.Option(help="Fraction of images for test.")] = 0.10,
    seed: Annotated[int, typer.Option(help="Of the split and the calibration.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    workers: Annotated[int, typer.Option(help="Threads; 0: one a core.", min=0)] = 0,
    executor: Annotated[
        str, typer.Option(help="local, or ray: processes, or a cluster.")
    ] = "local",
    ray_address: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="ray: a running cluster, such as auto. Default: started here."),
    ] = None,
    calibration_plot: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="PNG: similarities of one and of two people, and the thresholds."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace --out.")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept an incomplete copy; it is recorded.")
    ] = False,
    no_checksums: Annotated[
        bool, typer.Option("--no-checksums", help="Do not compare files with published MD5s.")
    ] = False,
    images: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Set of images: img_align_celeba, img_celeba, images1024x1024, thumbnails128x128."
        ),
    ] = None,
    landmarks: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="lfw: CSV with path, x0, y0, ..., x4, y4; no detector is run."),
    ] = None,
    config: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="hf: configuration of the data set."),
    ] = None,
    hf_split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="hf: one split only. Default: all."),
    ] = None,
    revision: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="hf: branch, tag or commit; the commit is recorded."),
    ] = None,
    image_column: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="hf: column of the images."),
    ] = None,
    identity_column: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="hf: column of the person, or none."),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="hf: do not fill the Hugging Face cache.")
    ] = False,
) -> None:
    """Detect, align, embed, split by person, mine references, and write Face_Ref.

    An interrupted build goes on where it stopped when the command is given again.
    """
    from faceref.console import need_choice, need_option, progress_bar, say
    from faceref.embed.registry import EmbedderSpec
    from faceref.files import refuse_existing
    from faceref.mining.mine import Mining
    from faceref.pipeline.build import build as run_build
    from faceref.pipeline.quality import QualityRule
    from faceref.pipeline.recipe import Recipe
    from faceref.pipeline.splits import SplitRule
    from faceref.similarity.search import IndexRule
    from faceref.sources.base import Choices
    from faceref.sources.registry import open_source

    need_option("--out", out != Path(), "faceref build FACES --out face_ref")
    need_choice("device", device, ("cpu", "cuda"))
    need_choice("executor", executor, ("local", "ray"))
    mining = Mining(
        references,
        max_similarity,
        min_similarity,
        diversity,
        likeness_hr,
        likeness_lr,
        refs_same,
        IndexRule(index, recall, seed=seed),
    )
    quality = QualityRule(min_eye_distance, min_inside, min_sharpness, max_yaw, min_score)
    recipe = Recipe(mining, SplitRule(val, test, seed), quality, same_person)
    refuse_existing(out, overwrite)
    choices = Choices(
        partial=partial,
        checksums=not no_checksums,
        images=images,
        landmarks=landmarks,
        config=config,
        split=hf_split,
        revision=revision,
        image_column=image_column,
        identity_column=identity_column,
        stream=stream,
    )
    faces = open_source(source, path, choices)
    spec = EmbedderSpec(embedder, pack, det_size, device)
    elsewhere = None
    if executor == "ray":
        from faceref.pipeline.ray_executor import RayExecutor

        spec = spec.located()
        elsewhere = RayExecutor(spec.open, recipe, ray_address, workers or None, device)
    opened = spec.open()
    with progress_bar("Building", "images") as progress:
        manifest = run_build(
            faces,
            opened,
            out,
            recipe,
            overwrite=overwrite,
            workers=workers or None,
            device=device,
            progress=progress,
            executor=elsewhere,
            plot=calibration_plot,
        )
    rejected = sum(manifest["rejects"].values())
    kept = ", ".join(f"{count:,} {name}" for name, count in manifest["counts"].items())
    say(f"Face_Ref: {kept}; {rejected:,} rejected. Look at it: faceref inspect {out}")


@app.command(epilog="**Example:** `faceref sources celeba CELEBA`")
def sources(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="Source to check; without one they are listed."),
    ] = None,
    path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="Where it lies."),
    ] = None,
    images: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Set of images, as in `faceref build`."),
    ] = None,
) -> None:
    """List the sources of faces, or check a copy of one: what is there, what is missing."""
    from faceref.console import print_table, say
    from faceref.sources.base import Choices
    from faceref.sources.registry import check_source, load_source, source_names

    if name is None:
        kinds = [load_source(each) for each in source_names()]
        rows = [
            [each, kind.title, kind.layout]
            for each, kind in zip(source_names(), kinds, strict=True)
        ]
        print_table("Sources", ["name", "what", "layout"], rows)
        return
    found = check_source(name, path, Choices(images=images))
    say(found.text())
    if not found.complete:
        raise typer.Exit(1)


@app.command(epilog="**Example:** `faceref inspect face_ref --sheet sheet.png --probes 20`")
def inspect(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.")],
    sheet: Annotated[Path, typer.Option(help="Contact sheet to write (PNG).")] = Path(
        "contact_sheet.png"
    ),
    split: Annotated[str, typer.Option(help="Split that the probes are from.")] = "test",
    reference_list: Annotated[str, typer.Option(help="refs_hr or refs_lr.")] = "refs_hr",
    probes: Annotated[int, typer.Option(help="Probes on the sheet.", min=1)] = 10,
) -> None:
    """Print counts, rejects and similarities, and draw probes beside their references."""
    from faceref.console import print_table, say
    from faceref.dataset.contact_sheet import contact_sheet
    from faceref.dataset.store import FaceRef
    from faceref.dataset.summary import notes, tables
    from faceref.images import save

    face_ref = FaceRef.open(path)
    for table in tables(face_ref):
        print_table(*table)
    for note in notes(face_ref):
        say(note)
    image = contact_sheet(face_ref, split=split, reference_list=reference_list, probes=probes)
    save(image, sheet)
    say(f"Contact sheet: {sheet}")


@app.command(epilog="**Example:** `faceref certify face_ref && echo no leak`")
def certify(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.")],
    embedder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface or dlib, as in the build: checks identity scores, too."),
    ] = None,
    pack: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface pack of the build."),
    ] = None,
    show: Annotated[int, typer.Option(help="Faults to print at most.", min=1)] = 20,
) -> None:
    """Check the claims of a Face_Ref on its files alone; status 1 and the pairs if one is false."""
    from itertools import islice

    from faceref.audit.leaks import audit
    from faceref.console import say
    from faceref.dataset.store import FaceRef

    face_ref = FaceRef.open(path)
    opened = None
    if embedder or pack:
        from faceref.embed.registry import open_embedder

        det_size = face_ref.manifest["embedder"].get("det_size", 320)
        opened = open_embedder(embedder or "insightface", pack=pack, det_size=det_size)
    faults = list(islice(audit(face_ref, opened), show))
    for fault in faults:
        say(fault)
    if faults:
        raise typer.Exit(1)
    checked = face_ref.manifest["leak_certificate"]["references_checked"]
    say(f"{path}: no leak. {checked:,} references, splits, counts and fingerprint checked.")


@app.command(epilog="**Example:** `faceref doctor --device cuda`")
def doctor(
    device: Annotated[str, typer.Option(help="cpu or cuda: what the build shall use.")] = "cpu",
    embedder: Annotated[str, typer.Option(help="insightface or dlib.")] = "insightface",
    pack: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface pack: a folder, or a name (default buffalo_l)."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the set would be made.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Tell what is installed, which device each stage uses, and what is wrong (then status 1)."""
    import json

    from faceref.console import print_table, say
    from faceref.doctor.report import Question, examine, lines, tables

    report = examine(Question(device, embedder, pack, out))
    if as_json:
        say(json.dumps(report.as_json(), indent=2))
    else:
        for table in tables(report):
            print_table(*table, numbers=False)
        for line in lines(report):
            say(line)
    if report.faults:
        raise typer.Exit(1)


@app.command(epilog="**Example:** `faceref synth --identities 100 --per-identity 6 --out people`")
def synth(
    out: Annotated[Path, typer.Option(help="Folder to make or to complete.")],
    identities: Annotated[int, typer.Option(help="People.", min=1)] = 64,
    per_identity: Annotated[int, typer.Option(help="Images of each.", min=1)] = 6,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 2026,
    size: Annotated[int, typer.Option(help="Pixels across.", min=16)] = 128,
    workers: Annotated[int, typer.Option(help="Processes; 0: one a core.", min=0)] = 0,
) -> None:
    """Render synthetic people who do not exist (needs the extra `synthetic`)."""
    from faceref.console import say
    from faceref.synthetic.generate import generate

    report = generate(
        out,
        identities=identities,
        per_identity=per_identity,
        seed=seed,
        size=size,
        workers=workers or None,
    )
    say(f"{report.images:,} images in {report.out}, {report.rendered:,} rendered now.")


@app.command()
def sample(out: Annotated[Path, typer.Option(help="Folder to make.")]) -> None:
    """Unpack the embedded sample as a folder of faces, to look at or to build from."""
    from faceref.console import say
    from faceref.sources.sample import write_sample_folder

    say(f"{write_sample_folder(out):,} images in {out}")


add_publish(app)
add_sets(app)


def main() -> None:
    """Entry point for `python -m faceref`."""
    app()
