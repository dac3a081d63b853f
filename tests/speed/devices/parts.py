"""All parts by name. Importing it imports none of them, nor torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tests.speed.devices.task import Skipped, Task

PARTS = {
    "search": "neighbours.search",
    "lists": "neighbours.lists",
    "build": "faces.whole_build",
    "embed": "faces.embed",
    "evaluate": "networks.evaluate",
    "upscale": "networks.upscale",
    "metrics": "networks.metrics",
    "adaptation": "networks.adaptation",
    "train": "training.training",
    "encoder": "faces.encoder",
    "compile": "training.compiled",
    "compile_with_references": "training.compiled_with_references",
}
"""Module and function of each, in the order in which they are run."""


def run_part(name: str, task: Task) -> dict[str, Any]:
    """What the part `name` gives: `state` (ok, failed, skipped), `reason`, and `numbers`."""
    module, function = PARTS[name].split(".")
    try:
        found = getattr(import_module(f"tests.speed.devices.{module}"), function)(task)
    except Skipped as reason:
        return {"state": "skipped", "reason": str(reason), "numbers": {}}
    except Exception as error:  # whatever a library raises is what this script is to find
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return {"state": "failed", "reason": text, "numbers": {}}
    reason = "; ".join(found.faults) or None
    return {"state": "failed" if reason else "ok", "reason": reason, "numbers": found.numbers}
