"""Learn the errors of a network on the train faces of a Face_Ref, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data.faces import as_batch, cycle, no_references, reference_rows, stack
from benchmark.memory.cells import errors, known
from benchmark.memory.regression import Learnt, Sums, learn
from benchmark.protocol.degradation import degrade_all
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError

FOLDS = 4
"""Parts of a pool, by people; each is left out once."""
BATCH = 16
POOL = "train"


def choose_faces(faces: FaceRef, count: int | None, seed: int) -> np.ndarray:
    """Rows of the pool to learn from: `count` at random, in order, or all where that is None.

    Raises FaceRefError where they are of too few people.
    """
    people = _people(faces)
    rows = np.arange(len(people))
    if count is not None and count < len(rows):
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:count])
    if (found := len(set(people[rows]))) < FOLDS:
        raise FaceRefError(
            f"{len(rows)} faces of {found} people are too few to learn from: give at least "
            f"{FOLDS} people, as some are left out to see what helps."
        )
    return rows


def learn_errors(
    network: nn.Module,
    faces: FaceRef,
    rows: np.ndarray,
    *,
    scale: int,
    references: int = 0,
    reference_list: str = "refs_lr",
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Learnt:
    """Learn what `network` gets wrong on faces of a pool.

    Memory does not grow with the pool where no references are given.

    Args:
        network: Called as methods are; in evaluation mode, on `device`.
        faces: The opened set, whose train split is the pool.
        rows: Of the pool, in order; see `choose_faces`.
        scale: By how much LR faces are smaller.
        references: References that the network is given, K.
        reference_list: Which, one of `benchmark.data.faces.LISTS`.
        device: Where the network computes; None: the CPU.
        progress: Called with faces done, faces in all, and what is done besides.

    Returns:
        The regression of whole faces, with what people who were left out say of it.
    """
    folds = [Sums() for _ in range(FOLDS)]
    fold_of = _folds(_people(faces)[rows])
    given = reference_rows(faces, POOL, reference_list) if references else None
    done = 0
    for start, hr, ids in _batches(faces, rows):
        lr = as_batch(degrade_all(hr, ids, "bicubic", scale))
        refs = no_references(ids)
        if given is not None:
            chosen = [cycle(given[row], references) for row in rows[start : start + len(ids)]]
            refs = stack(faces.pool, chosen)
        output = _called(network, lr, refs, device)
        for fold, sums in enumerate(folds):
            mine = torch.from_numpy(fold_of[start : start + len(ids)] == fold)
            _add(sums, lr[mine], output[mine], as_batch(hr)[mine])
        done += len(ids)
        if progress:
            progress(done, len(rows), "fitting" if done == len(rows) else "")
    return learn(folds)


@torch.no_grad()
def _called(network: nn.Module, lr: Tensor, refs: Tensor, device: torch.device | None) -> Tensor:
    """The network's output on the CPU, cut to [0, 1]."""
    output = network(lr.to(device), refs.to(device))
    if not torch.isfinite(output).all():
        raise FaceRefError(
            "The network gave numbers that are not finite (NaN or infinity), so no error can be "
            "learnt. Give one whose training did not fail."
        )
    return output.float().clamp(0, 1).cpu()


def _add(sums: Sums, lr: Tensor, output: Tensor, hr: Tensor) -> None:
    """Add faces and their mirrored selves."""
    if len(lr):
        sums.add(known(lr, output), errors(hr - output))
        lr, output, hr = lr.flip(3), output.flip(3), hr.flip(3)
        sums.add(known(lr, output), errors(hr - output))


def _people(faces: FaceRef) -> np.ndarray:
    """Who each face of the pool is of; faces that may be of one person are one."""
    table = faces.table(POOL, ["component", "identity"]).to_pylist()
    return np.array([row["component"] or row["identity"] for row in table])


def _folds(people: np.ndarray) -> np.ndarray:
    """Fold of each face, the same for all of a person, (N,)."""
    names, place = np.unique(people, return_inverse=True)
    return np.random.default_rng(0).permutation(len(names))[place] % FOLDS


def _batches(faces: FaceRef, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray, list[str]]]:
    """Place of the first face, HR faces uint8 (N, 128, 128, 3), and ids of each batch."""
    found = faces.stream_faces(POOL, rows.tolist())
    for start in range(0, len(rows), BATCH):
        ids, images = zip(*islice(found, BATCH), strict=True)
        yield start, np.stack(images), list(ids)
