"""Adapt a network to the faces of a pool."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.api.arguments import open_set
from faceref.api.arguments import as_path, need_seed, need_whole
from faceref.console import need_choice, progress_bar
from faceref.errors import FaceRefError

if TYPE_CHECKING:
    from torch import nn

    from faceref.dataset.face_ref import FaceRef

MOST_STEPS = 100_000
UNITS = {"memory": "faces", "tuning": "steps"}
"""What is counted while it runs."""


def adapt(
    model: nn.Module | str | PathLike[str],
    pool: FaceRef | str | Path,
    *,
    out: str | Path | None = None,
    by: str = "memory",
    faces: int | None = None,
    seed: int = 0,
    references: int = 0,
    reference_list: str = "refs_lr",
    steps: int = 100,
    learning_rate: float = 2e-4,
    device: str = "cpu",
    progress: bool = True,
) -> nn.Module:
    """Adapt a network to the kind of faces in a pool.

    `memory` trains no weights: the network's error on each face of the pool is known, and a
    regression in closed form learns to predict it. Some people are held out to choose the penalty;
    where the correction does not help them, none is made. `tuning` trains all weights further.

    Args:
        model: A model of `load_model`, or what that takes; or any module with `forward(lr, refs)`
            or `forward(lr)`, which cannot be written to `out`.
        pool: A Face_Ref, or its folder. Its train faces are learnt from; val and test are not
            opened.
        out: File to write, `NAME.safetensors`, with its SHA-256 and a card beside it; None writes
            none.
        by: `memory` or `tuning`.
        faces: Faces of the pool to learn from, drawn at random; None: all.
        seed: Seed of the random draw of `faces`, and of the batches of `tuning`.
        references: References (K) given to a method that uses any, from 0 to 8, or to as many as
            the lists of the pool hold. The pool is learnt from even if K is 0; with references this
            takes several times as long.
        reference_list: `refs_lr` or `refs_hr`.
        steps: Training steps of `tuning`, 16 faces each.
        learning_rate: Peak learning rate of `tuning`.
        device: `cpu` or `cuda`.
        progress: Show a progress bar.

    Returns:
        The adapted module, on the CPU and in evaluation mode. For a `Model`, or what `load_model`
        takes, it is a `Model` again, whose `adaptation` says what was done. `evaluate` and
        `Upscaler` accept the module, and the weights in `out`.

    Raises:
        FaceRefError: For faces of too few people, an `out` that cannot be written, or a `model`
            that is not a torch module.

    Example:
        >>> import benchmark
        >>> model = benchmark.adapt("bicubic", "face_ref", out="bicubic_memory.safetensors")
        >>> model.adaptation.by, model.adaptation.gain > 0
        ('memory', True)
    """
    from benchmark.memory.adaptation import KEY, TUNING, WAYS
    from benchmark.memory.fit import choose_faces
    from benchmark.methods.model import Model
    from benchmark.training.adapt import (
        MARK,
        Way,
        adapt_to,
        need_exportable,
        need_tunable,
        write_adapted,
    )
    from benchmark.training.export import load_model, need_suffix
    from faceref.dataset.face_ref import need_reference_list
    from faceref.hardware import open_device
    from faceref.mining.mine import Mining
    from faceref.outputs.ours import need_new_or_ours
    from faceref.outputs.writable import need_file

    need_choice("way", by, WAYS)
    seed = need_seed(seed)
    faces = None if faces is None else need_whole("--faces", faces, 1)
    steps = need_whole("--steps", steps, 1, MOST_STEPS)
    need_reference_list(reference_list)
    if not 0 < learning_rate < 1:
        raise FaceRefError(f"--learning-rate {learning_rate}: above 0 and below 1, such as 2e-4.")
    given = load_model(model) if isinstance(model, (str, PathLike)) else model
    if isinstance(given, Model) and given.adaptation is not None:
        raise FaceRefError(
            f"{'This model' if isinstance(model, Model) else model} is adapted already. Give the "
            "network that was trained."
        )
    if by == TUNING:
        need_tunable(given)
    file = None if out is None else as_path(out)
    if file is not None:
        need_exportable(given, file)
        need_suffix(file)
        marks = {file: (KEY, "data_revision"), file.with_suffix(".md"): (MARK,)}
        for path, ours in marks.items():
            need_file(path)
            need_new_or_ours(path, *ours)
    face_ref, target = open_set(pool), open_device(device)
    most = max(face_ref.manifest["references"], Mining.references)
    references = need_whole("--references", references, 0, most)
    rows = choose_faces(face_ref, faces, seed)
    way = Way(by, references, reference_list, steps, learning_rate, seed)
    with progress_bar(f"Adapting by {by}", UNITS[by], shown=progress) as update:
        found = adapt_to(given, face_ref, rows, way, target, update)
    if file is not None and isinstance(found, Model):
        write_adapted(found, file)
        return load_model(file)
    return found
