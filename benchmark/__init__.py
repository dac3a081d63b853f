"""Benchmark face super-resolution, x8, with and without reference faces.

The names below are the API; whatever else the package holds may change. Importing this imports
neither torch nor pandas: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api.adapt import adapt
    from benchmark.api.know import (
        describe_metric_weights,
        describe_protocol,
        export_weights,
        fetch_metric_weights,
        list_methods,
        score_folders,
    )
    from benchmark.api.read import (
        compare,
        leaderboard,
        plot,
        serve_site,
        validate,
        write_model_card,
        write_site,
    )
    from benchmark.api.run import evaluate, train
    from benchmark.api.study import (
        draw_reference_studies,
        study_gains,
        study_protocols,
        study_references,
        study_slices,
    )
    from benchmark.api.suite import run_suite, suite_status
    from benchmark.background import start_in_background
    from benchmark.methods.method import Method, Variant
    from benchmark.methods.model import Model
    from benchmark.methods.resample import downsample, upsample
    from benchmark.training.export import load_model
    from benchmark.training.trainer import TimeUp
    from benchmark.upscaling.app import serve_app
    from benchmark.upscaling.files import upscale_files
    from benchmark.upscaling.upscaler import Upscaler

__all__ = [
    "Method",
    "Model",
    "TimeUp",
    "Upscaler",
    "Variant",
    "adapt",
    "compare",
    "describe_metric_weights",
    "describe_protocol",
    "downsample",
    "draw_reference_studies",
    "evaluate",
    "export_weights",
    "fetch_metric_weights",
    "leaderboard",
    "list_methods",
    "load_model",
    "plot",
    "run_suite",
    "score_folders",
    "serve_app",
    "serve_site",
    "start_in_background",
    "study_gains",
    "study_protocols",
    "study_references",
    "study_slices",
    "suite_status",
    "train",
    "upsample",
    "upscale_files",
    "validate",
    "write_model_card",
    "write_site",
]

_WHERE = {
    "Method": "benchmark.methods.method",
    "Model": "benchmark.methods.model",
    "TimeUp": "benchmark.training.trainer",
    "Upscaler": "benchmark.upscaling.upscaler",
    "Variant": "benchmark.methods.method",
    "adapt": "benchmark.api.adapt",
    "compare": "benchmark.api.read",
    "describe_metric_weights": "benchmark.api.know",
    "describe_protocol": "benchmark.api.know",
    "downsample": "benchmark.methods.resample",
    "draw_reference_studies": "benchmark.api.study",
    "evaluate": "benchmark.api.run",
    "export_weights": "benchmark.api.know",
    "fetch_metric_weights": "benchmark.api.know",
    "leaderboard": "benchmark.api.read",
    "list_methods": "benchmark.api.know",
    "load_model": "benchmark.training.export",
    "plot": "benchmark.api.read",
    "run_suite": "benchmark.api.suite",
    "score_folders": "benchmark.api.know",
    "serve_app": "benchmark.upscaling.app",
    "serve_site": "benchmark.api.read",
    "start_in_background": "benchmark.background",
    "study_gains": "benchmark.api.study",
    "study_protocols": "benchmark.api.study",
    "study_references": "benchmark.api.study",
    "study_slices": "benchmark.api.study",
    "suite_status": "benchmark.api.suite",
    "train": "benchmark.api.run",
    "upsample": "benchmark.methods.resample",
    "upscale_files": "benchmark.upscaling.files",
    "validate": "benchmark.api.read",
    "write_model_card": "benchmark.api.read",
    "write_site": "benchmark.api.read",
}
"""The module of each name."""


def __getattr__(name: str) -> Any:
    """A name of the API, imported when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module 'benchmark' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    """The API, for completion."""
    return sorted(__all__)
