"""Results as the `model-index` that Hugging Face model cards hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from benchmark.metrics.registry import metric_info
from benchmark.results.ranking import known_means, task_title
from benchmark.results.result import Result


def model_index(results: Sequence[Result]) -> str:
    """The `model-index` of Hugging Face model cards, a model for each method and training."""
    from huggingface_hub.repocard_data import eval_results_to_model_index
    from huggingface_hub.utils import yaml_dump

    models: dict[str, dict[str, Result]] = {}
    for row in chain.from_iterable(row.single_seeds for row in results):
        same = f"{row.task} {row.data_revision} {row.images} {row.run}"
        models.setdefault(_model_name(row), {})[same] = row
    entries = [
        entry
        for name, rows in models.items()
        for entry in eval_results_to_model_index(
            name, [found for row in rows.values() for found in _eval_results(row)]
        )
    ]
    return yaml_dump({"model-index": entries})


def _model_name(result: Result) -> str:
    training = [] if result.budget is None else [result.budget, f"s{result.seed}"]
    return "-".join([result.method, *training])


def _eval_results(result: Result) -> list[Any]:
    from huggingface_hub import EvalResult

    given = f"K={result.references}, {result.reference_list}" if result.references else "K=0"
    config = f"{given}, {result.images} faces"
    return [
        EvalResult(
            task_type="image-to-image",
            task_name="Face super-resolution",
            dataset_type=result.task.partition("@")[0],
            dataset_name=f"{task_title(result.task)} ({result.task})",
            dataset_config=config,
            dataset_split=result.split,
            dataset_revision=result.data_revision,
            metric_type=metric,
            metric_name=metric_info(metric).heading,
            metric_value=value,
        )
        for metric, value in known_means(result).items()
    ]
