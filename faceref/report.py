"""What `faceref inspect` prints about a finished set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from faceref.store import REFERENCE_LISTS, SPLITS, FaceRef

Table = tuple[str, list[str], list[list[str]]]
"""Title, column names and rows."""


def tables(face_ref: FaceRef) -> Iterator[Table]:
    """Counts, rejects by reason and quantiles of similarity, ready to print."""
    manifest = face_ref.manifest
    people = manifest["leak_certificate"]["identities"]
    counts = manifest["counts"]
    rows = [[name, f"{counts[name]:,}", f"{people[name]:,}"] for name in SPLITS]
    rows.append(["all", f"{sum(counts.values()):,}", f"{sum(people.values()):,}"])
    yield f"Faces ({face_ref.root})", ["split", "faces", "people"], rows
    rejects = manifest["rejects"]
    rows = [[reason, f"{count:,}"] for reason, count in rejects.items()]
    yield "Rejected images", ["reason", "images"], rows or [["none", "0"]]
    yield _similarity(manifest)


def _similarity(manifest: dict[str, Any]) -> Table:
    lists = manifest["similarity"]
    quantiles = list(next(iter(lists.values()), {}))
    rows = [
        [name, *(f"{lists[name][quantile]:.3f}" for quantile in quantiles)]
        for name in REFERENCE_LISTS
        if lists.get(name)
    ]
    title = "Similarity of references, quantiles"
    return title, ["list", *(f"{float(quantile):.0%}" for quantile in quantiles)], rows


def notes(face_ref: FaceRef) -> list[str]:
    """Lines that belong under the tables."""
    manifest = face_ref.manifest
    bound = manifest["thresholds"]["max_similarity"]
    embedder = manifest["embedder"]
    certificate = manifest["leak_certificate"]
    name = " ".join(filter(None, (embedder["name"], embedder.get("pack"))))
    value = "none" if bound["value"] is None else f"{bound['value']}"
    return [
        f"Embedder: {name}. Random pairs of different people: "
        f"mean cosine {manifest['mining']['random_similarity']['mean']:.3f}.",
        f"Upper bound on similarity: {value} ({bound['method']}, {bound['pairs']:,} pairs).",
        f"Leak certificate: {certificate['references_checked']:,} references checked; none is the "
        "probe, its person, or outside train.",
    ]
