"""What `faceref inspect` prints about a finished set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faceref.console import Table
from faceref.dataset.store import SPLITS


@dataclass(frozen=True)
class Summary:
    """A set in numbers."""

    tables: list[Table]
    """Counts, rejects by reason and quantiles of similarity and quality, ready to print."""
    notes: list[str]
    """Lines that belong under the tables."""


def summarise(manifest: Mapping[str, Any], name: str) -> Summary:
    """The summary of a set from its manifest; `name` is what its first table calls it."""
    return Summary(list(_tables(manifest, name)), _notes(manifest))


def _tables(manifest: Mapping[str, Any], name: str) -> Iterator[Table]:
    people = manifest["leak_certificate"]["identities"]
    counts = manifest["counts"]
    there = [split for split in SPLITS if split in counts]
    rows = [[split, f"{counts[split]:,}", f"{people[split]:,}"] for split in there]
    everybody = sum(people[split] for split in there)
    rows.append(["all", f"{sum(counts.values()):,}", f"{everybody:,}"])
    yield f"Faces ({name})", ["split", "faces", "people"], rows
    rejects = manifest["rejects"]
    rows = [[reason, f"{count:,}"] for reason, count in rejects.items()]
    yield "Rejected images", ["reason", "images"], rows or [["none", "0"]]
    yield _quantiles("Similarity of references", "list", manifest["similarity"], 3)
    if manifest.get("quality"):
        yield _quantiles("Quality of the faces", "measure", manifest["quality"], 2)


def _quantiles(
    title: str, what: str, found: Mapping[str, Mapping[str, float]], digits: int
) -> Table:
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


def _notes(manifest: Mapping[str, Any]) -> list[str]:
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
