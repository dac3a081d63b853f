"""The second half of a build: split, mine and write, from the finished parts of all images."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

import faceref
from faceref.audit.manifest import entries_from_rows
from faceref.curation.identities import People, find_people
from faceref.curation.threshold_plot import plot_calibration
from faceref.dataset import card, store
from faceref.dataset.credits import write_credits
from faceref.embed.base import Embedder
from faceref.errors import UnusableError
from faceref.files import copy_file, file_sha256, write_text
from faceref.mining.lists import Lists, Subjects, mine_lists
from faceref.mining.shards import MineShards, mine_here
from faceref.pipeline.checkpoints import LIGHT_COLUMNS
from faceref.pipeline.likeness import Finished
from faceref.pipeline.rows import Rows
from faceref.pipeline.splits import MIN_PEOPLE, split_identities, too_few_people
from faceref.pipeline.vectors import map_vectors
from faceref.sources.base import Source

if TYPE_CHECKING:
    from faceref.pipeline.recipe import Recipe


def assemble(
    finished: Finished,
    source: Source,
    embedder: Embedder,
    recipe: Recipe,
    out: Path,
    device: str,
    plot: Path | None = None,
    mine_shards: MineShards = mine_here,
    stage: Callable[[str], None] = lambda name: None,
) -> dict[str, Any]:
    """Write Face_Ref to the new folder `out`, the calibration to `plot`; return the manifest.

    Large pools are mined by `mine_shards`. `stage` is told what is done next.
    """
    stage("grouping people")
    used, rejects = _usable(finished, source.name)
    _refuse_few(used, rejects)
    work, seed = finished.first.root, recipe.split.seed
    vectors = map_vectors(finished, used.num_rows, work / "vectors")
    people = find_people(
        _labels(used),
        used["sha256"].to_pylist(),
        vectors.hashes,
        vectors.embeddings,
        seed=seed,
        same_person=recipe.same_person,
        device=device,
    )
    used = used.select(["image_id", "sha256", "landmarks", "quality"])
    split = split_identities(people.components, recipe.split)
    splits = np.array([split[name] for name in people.components])
    subjects = Subjects(
        np.array(used["image_id"].to_pylist()),
        splits,
        people,
        vectors.embeddings,
        vectors.appearance,
    )
    encoder = work / store.LR_ENCODER if recipe.mining.likeness_lr != "appearance" else None
    report = None
    if encoder is not None:
        stage("training the LR encoder")
        subjects, report = _with_encoder(subjects, vectors.thumbnails, encoder, seed, device)
    stage("mining references")
    lists = mine_lists(subjects, recipe.mining, seed, device, work / "mining", mine_shards)
    if plot is not None:
        plot_calibration(people.same_person, plot, lists.bound.value)
    rows = Rows(used, source.name, subjects, lists)
    manifest = _manifest(rows, rejects, source, embedder, recipe, people, lists)
    manifest["lr_encoder"] = report
    if chosen := finished.chosen:
        manifest["chosen_by_likeness"] = chosen
    stage("writing")
    _write(out, rows, rejects, manifest, finished)
    if encoder is not None:
        copy_file(encoder, out / encoder.name)
    store.write_findings(out, *_findings(people, subjects.image_ids.tolist()))
    if recipe.mining.same_person:
        store.write_oracle(out, subjects.image_ids.tolist(), lists.references["refs_same"])
    write_credits(out, source.records, {row["image_id"] for row in rows})
    return manifest


def _usable(finished: Finished, source: str) -> tuple[pa.Table, list[dict[str, str]]]:
    """What is known of the usable faces, and the rows of the rejected ones."""
    table = pa.concat_tables(finished.tables(LIGHT_COLUMNS))
    return table.filter(_rejected(table, False)), _rejects(table, source)


def _refuse_few(used: pa.Table, rejects: Sequence[dict[str, str]]) -> None:
    """Raise UnusableError where the usable faces are no people to split."""
    reasons = Counter(row["reason"] for row in rejects)
    text = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    named = set(used["identity"].to_pylist())
    people = len(named)
    if people == 0:
        raise UnusableError(
            f"None of the {len(rejects)} images has a usable face: {text}. "
            "Check that the images are photographs of faces, or lower the limits of the build."
        )
    if people < MIN_PEOPLE and None not in named:
        has = "has" if people == 1 else "have"
        how = f"{has} a usable face{f' (rejected: {text})' if text else ''}"
        raise too_few_people(people, how)


def _labels(used: pa.Table) -> list[str | None]:
    """Labels of people; None where a source that names nobody gave the image's own id."""
    pairs = zip(used["image_id"].to_pylist(), used["identity"].to_pylist(), strict=True)
    return [None if identity == image_id else identity for image_id, identity in pairs]


def _with_encoder(
    subjects: Subjects, thumbnails: np.ndarray, path: Path, seed: int, device: str
) -> tuple[Subjects, dict[str, Any]]:
    """The subjects with embeddings predicted from the LR face, and the report of the encoder.

    It is trained on train, val chooses its weights; test takes no part.
    """
    from faceref.lr_encoder.model import embed_lr, load_encoder
    from faceref.lr_encoder.training import LrFaces, Schedule, train_encoder

    faces = LrFaces(thumbnails, subjects.embeddings, np.array(subjects.people.components))
    train, val = (faces.take(np.flatnonzero(subjects.splits == name)) for name in ("train", "val"))
    report = train_encoder(train, val, path, Schedule(seed=seed), device=device)
    predicted = embed_lr(load_encoder(path, device), thumbnails)
    return replace(subjects, lr_embeddings=predicted), {**report, "sha256": file_sha256(path)}


def _rejected(table: pa.Table, wanted: bool) -> pa.Array:
    return pa.array([(reason is not None) == wanted for reason in table["reject"].to_pylist()])


def _rejects(table: pa.Table, source: str) -> list[dict[str, str]]:
    rows = (
        table.filter(_rejected(table, True)).select(["image_id", "identity", "reject"]).to_pylist()
    )
    return [
        {
            "image_id": row["image_id"],
            "source": source,
            "identity": row["identity"],
            "reason": row["reject"].partition(": ")[0],
            "detail": row["reject"].partition(": ")[2],
        }
        for row in rows
    ]


def _findings(
    people: People, ids: Sequence[str]
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """The rows of the tables of near-duplicates and of doubtful labels."""
    duplicates = [
        {"image_id": ids[item.right], "duplicate_of": ids[item.left], "kind": item.kind}
        for item in people.duplicates
    ]
    noise = [
        {
            "kind": item.kind,
            "image_id": ids[item.row],
            "identity": people.identities[item.row],
            "other_id": ids[item.other] if item.other >= 0 else None,
            "other_identity": people.identities[item.other] if item.other >= 0 else None,
            "similarity": item.similarity,
            "own_similarity": item.own,
        }
        for item in people.label_noise
    ]
    return duplicates, noise


def _manifest(
    rows: Sequence[Mapping[str, Any]],
    rejects: Sequence[dict[str, str]],
    source: Source,
    embedder: Embedder,
    recipe: Recipe,
    people: People,
    lists: Lists,
) -> dict[str, Any]:
    rule = recipe.split
    return {
        "format": store.FORMAT,
        "made_by": f"face-ref {faceref.__version__}",
        "source": source.name,
        "licence": source.licence,
        "origin": source.manifest(),
        "image_size": 128,
        "embedder": embedder.provenance(),
        "references": recipe.mining.references,
        "mining": lists.manifest,
        "people": people.manifest(),
        "seed": rule.seed,
        "split_rule": {"val": rule.val, "test": rule.test, "by": "component"},
        "thresholds": {
            **asdict(recipe.quality),
            "max_similarity": lists.bound.manifest(),
            "same_person": people.same_person.manifest(),
        },
        **entries_from_rows(rows, rejects, lists.bound_on_scores),
    }


def _write(
    out: Path,
    rows: Sequence[Mapping[str, Any]],
    rejects: Sequence[dict[str, str]],
    manifest: dict[str, Any],
    finished: Finished,
) -> None:
    shutil.rmtree(out, ignore_errors=True)
    for name in store.SPLITS:
        stream = _with_images(rows, finished.images(), name)
        store.write_split(out, name, stream, manifest["counts"][name])
    store.write_rejects(out, rejects)
    store.write_manifest(out, manifest)
    write_text(out / "README.md", card.write(manifest))


def _with_images(
    rows: Sequence[Mapping[str, Any]], images: Iterator[bytes | None], split: str
) -> Iterator[dict[str, Any]]:
    usable = (image for image in images if image is not None)
    for row, image in zip(rows, usable, strict=True):
        if row["split"] == split:
            yield store.with_image(row, image)
