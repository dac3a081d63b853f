"""What `faceref inspect` prints about a finished set."""

from __future__ import annotations

from collections.abc import Iterator

from faceref.console import Table
from faceref.dataset.store import SPLITS, FaceRef


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
    yield _quantiles("Similarity of references", "list", manifest["similarity"], 3)
    if manifest.get("quality"):
        yield _quantiles("Quality of the faces", "measure", manifest["quality"], 2)


def _quantiles(title: str, what: str, found: dict[str, dict[str, float]], digits: int) -> Table:
    known = {name: values for name, values in found.items() if values}
    quantiles = list(next(iter(known.values()), {}))
    rows = [
        [name, *(f"{values[quantile]:.{digits}f}" for quantile in quantiles)]
        for name, values in known.items()
    ]
    return (
        f"{title}, quantiles",
        [what, *(f"{float(quantile):.0%}" for quantile in quantiles)],
        rows,
    )


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
        *manifest.get("people", {}).get("notes", []),
        f"Leak certificate: {certificate['references_checked']:,} references checked; none is the "
        "probe, its person, or outside train.",
    ]
