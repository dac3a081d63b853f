"""Know what there is: methods, protocols, scores of folders, exported weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceref.api.arguments import as_path, path_or_none

if TYPE_CHECKING:
    import pandas

    from benchmark.training.run import Run


def list_methods() -> pandas.DataFrame:
    """List the methods that can be trained and evaluated, those of installed packages too.

    Returns:
        A row a method, by its name: `title`, `references` (whether it uses any), `trained` (whether
        it has parameters to train), `variant_of` (the method that it varies, or
        empty), `origin` (`built in`, or the package that brings it) and `source` (its paper, or
        what it is). Methods that cannot be imported are in `attrs["broken"]`, with the reason.

    Example:
        >>> import benchmark
        >>> benchmark.list_methods().loc["bicubic", "references"].item()
        False
    """
    import pandas

    from benchmark.methods.method import variants
    from benchmark.methods.registry import load_methods, origin

    found, broken = load_methods()
    rows = []
    for method in found:
        about = (method.title, method.uses_references, method.trained, "")
        rows.append((method.name, *about, origin(method.name), method.paper))
        for name, one in zip(variants(method), method.variants, strict=True):
            title = f"{method.title}, {one.name.replace('-', ' ')}"
            changed = (title, one.uses_references, method.trained, method.name)
            rows.append((name, *changed, origin(method.name), one.idea))
    columns = ["name", "title", "references", "trained", "variant_of", "origin", "source"]
    table = pandas.DataFrame(rows, columns=pandas.Index(columns)).set_index("name")
    table.attrs["broken"] = [str(error) for error in broken]
    return table


def describe_protocol(name: str = "") -> str:
    """Say in words what a task or a published protocol measures.

    Args:
        name: A task such as `lfw-x8@1`, or a published protocol such as `dic`. Empty lists all.

    Returns:
        Lines of text.

    Raises:
        FaceRefError: For an unknown name.

    Example:
        >>> import benchmark
        >>> print(benchmark.describe_protocol("sample-x8@1").splitlines()[0])
        sample-x8@1: Embedded synthetic sample, 16x16 to 128x128
    """
    from benchmark.protocol.describe import overview, protocol_text

    return protocol_text(name) if name else overview()


def score_folders(
    outputs: str | Path, targets: str | Path, *, protocol: str = "pairs-x8@1"
) -> pandas.DataFrame:
    """Score two folders of images under a task or a published protocol.

    Args:
        outputs: Folder of super-resolved images.
        targets: Folder of the true ones, of the same names.
        protocol: See `describe_protocol`.

    Returns:
        A row an image, by its name without the ending; a column a metric. `.mean()` is the result.

    Raises:
        FaceRefError: Where images are missing or differ in size, or the protocol is unknown.
    """
    import pandas

    from benchmark.evaluation import folders

    scores = folders.score_folders(as_path(outputs), as_path(targets), protocol)
    return pandas.DataFrame.from_dict(scores, orient="index")


def describe_metric_weights() -> str:
    """Say which weights metrics need, whether they are here, and their terms.

    Returns:
        Lines of text.
    """
    from benchmark.metrics import weights

    lines = [f"In {weights.folder()}"]
    for found in weights.WEIGHTS.values():
        needed = ", ".join(found.metrics)
        lines += [
            f"{found.name}: {weights.state(found.name)}, for {needed}",
            f"  {found.url}, {weights.megabytes(found)} MB",
            f"  SHA-256 {found.sha256}",
            f"  {found.licence}",
        ]
    lines += [f"{name}: not available. {reason}" for name, reason in weights.NEVER.items()]
    lines.append("Get one: facebench weights fetch NAME; without a network: --from DIR")
    return "\n".join(lines)


def fetch_metric_weights(name: str, source: str | Path | None = None) -> Path:
    """Fetch a file of weights that a metric needs, and check its SHA-256.

    Args:
        name: See `describe_metric_weights`.
        source: Folder that holds the file: no network is used.

    Returns:
        The file. One that is here and right stays.

    Raises:
        FaceRefError: For an unknown name, or a file that is missing or damaged.
    """
    from benchmark.metrics import weights

    return weights.fetch(name, path_or_none(source))


def export_weights(run: Run | str | Path, out: str | Path) -> Path:
    """Write the chosen weights of a training as one safetensors file, its SHA-256 beside it.

    Args:
        run: What `train` gave, or its folder.
        out: File to write, `NAME.safetensors`.

    Returns:
        The file; `load_model`, `evaluate` and `Upscaler` take it.

    Raises:
        FaceRefError: Where the training is not finished, or `out` ends otherwise.
    """
    from benchmark.training.export import export_weights as export
    from faceref.outputs.ours import need_new_or_ours
    from faceref.outputs.writable import need_file

    need_file(as_path(out))
    need_new_or_ours(as_path(out), "data_revision")
    return export(as_path(run), as_path(out))
