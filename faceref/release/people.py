"""What `people` of the manifest says of a set that lost images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from faceref.curation.identities import by_kind, entries_of
from faceref.curation.links import is_group
from faceref.dataset import store
from faceref.dataset.prune import ID_COLUMNS
from faceref.dataset.store import AGAIN
from faceref.reading.parquet import read_parquet

_TABLES = (
    ("near_duplicate_pairs", store.DUPLICATES, store.DUPLICATE_SCHEMA, ("kind",)),
    ("label_noise", store.LABEL_NOISE, store.NOISE_SCHEMA, ("kind", "image_id")),
)
"""Entry, table, and the columns in which nothing may be missing."""


def people_of(
    manifest: Mapping[str, Any], root: Path, kept: Sequence[Mapping[str, Any]], gone: Set[str]
) -> dict[str, Any]:
    """`people` of the manifest for the rows `kept`, without counts of a table that is not there.

    Args:
        manifest: Of the set with all its images.
        root: Where its tables lie.
        kept: Rows.
        gone: Ids of the images that it lost.
    """
    identities, components = ([row[name] for row in kept] for name in ("identity", "component"))
    guessed = bool(manifest["people"]["unlabelled_images"])
    unlabelled = sum(map(is_group, identities)) if guessed else 0
    found = entries_of(identities, components, unlabelled, manifest["thresholds"]["same_person"])
    for entry, name, schema, whole in _TABLES:
        if (root / name).is_file():
            rows = read_parquet(root / name, AGAIN, schema, whole=set(whole)).to_pylist()
            left = (row for row in rows if gone.isdisjoint(row[key] for key in ID_COLUMNS[name]))
            found[entry] = by_kind(row["kind"] for row in left)
    return found
