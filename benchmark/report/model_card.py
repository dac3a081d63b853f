"""The card of exported weights, made from result files alone: no number in it is typed."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.methods.registry import FOLDER
from benchmark.protocol.describe import protocol_text
from benchmark.protocol.tasks import task
from benchmark.results.ranking import scores_of
from benchmark.results.result import Result, label
from benchmark.results.statistics import bootstrap
from faceref.errors import FaceRefError, unknown_choice
from faceref.markdown import markdown_table
from faceref.release.policy import Licence

_TEMPLATE = Path(__file__).with_name("model_card.md.jinja")


def write_card(
    results: Sequence[Result], method: str, licence: Licence, weights: str | None = None
) -> str:
    """The card of a method's weights, with the YAML header that Hugging Face reads.

    Args:
        results: Results that were made with the weights, among others.
        method: Whose weights.
        licence: Of the weights.
        weights: Beginning of their SHA-256, needed where there are results of several.

    Returns:
        The card, in Markdown.

    Raises:
        FaceRefError: Where there is no such result, or more than one choice.
    """
    from huggingface_hub import ModelCard, ModelCardData

    own = _chosen(results, method, weights)
    header = ModelCardData(
        license=licence.id,
        license_name=licence.name,
        license_link=licence.link,
        library_name="face-ref",
        pipeline_tag="image-to-image",
        tags=["face-super-resolution", "reference-based"],
        metrics=["psnr", "ssim"],
        model_name=own[0].title,
        eval_results=list(_measured(own)),
    )
    words = _words(own, results, licence)
    card = ModelCard.from_template(header, template_path=str(_TEMPLATE), **words)
    return f"{card}\n"


def _chosen(results: Sequence[Result], method: str, weights: str | None) -> list[Result]:
    """Results of one training, those without references first."""
    trained = [
        result for result in results if result.training and result.reference_list != "target"
    ]
    if not trained:
        raise FaceRefError(
            "No result here is of weights of a training, which a card is about. Make one: "
            "facebench evaluate FACE_REF --method NAME --weights RUN"
        )
    if method not in {result.method for result in trained}:
        raise unknown_choice("trained method in the results", method, {r.method for r in trained})
    own = [result for result in trained if result.method == method]
    hashes = sorted(
        {_weights(result) for result in own if _weights(result).startswith(weights or "")}
    )
    if len(hashes) != 1:
        every = ", ".join(sorted({_weights(result)[:12] for result in own}))
        raise FaceRefError(
            f"{'Several weights' if hashes else 'No weights'} of {method} in the results"
            f"{f' begin with {weights}' if weights else ''}. Give --weights, one of: {every}."
        )
    own = [result for result in own if _weights(result) == hashes[0]]
    first = next((one for one in own if _at_home(one)), own[0])
    same = [r for r in own if (r.task, r.images_sha256) == (first.task, first.images_sha256)]
    return sorted(same, key=lambda result: (result.references, result.run))


def _at_home(result: Result) -> bool:
    """Whether it was tested on the data that it was trained on."""
    return (result.training or {}).get("data_revision") == result.data_revision


def _weights(result: Result) -> str:
    return str((result.training or {}).get("weights_sha256", ""))


def _measured(own: Sequence[Result]) -> list[Any]:
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="image-to-image",
            task_name=f"Face super-resolution, x{task(result.task).scale}",
            dataset_type=result.data_revision[:12],
            dataset_name=f"Face_Ref, {result.task}",
            dataset_split=result.split,
            metric_type=metric,
            metric_name=f"{name}: {label(result)}",
            metric_value=round(result.means[key], 4),
        )
        for result in own
        for metric, name, key in (("psnr", "PSNR, Y", "psnr_y"), ("ssim", "SSIM, Y", "ssim_y"))
    ]


def _words(own: Sequence[Result], results: Sequence[Result], licence: Licence) -> dict[str, Any]:
    """What the template is filled with."""
    first = own[0]
    training = first.training or {}
    return {
        "title": first.title,
        "scale": task(first.task).scale,
        "lr": "{0}x{0}".format(task(first.task).lr_size),
        "about": _about(first.method),
        "uses_references": first.uses_references,
        "weights": _weights(first),
        "results": "\n".join(_table([*_plain(first, results), *own])),
        "faces": first.faces_text,
        "split": first.split,
        "data": first.data_revision[:12],
        "protocol": protocol_text(first.task),
        "budget": first.budget,
        "precision": training.get("precision", "bf16"),
        "seed": first.seed,
        "steps": training["steps"],
        "hours": training["seconds"] / 3600,
        "device": training["hardware"]["device"],
        "best": training["best_step"],
        "val": training["val_psnr_y"],
        "code": first.code,
        "terms": licence.text,
    }


def _about(method: str) -> str:
    """What the header of the method's file says: paper, origin, licences. Imports nothing."""
    base, _, variant = method.partition("-")
    said = f"Method `{method}`."
    files = (FOLDER / f"{base}.py", FOLDER / base / "__init__.py")
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        return said
    header = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or said
    return f"Variant `{variant}` of:\n\n{header}" if variant else header


def _plain(first: Result, results: Sequence[Result]) -> list[Result]:
    """Bicubic on the same faces, to compare with."""
    return [
        result
        for result in results
        if result.method == "bicubic"
        and (result.task, result.images_sha256) == (first.task, first.images_sha256)
    ]


def _table(shown: Sequence[Result]) -> list[str]:
    columns = ["", "PSNR, Y", "95 %", "SSIM, Y", "parameters", "MACs"]
    return markdown_table(columns, map(_cells, shown))


def _cells(result: Result) -> list[str]:
    low, high = bootstrap(scores_of([result], "psnr_y")[0], result.people)
    return [
        label(result),
        f"{result.means['psnr_y']:.2f} dB",
        f"{low:.2f} to {high:.2f}",
        f"{result.means['ssim_y']:.4f}",
        f"{result.parameters or 0:,}",
        f"{(result.macs or 0) / 1e9:.2f} G",
    ]
