"""Adapt a network to a pool, and write the adapted one as a file with a card."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jinja2 import Environment, StrictUndefined
from torch import nn

from benchmark.memory.adaptation import KEY, MEMORY, Adaptation
from benchmark.memory.fit import POOL, learn_errors
from benchmark.memory.network import ErrorMemory, WithMemory
from benchmark.methods.model import Model, as_method, given_count
from benchmark.protocol.tasks import HR_SIZE, SCALE
from benchmark.training.cost import count_macs
from benchmark.training.export import write_weights
from benchmark.training.fine_tune import fine_tune
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError
from faceref.files import write_text

MARK = "facebench adapt"
"""Is in every card, so that it may be replaced."""
_TEMPLATE = Path(__file__).with_name("adapted.md.jinja")


@dataclass(frozen=True)
class Way:
    """How to adapt; see `benchmark.adapt`."""

    by: str = MEMORY
    references: int = 0
    reference_list: str = "refs_lr"
    steps: int = 100
    learning_rate: float = 2e-4
    seed: int = 0


def adapt_to(
    given: nn.Module,
    faces: FaceRef,
    rows: np.ndarray,
    way: Way,
    device: torch.device,
    progress: Progress | None = None,
) -> nn.Module:
    """`given`, adapted to train faces of a set; itself it stays as it is.

    Args:
        given: A `Model`, or any module that is called as methods are, or with the LR face alone.
        faces: The opened set.
        rows: Of its train split, see `benchmark.memory.fit.choose_faces`.
        way: How.
        device: Where to compute.
        progress: Called with what is done, all there is to do, and a text.

    Returns:
        A `Model` for a `Model`, else a module that is called as methods are; on the CPU.
    """
    start = time.perf_counter()
    trained = given.network if isinstance(given, Model) else as_method(given)
    count = given_count(given if isinstance(given, Model) else trained, way.references)
    network = copy.deepcopy(trained).to(device).eval()
    scale, taken = getattr(given, "scale", SCALE), None
    how = {"scale": scale, "references": count, "reference_list": way.reference_list}
    how |= {"device": device, "progress": progress}
    if way.by == MEMORY:
        learnt = learn_errors(network, faces, rows, **how)
        network, taken = WithMemory(network, ErrorMemory(learnt.weights)), learnt.share
    else:
        seed, rate = way.seed, way.learning_rate
        fine_tune(network, faces, rows, way.steps, rate=rate, seed=seed, **how)
    network = network.cpu().eval()
    if not isinstance(given, Model):
        return network
    tuned = way.by != MEMORY
    found = Adaptation(
        by=way.by,
        pool=data_revision(faces),
        source=faces.manifest["source"],
        faces=len(rows),
        whole=len(rows) == faces.count(POOL),
        references=count,
        reference_list=way.reference_list if count else None,
        seconds=round(time.perf_counter() - start, 1),
        steps=way.steps if tuned else None,
        learning_rate=way.learning_rate if tuned else None,
        error_taken=None if taken is None else round(taken, 6),
        network_sha256=given.sha256,
    )
    facts = {**given.facts, KEY: json.dumps(found.as_json())}
    return Model(given.method, network, scale=scale, facts=facts)


def need_tunable(given: nn.Module) -> None:
    """Raise FaceRefError for a network without parameters to train."""
    if not any(one.requires_grad for one in given.parameters()):
        name = given.method.name if isinstance(given, Model) else type(given).__name__
        raise FaceRefError(f"{name} has nothing to train: adapt it by memory.")


def need_exportable(given: nn.Module, out: Path) -> None:
    """Raise FaceRefError unless what `given` is adapted to can be written to `out`."""
    if not isinstance(given, Model):
        raise FaceRefError(
            f"--out {out}: only methods of the registry are written, and a module is none. Give a "
            "model of benchmark.load_model, or use what benchmark.adapt returns."
        )


def write_adapted(model: Model, out: Path) -> Path:
    """Write an adapted model to `out`, its SHA-256 and its card beside it; gives the card's path.

    The memory is stored in half precision, as it is computed with.
    """
    state = model.network.state_dict()
    if isinstance(model.network, WithMemory):
        state = {
            name: value.half() if name.startswith("memory.") else value
            for name, value in state.items()
        }
    write_weights(out, state, model.facts)
    card = out.with_suffix(".md")
    write_text(card, card_of(model, out))
    return card


def card_of(model: Model, file: Path) -> str:
    """The card of an adapted model, in Markdown."""
    found = model.adaptation
    if found is None:
        raise FaceRefError("This model is not adapted: its card is made by `facebench card`.")
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    inner = model.network.network if isinstance(model.network, WithMemory) else model.network
    lr = torch.zeros(1, 3, HR_SIZE // model.scale, HR_SIZE // model.scale)
    refs = torch.zeros(1, found.references, 3, HR_SIZE, HR_SIZE)
    macs = [count_macs(network, lr, refs) / 1e6 for network in (inner, model.network)]
    text = _TEMPLATE.read_text(encoding="utf-8")
    return template.from_string(text).render(
        title=model.method.title + found.title,
        method=model.method,
        found=found,
        scale=model.scale,
        file=file.name,
        scorable=not model.method.trained or "training" in model.facts,
        macs=macs,
        mark=MARK,
    )
