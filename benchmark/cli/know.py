"""The commands that say what there is: methods, protocol, score, weights, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceref.cli.group import CommandGroup

weights = typer.Typer(
    cls=CommandGroup,
    help="Networks that LPIPS, DISTS, FID and KID need, not those of methods: list, fetch, check.",
)


def methods() -> None:
    """List the methods that can be trained and evaluated, those of installed packages too.

    Example: `facebench methods`
    """
    import benchmark
    from faceref.console import print_frame, say

    found = benchmark.list_methods()
    whole = found["variant_of"] == ""
    shown = ["references", "trained", "origin", "source"]
    print_frame("Methods", found.loc[whole, shown])
    print_frame("Variants", found.loc[~whole, ["references", "source"]])
    say("In kind: the idea of the paper is kept, not its network.")
    for error in found.attrs["broken"]:
        say(f"Not usable: {error}")


def protocol(
    name: Annotated[
        str, typer.Argument(help="A task or published protocol; none lists them.")
    ] = "",
) -> None:
    """Say in words what a task or a published protocol measures.

    Example: `facebench protocol lfw-x8@1`
    """
    import benchmark
    from faceref.console import say

    say(benchmark.describe_protocol(name))


def score(
    outputs: Annotated[Path, typer.Argument(help="Folder of super-resolved images.")],
    targets: Annotated[Path, typer.Argument(help="Folder of the true ones, of the same names.")],
    protocol: Annotated[str, typer.Option(help="See `facebench protocol`.")] = "pairs-x8@1",
) -> None:
    """Score two folders of images under a task or a published protocol.

    Example: `facebench score OUTPUTS TARGETS --protocol fsrnet`
    """
    import benchmark
    from faceref.console import say

    scores = benchmark.score_folders(outputs, targets, protocol=protocol)
    found = ", ".join(f"{metric} {value:.4f}" for metric, value in scores.mean().items())
    say(f"{protocol}, {len(scores)} images: {found}")


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training.")],
    out: Annotated[Path, typer.Option(help="File to write: NAME.safetensors.")],
) -> None:
    """Export the weights of a training as one file, its SHA-256 beside it.

    Example: `facebench export runs/edsr --out edsr.safetensors`
    """
    import benchmark
    from faceref.console import say

    say(benchmark.export_weights(run, out))


@weights.callback(invoke_without_command=True)
def show(context: typer.Context) -> None:
    """List the weights, what needs them and whether they are here."""
    if context.invoked_subcommand is not None:
        return
    import benchmark
    from faceref.console import say

    say(benchmark.describe_metric_weights())


@weights.command()
def fetch(
    name: Annotated[str, typer.Argument(help="See `facebench weights`.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder that holds the file: no network is used."),
    ] = None,
) -> None:
    """Fetch a file of weights and check its SHA-256; a right file that is here stays.

    Example: `facebench weights fetch squeezenet`
    """
    import benchmark
    from faceref.console import say

    say(f"{benchmark.fetch_metric_weights(name, source)}: SHA-256 as published")
