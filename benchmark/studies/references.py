"""The reference study: what one trained method gains from each kind of reference, and how many.

The oracle ladder: the target itself, other images of the same person, look-alikes found with the
HR face, look-alikes found with the LR face, and faces drawn at random. All kinds are scored
on the same faces, those whose person has another image in the split, and against K = 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.data.faces import Faces, found_in, random_references, read_split
from benchmark.evaluation.evaluate import BATCH, budget_name, open_model
from benchmark.evaluation.record import code_version, first_parts_are_people
from benchmark.evaluation.setting import default_task
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method
from benchmark.metrics.score import luma, psnr, ssim, to_uint8
from benchmark.protocol.tasks import HR_SIZE, SCALE, Task, task
from benchmark.results.result import image_digest, person_numbers
from benchmark.studies.patch_oracle import copied_patches
from benchmark.studies.study import (
    BANDS,
    KINDS,
    REGIONS,
    Cell,
    Patches,
    Study,
    StudyCheckpoint,
)
from benchmark.training.export import adaptation_of, training_report
from benchmark.training.run import scale_of
from faceref.console import Progress
from faceref.curation.duplicates import Duplicate, first_of_each
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.pool import Pool
from faceref.dataset.revision import data_revision
from faceref.dataset.store import DUPLICATES, REFERENCE_LISTS
from faceref.errors import FaceRefError
from faceref.hardware import hardware, open_device

COUNTS = (1, 2, 3, 5, 8)


def parse_counts(text: str) -> list[int]:
    """Numbers of references from text such as `1,2,5`; raises FaceRefError for anything else."""
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < 1:
        raise FaceRefError(f"--counts {text!r}: whole numbers from 1 up, such as 1,2,5.")
    return found


def training_to_study(run: Path) -> tuple[Method, dict[str, Any]]:
    """Method and report of a training.

    Raises FaceRefError where it has no use of references, or was adapted.
    """
    training = training_report(run)
    method = load_method(training["method"])
    if not method.uses_references:
        raise FaceRefError(
            f"{run} holds {method.name!r}, which has no use of references to study. Give a "
            "training of a method that has, such as msrnet: see facebench methods."
        )
    if adaptation_of(run) is not None:
        raise FaceRefError(
            f"{run} is adapted to a pool: it would be studied under the name of {method.name} as "
            "trained. Give the weights that were adapted."
        )
    return method, training


def need_names_apart(runs: Sequence[Path]) -> None:
    """Raise FaceRefError where two trainings would be written into the same file."""
    names: dict[tuple[str, str, int], Path] = {}
    for run in runs:
        method, training = training_to_study(run)
        other = names.setdefault((method.name, budget_name(training), training["seed"]), run)
        if other is not run:
            raise FaceRefError(
                f"{other} and {run} are both {method.name} with seed {training['seed']}, and one "
                "page would replace the other. Study them one by one, each with its own --out."
            )


def study_references(
    face_ref: FaceRef,
    run: Path,
    *,
    task_name: str | None = None,
    split: str = "test",
    counts: Sequence[int] = COUNTS,
    faces: int | None = None,
    also: Sequence[FaceRef] = (),
    device: str = "cpu",
    progress: Progress | None = None,
    checkpoint: StudyCheckpoint | None = None,
) -> Study:
    """Score a training with every kind and number of references.

    `run` is its folder or an exported file. `faces` limits how many are scored, evenly spaced.
    `also` are other builds of the same faces, whose lists by another likeness are studied, too.
    What is finished is taken from `checkpoint` and kept there. Raises FaceRefError for a method
    without references, an adapted file, and a split in which nobody has two images.
    """
    method, training = training_to_study(run)
    asked = task(task_name or default_task(face_ref))
    _need_usual_scale(asked, run, training)
    if asked.shows_less and also:
        raise FaceRefError(
            f"{asked.name}: the lists of other builds were found with the clean 16x16 face, which "
            "shows more than this task's. Leave --also or --task out."
        )
    target = open_device(device)
    model = open_model(method, run)[0].to(target)
    subjects, kinds = prepare(face_ref, split, faces, max(counts), asked.degradation)
    others = _other_lists(face_ref, also, split, subjects)
    # By appearance the HR face finds what the LR face does: it is compared at 16x16.
    kinds |= {name: lists for name, lists in others.items() if lists not in kinds.values()}
    checkpoint = checkpoint or StudyCheckpoint()
    weights, ids = training["weights_sha256"], subjects.image_ids
    checkpoint.begin(_key(weights, asked.name, device, ids, kinds))
    plan: list[tuple[str, int]] = [("none", 0)]
    plan += [(kind, count) for kind in KINDS if kind in kinds for count in counts]
    plan.append(("target", 1))
    ends = sorted({min(counts), max(counts)})
    copied = [(kind, count) for kind in KINDS if kind in kinds for count in ends]
    reports = _reports(progress, [*plan, *copied], len(subjects))
    cells: list[Cell] = []
    for kind, count in plan:
        report = next(reports)
        make = partial(_measure, model, subjects, kinds.get(kind), kind, count, target, report)
        cells += checkpoint.get(f"{kind}-{count}", Cell, make)
    patches: list[Patches] = []
    for kind, count in copied:
        make = partial(copied_patches, subjects, kinds[kind], kind, count, next(reports))
        patches += checkpoint.get(f"copied-{kind}-{count}", Patches, make)
    return Study(
        task=asked.name,
        method=method.name,
        title=method.title,
        budget=budget_name(training),
        seed=training["seed"],
        split=split,
        data_revision=data_revision(face_ref),
        images=len(subjects),
        images_sha256=image_digest(subjects.image_ids),
        weights_sha256=training["weights_sha256"],
        code=code_version(),
        hardware=hardware(target),
        cells=cells,
        patches=patches,
        people=_people(subjects),
    )


def _people(faces: Faces) -> list[int]:
    """A number for each face's person, where the image ids name people anyway."""
    numbers, ids = faces.people, faces.image_ids
    if numbers is None or not first_parts_are_people(ids, numbers):
        return []
    return person_numbers(ids).tolist()


def _need_usual_scale(asked: Task, run: Path, training: dict[str, Any]) -> None:
    """Raise FaceRefError where patches and bands would be of another scale than is studied."""
    for what, scale in ((asked.name, asked.scale), (run, scale_of(training))):
        if scale != SCALE:
            raise FaceRefError(f"{what} is of x{scale}: references are studied at x{SCALE} alone.")


def prepare(
    face_ref: FaceRef, split: str, faces: int | None, most: int, degradation: str = "bicubic"
) -> tuple[Faces, dict[str, list[list[int]]]]:
    """The faces to study and, for each kind, the rows of their references.

    The pool of the faces holds the train split and, behind it, `split` itself: the other images of
    a person lie there, near-duplicates of the face left out. Random references are drawn with a
    fixed seed from the train split, none of the person's own. `refs_lr` is searched for with the LR
    face where `degradation` hides what lists were found with, as evaluations do.
    """
    listed = {
        name: read_split(face_ref, split, name, degradation=degradation) for name in REFERENCE_LISTS
    }
    if degradation != "bicubic":
        listed["refs_lr"] = found_in(listed["refs_lr"], face_ref, most)
    whole, pool = listed[REFERENCE_LISTS[0]], face_ref.pool
    people = face_ref.column(split, "identity")
    same = _same_person(people, _photographs(face_ref, whole.image_ids), len(pool.images))
    chosen = [row for row, others in enumerate(same) if others]
    if not chosen:
        raise FaceRefError(
            f"Nobody in {split} has two images, so there are no references of the same person. "
            "Use a source with several images a person."
        )
    if faces is not None and faces < len(chosen):
        chosen = [chosen[place] for place in np.linspace(0, len(chosen) - 1, faces).astype(int)]
    wide = Pool(np.concatenate([pool.images, whole.hr]), pool.row)
    subjects = replace(whole, pool=wide).take(chosen)
    drawn = random_references(face_ref, [people[row] for row in chosen], most)
    kinds = {name: [found.references[row] for row in chosen] for name, found in listed.items()}
    return subjects, kinds | {"same": [same[row] for row in chosen], "random": drawn}


def _other_lists(
    face_ref: FaceRef, also: Sequence[FaceRef], split: str, subjects: Faces
) -> dict[str, list[list[int]]]:
    """Lists by a likeness that those of `face_ref` are not by, as rows of the pool."""
    found: dict[str, list[list[int]]] = {}
    for other in also:
        own = face_ref.manifest["mining"]["likeness"]
        for name in REFERENCE_LISTS:
            likeness = other.manifest["mining"]["likeness"][name]
            if likeness != own[name]:
                lists = dict(
                    zip(other.column(split, "image_id"), other.column(split, name), strict=True)
                )
                found[f"{name}_{likeness}"] = [
                    _rows_in_pool(lists.get(image_id), subjects.pool, other.root)
                    for image_id in subjects.image_ids
                ]
    return found


def _rows_in_pool(references: list[dict] | None, pool: Pool, root: Path) -> list[int]:
    known = [pool.row.get(item["image_id"]) for item in references or ()]
    rows = [row for row in known if row is not None]
    if references is None or len(rows) < len(known):
        raise FaceRefError(
            f"{root} has other faces or another split than the Face_Ref that is studied. Build it "
            "from the same source with the same seed; only --likeness-hr and --likeness-lr differ."
        )
    return rows


def _same_person(people: Sequence[str], photographs: Sequence[int], shift: int) -> list[list[int]]:
    """Of each face the rows of the person's images, but for those of the same photograph."""
    rows: dict[str, list[int]] = {}
    for row, person in enumerate(people):
        rows.setdefault(person, []).append(row)
    return [
        [shift + other for other in rows[person] if photographs[other] != photographs[row]]
        for row, person in enumerate(people)
    ]


def _photographs(face_ref: FaceRef, image_ids: Sequence[str]) -> list[int]:
    """A number for each image's photograph: near-duplicates, and copies of copies, share one."""
    row = {image_id: place for place, image_id in enumerate(image_ids)}
    # A hydrated set of CelebA and an unpacked archive do not have the table.
    table = face_ref.near_duplicates() if (face_ref.root / DUPLICATES).is_file() else []
    pairs = ((item["image_id"], item["duplicate_of"], item["kind"]) for item in table)
    known = [
        Duplicate(row[one], row[other], kind)
        for one, other, kind in pairs
        if one in row and other in row
    ]
    return first_of_each(len(image_ids), known).tolist()


def _key(
    weights: str,
    task_name: str,
    device: str,
    image_ids: Sequence[str],
    kinds: dict[str, list[list[int]]],
) -> str:
    """Digest of what the numbers of a study depend on, this package's version included."""
    known = [weights, task_name, device, code_version(), list(image_ids), kinds]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _measure(
    model: nn.Module,
    faces: Faces,
    references: list[list[int]] | None,
    kind: str,
    count: int,
    device: torch.device,
    report: Callable[[int], None],
) -> list[Cell]:
    given = replace(faces, references=references or [[] for _ in faces.image_ids])
    psnrs, ssims, errors = [], [], []
    for image, hr in _outputs(model, given, kind, count, device):
        output, target = luma(image), luma(hr)
        psnrs.append(round(psnr(output, target), 4))
        ssims.append(round(ssim(output, target), 5))
        errors.append(output - target)
        report(len(psnrs))
    stacked = np.stack(errors)
    return [Cell(kind, count, psnrs, ssims, band_errors(stacked), region_errors(stacked))]


@torch.no_grad()
def _outputs(
    model: nn.Module, faces: Faces, kind: str, count: int, device: torch.device
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(faces), BATCH):
        rows = list(range(start, min(start + BATCH, len(faces))))
        lr, refs, hr = faces.batch(rows, 0 if kind in ("none", "target") else count)
        refs = hr.unsqueeze(1) if kind == "target" else refs
        images = to_uint8(model(lr.to(device), refs.to(device)).float().cpu().numpy())
        yield from zip(images, faces.hr[rows], strict=True)


def band_errors(errors: np.ndarray) -> list[float]:
    """Mean squared error in each of `BANDS` of errors (N, 128, 128); they add up to the whole.

    By Parseval's theorem: power of the orthonormal discrete Fourier transform, ring by ring.
    """
    power = (np.abs(np.fft.fft2(errors, norm="ortho")) ** 2).mean(0) / HR_SIZE**2
    axis = np.fft.fftfreq(HR_SIZE, 1 / HR_SIZE)
    radius = np.hypot(axis[:, None], axis[None])
    return [round(float(power[(radius >= low) & (radius < high)].sum()), 4) for low, high in BANDS]


def region_errors(errors: np.ndarray) -> dict[str, float]:
    """Mean squared error in each of `REGIONS`, and in `elsewhere`, of errors (N, 128, 128)."""
    square = (errors**2).mean(0)
    outside = np.ones(square.shape, bool)
    top, bottom, left, right = REGIONS["face"]
    outside[top:bottom, left:right] = False
    found = {}
    for name, (top, bottom, left, right) in REGIONS.items():
        found[name] = float(square[top:bottom, left:right].mean())
    found["elsewhere"] = float(square[outside].mean())
    return {name: round(value, 4) for name, value in found.items()}


def _reports(
    progress: Progress | None, jobs: Sequence[tuple[str, int]], faces: int
) -> Iterator[Callable[[int], None]]:
    """For each job what reports how many of its faces are done."""

    def report(place: int, state: str, done: int) -> None:
        if progress:
            progress(place * faces + done, len(jobs) * faces, state)

    for place, (kind, count) in enumerate(jobs):
        yield partial(report, place, f"{kind}, K={count}")
