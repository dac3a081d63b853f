"""What `faceref inspect` prints about a finished set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    files: str
    """What became of files that are not in it: `3 rejected (2 unreadable, 1 no face)`; and how many
    that are in it showed several faces."""


def summarise(
    manifest: Mapping[str, Any], name: str, rejects: Sequence[Mapping[str, str]] = ()
) -> Summary:
    """The summary of a set.

    Args:
        manifest: The content of its `face_ref.json`.
        name: What the first table calls it.
        rejects: Its table of rejected images: says why those that cannot be read cannot.

    Returns:
        Tables and notes.
    """
    return Summary(list(_tables(manifest, name, rejects)), _notes(manifest), _files(manifest))


def _files(manifest: Mapping[str, Any]) -> str:
    passed = _passed_over(manifest)
    parts = [_counted("rejected", manifest["rejects"])]
    parts += [_counted("passed over", passed)] if passed else []
    chosen = manifest.get("chosen_by_likeness", 0)
    parts += [f"{chosen:,} with several faces, chosen by likeness"] if chosen else []
    return "; ".join(parts)


def _counted(what: str, reasons: Mapping[str, int]) -> str:
    each = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    return f"{sum(reasons.values()):,} {what}" + (f" ({each})" if each else "")


def _passed_over(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Files, folders or rows of the source that are none of its images, by the reason."""
    inventory = (manifest.get("origin") or {}).get("inventory") or {}
    return inventory.get("passed_over", {})


def _tables(
    manifest: Mapping[str, Any], name: str, rejects: Sequence[Mapping[str, str]]
) -> Iterator[Table]:
    people = manifest["leak_certificate"]["identities"]
    counts = manifest["counts"]
    there = [split for split in SPLITS if split in counts]
    rows = [[split, f"{counts[split]:,}", f"{people[split]:,}"] for split in there]
    everybody = sum(people[split] for split in there)
    rows.append(["all", f"{sum(counts.values()):,}", f"{everybody:,}"])
    yield f"Faces ({name})", ["split", "faces", "people"], rows
    rows = [[reason, f"{count:,}"] for reason, count in _reasons(manifest, rejects).items()]
    yield "Rejected images", ["reason", "images"], rows or [["none", "0"]]
    rows = [[reason, f"{count:,}"] for reason, count in _passed_over(manifest).items()]
    if rows:
        yield "Passed over in the source", ["reason", "files"], rows
    yield _quantiles("Similarity of references", "list", manifest["similarity"], 3)
    if manifest.get("quality"):
        yield _quantiles("Quality of the faces", "measure", manifest["quality"], 2)


def _reasons(
    manifest: Mapping[str, Any], rejects: Sequence[Mapping[str, str]]
) -> Mapping[str, int]:
    """Rejects by reason, and what cannot be read by what is wrong with it, too."""
    details = Counter(
        f"{row['reason']}: {row['detail']}" for row in rejects if row["reason"] == "unreadable"
    )
    if not details:
        return manifest["rejects"]
    others = {why: count for why, count in manifest["rejects"].items() if why != "unreadable"}
    return {**others, **dict(sorted(details.items()))}


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
        *_chosen(manifest),
        f"Leak certificate: {certificate['references_checked']:,} references checked; none is the "
        "face itself, its person, or outside train.",
    ]


def _chosen(manifest: Mapping[str, Any]) -> Iterator[str]:
    """A line where the label's other images decided whose face is meant."""
    count = manifest.get("chosen_by_likeness", 0)
    if count:
        yield (
            f"Several faces alike: in {count:,} {'image' if count == 1 else 'images'} the build "
            "took the one nearest to the label's other images."
        )
