"""The command line `facebench`. Heavy imports happen inside the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from benchmark.cli.card import add_card
from benchmark.cli.evaluate import add_evaluate
from benchmark.cli.gains import add_gains
from benchmark.cli.metric_commands import identity, weights_app
from benchmark.cli.pack import add_pack
from benchmark.cli.report import serve, site
from benchmark.cli.slices import add_slices
from benchmark.cli.studies import add_study
from benchmark.cli.suite import add_suite
from benchmark.cli.train import add_train
from benchmark.cli.upscale import add_upscale
from benchmark.cli.validate import add_validate
from faceref.cli.group import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark face super-resolution, x8, with and without reference faces.",
)
app.add_typer(weights_app, name="weights")
app.command(epilog="**Example:** `facebench identity face_ref --method msrnet --run runs/msrnet`")(
    identity
)
FaceRefDir = Annotated[Path, typer.Argument(help="A Face_Ref folder, made by `faceref build`.")]


@app.command()
def methods() -> None:
    """List the methods that can be trained and evaluated, those of installed packages too."""
    from benchmark.methods.method import variants
    from benchmark.methods.registry import load_methods, origin
    from faceref.console import print_table, say

    found, broken = load_methods()
    rows = [
        [
            method.name,
            "yes" if method.uses_references else "no",
            "yes" if method.trained else "no",
            origin(method.name),
            method.paper,
        ]
        for method in found
    ]
    print_table("Methods", ["name", "references", "training", "from", "source"], rows)
    changed = [
        [name, "yes" if variant.uses_references else "no", variant.idea]
        for method in found
        for name, variant in zip(variants(method), method.variants, strict=True)
    ]
    print_table("With a part changed", ["name", "references", "what it is"], changed)
    for error in broken:
        say(f"Not usable: {error}")


add_evaluate(app)


@app.command(epilog="**Example:** `facebench protocol lfw-x8@1`")
def protocol(
    name: Annotated[
        str, typer.Argument(help="A task or published protocol; none lists them.")
    ] = "",
) -> None:
    """Say in words what a task or a published protocol measures."""
    from benchmark.protocol.describe import names, protocol_text
    from faceref.console import say

    say(protocol_text(name) if name else "\n".join(names()))


@app.command(epilog="**Example:** `facebench protocols face_ref --out PROTOCOLS.md`")
def protocols(
    faces: Annotated[Path, typer.Argument(help="A Face_Ref, or a folder of 128x128 images.")],
    out: Annotated[Path, typer.Option(help="Markdown file to write.")] = Path("PROTOCOLS.md"),
    name: Annotated[str, typer.Option(help="What the page calls the faces.")] = "a folder",
) -> None:
    """Show on one set of faces how each choice of a protocol moves the number."""
    from benchmark.studies.protocol_choices import page, read_faces
    from faceref.console import say

    text = page(read_faces(faces), name)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    say(text)


@app.command(epilog="**Example:** `facebench score OUTPUTS TARGETS --protocol fsrnet`")
def score(
    outputs: Annotated[Path, typer.Argument(help="Folder of enlarged images.")],
    targets: Annotated[Path, typer.Argument(help="Folder of the true ones, of the same names.")],
    protocol: Annotated[str, typer.Option(help="See `facebench protocol`.")] = "pairs-x8@1",
) -> None:
    """Score two folders of images under a task or a published protocol."""
    from benchmark.evaluation.folders import means, score_folders
    from faceref.console import say

    scores = score_folders(outputs, targets, protocol)
    found = ", ".join(f"{metric} {value:.4f}" for metric, value in means(scores).items())
    say(f"{protocol}, {len(scores)} images: {found}")


@app.command(epilog="**Example:** `facebench leaderboard results --format latex`")
def leaderboard(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="File to write; default: leaderboard with the format's ending."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="md, csv, latex or yaml.")] = "md",
) -> None:
    """Compute the leaderboard from the result files alone."""
    from benchmark.report.leaderboard import ENDINGS, Leaderboard
    from faceref.console import need_choice, say

    need_choice("format", form, list(ENDINGS))
    say(Leaderboard.of(results).write(out or Path(f"leaderboard.{ENDINGS[form]}"), form))


@app.command(
    epilog="""**Examples**

`facebench plot results --out reports` draws leaderboards and plots from result files

`facebench plot results --out reports --face-ref face_ref --runs runs` also draws faces: LR, each
method, HR and references
"""
)
def plot(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    out: Annotated[Path, typer.Option(help="Folder for leaderboard and figures.")] = Path(
        "reports"
    ),
    face_ref: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Face_Ref to draw faces from."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder with one training a method.")] = Path("runs"),
    methods: Annotated[
        str, typer.Option(help="Methods to draw, by commas; default: all that can be.")
    ] = "",
    reference_list: Annotated[str, typer.Option("--list", help="refs_hr or refs_lr.")] = "refs_lr",
    rows: Annotated[int, typer.Option(help="Faces to draw.", min=1)] = 8,
) -> None:
    """Draw PSNR against cost, validation curves and, with --face-ref, the faces."""
    from benchmark.report.leaderboard import Leaderboard
    from faceref.console import say

    made = Leaderboard.of(results).draw(out)
    if face_ref is not None:
        from benchmark.evaluation.evaluate import Setting
        from benchmark.report.examples import draw_faces, trainings

        setting = Setting("folder-x8@1", reference_list=reference_list)
        made += draw_faces(face_ref, trainings(methods, runs), setting, rows, out / "figures")
    for path in made:
        say(str(path))


add_suite(app)
add_card(app)
add_gains(app)
add_pack(app)
add_slices(app)
add_study(app)
add_train(app)
add_upscale(app)
add_validate(app)


app.command(
    epilog="""**Example:** `facebench site results --out site --face-ref face_ref --runs runs`

Images that are there stay when --face-ref is left out.
"""
)(site)
app.command(epilog="**Example:** `facebench serve reports/site`")(serve)
