"""What there is, as tables: methods, metrics, tasks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from benchmark.methods.registry import built_in, load_method
from benchmark.metrics.registry import METRIC_INFO
from benchmark.metrics.weights import WEIGHTS, WeightFile
from benchmark.protocol.published import PUBLISHED
from benchmark.protocol.tasks import TASKS
from faceref.markdown import markdown_table


@cache
def methods_table() -> str:
    """Every method of the package: its paper, its parameters, whether it looks at references."""
    found = [load_method(name) for name in built_in()]
    rows = [
        (
            f"`{method.name}`",
            method.title,
            method.paper,
            f"{sum(one.numel() for one in method.build().parameters()) / 1e6:.2f}",
            "yes" if method.uses_references else "no",
        )
        for method in found
    ]
    heads = ("name", "method", "paper", "parameters, M", "references")
    return "\n".join(markdown_table(heads, rows, "lllrl"))


def metrics_table() -> str:
    """Every metric: which way is better, what it measures, the weights that it needs."""
    rows = [
        (
            f"`{name}`",
            metric.heading,
            "higher" if metric.higher_is_better else "lower",
            metric.about,
            _weights(one for one in WEIGHTS.values() if name in one.metrics),
        )
        for name, metric in METRIC_INFO.items()
    ]
    heads = ("name", "metric", "better", "what it measures", "weights")
    return "\n".join(markdown_table(heads, rows, "lllll"))


def tasks_table() -> str:
    """Every task and published protocol."""
    tasks = [(f"`{task.name}`", task.title, f"x{task.scale}") for task in TASKS.values()]
    published = [(f"`{name}`", one.title, "any") for name, one in PUBLISHED.items()]
    return "\n".join(markdown_table(("name", "what", "scale"), [*tasks, *published], "lll"))


def _weights(files: Iterable[WeightFile]) -> str:
    """Names of the files, any of which will do, and their licence."""
    found = list(files)
    names = " or ".join(f"`{one.name}`" for one in found)
    return f"{names}: {found[0].licence}" if found else ""
