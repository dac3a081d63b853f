"""A published Face_Ref: the files of a release, and the index that rebuilds one without its pixels.

```
README.md                             card of the data set
face_ref.json                         manifest of the set, with the section `release`, see below
croissant.json                        Croissant metadata
similarity.png                        scores of the references, drawn from the rows
index/<split>-00000-of-00001.parquet  kind `index`: see `INDEX_SCHEMA`
data/<split>-00000-of-00001.parquet   kind `full`: the shards of the set, byte for byte
rejects.parquet                       of the set; without `identity` where identities are withheld
near_duplicates.parquet               of the set, where identities may be published
label_noise.parquet                   likewise
refs_same.parquet                     likewise, where the set has it
lr_encoder.safetensors                of the set, where embeddings may be published
credits.parquet                       of the set, where it has it
removals.json                         of the set, where it has it
```

The section `release` of `face_ref.json`:

- `format`: `INDEX_FORMAT`; `kind`: `index` or `full`; `version`: tag of the release;
- `licence`: `{"id", "name", "link"}`, the last two null where the id is one of the Hub's;
- `files`: SHA-256 of the files of the set, by path, where they reveal nothing that is withheld
  (then of the shards alone); parquet files are the same
  bytes only under the same version of `pyarrow`, PNG only under the same of `opencv-python`;
- `written_with`: these versions;
- `withheld`: what the policy of the source keeps back: `pixels`, `identities`, `embeddings`,
  `landmarks`;
- `withheld_files`: files of the set that are not in the release for that reason, and that nobody
  can make from it; releases of before this was recorded have none.

Where identities are withheld, `people.giant_components` and `people.notes` of the manifest are
empty: `identities.entries_of` makes them again from labels and components.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceref.dataset.store import INDEX, REFERENCE_LISTS, SCHEMA
from faceref.reading.json_file import read_json
from faceref.reading.shape import COUNT

INDEX_FORMAT = 1
FULL = "full"
KINDS = (INDEX, FULL)
RELEASE = "release"
"""Key of the manifest."""
CARD = "README.md"
CROISSANT = "croissant.json"
PLOT = "similarity.png"
REMOVALS = "removals.json"
SEAL_LABELS = 6
"""A seal needs that many references: the labels of fewer could be guessed."""
_TAKEN = ("image_id", "sha256", "source", "split", "identity", "component", "landmarks", "quality")
INDEX_SCHEMA = pa.schema(
    [
        *(SCHEMA.field(name) for name in _TAKEN),
        ("component_seal", pa.string()),
        ("png_sha256", pa.string()),
        ("pixels_sha256", pa.string()),
        *(SCHEMA.field(name) for name in REFERENCE_LISTS),
    ]
)
"""All columns that an index may have, in their order; those that the policy withholds are absent.

As in `store.SCHEMA`, and: `png_sha256` is of the aligned face as the set stores it, `pixels_sha256`
of its RGB bytes (128 * 128 * 3), so that another PNG encoder can be distinguished from another
image. `landmarks` are absent where the source itself has them (CelebA, FFHQ): read them there.
`component_seal` replaces `component` where identities are withheld, see `seal`. Rows are in the
order of the set's own shards."""
WITHHOLDABLE = {
    "identities": ("identity", "component"),
    "landmarks": ("landmarks",),
}
"""Columns that an index lacks by what `withheld` names."""


def index_schema(withheld: Collection[str]) -> pa.Schema:
    """The columns of an index that withholds these things.

    `component_seal` is there only where identities are withheld.
    """
    hidden = {name for what in withheld for name in WITHHOLDABLE.get(what, ())}
    if "identities" not in withheld:
        hidden.add("component_seal")
    return pa.schema([field for field in INDEX_SCHEMA if field.name not in hidden])


def index_name(split: str, index: int, total: int) -> str:
    """Relative path of one index file."""
    return f"index/{split}-{index:05d}-of-{total:05d}.parquet"


def seal(row: Mapping[str, Any], labels: Mapping[str, str], component: str) -> str | None:
    """A hash by which whoever has the labels of the source can find a row's component, others not.

    A component is named by a label, so its name would reveal who is shown. The hash covers the
    labels of the row and of
    all its references (with eight in each list some 200 bits): without them no
    guess can be checked. `labels` gives the label of each image id; None where a label is unknown
    or there are fewer than `SEAL_LABELS` images among its references.
    """
    ids = [item["image_id"] for name in REFERENCE_LISTS for item in row[name]]
    if len(set(ids)) < SEAL_LABELS or not all(name in labels for name in (row["image_id"], *ids)):
        return None
    known = [labels[name] for name in (row["image_id"], *ids)]
    text = json.dumps(["face-ref component", row["image_id"], known, component])
    return hashlib.sha256(text.encode()).hexdigest()


def open_components(rows: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> dict[str, str]:
    """The component of each label of a set, from the index rows of all splits and the labels.

    A component holds labels whole and is named by the first of them, so a label's own name is tried
    before those in front of it. A label none of whose rows can be opened is absent.
    """
    names = sorted(set(labels.values()))
    found: dict[str, str] = {}
    for row in rows:
        label = labels.get(row["image_id"])
        if label is None or label in found or row["component_seal"] is None:
            continue
        for name in _guesses(label, names):
            if seal(row, labels, name) == row["component_seal"]:
                found[label] = name
                break
    return found


def _guesses(label: str, names: Sequence[str]) -> Iterable[str]:
    yield label
    for name in names:
        if name >= label:
            return
        yield name


def salted(image_id: str, salt: str) -> str:
    """What is recorded of a removed id: SHA-256 of salt and id, hexadecimal."""
    return hashlib.sha256(f"{salt} {image_id}".encode()).hexdigest()


def read_removals(path: Path) -> dict[str, Any]:
    """The record of a `removals.json`; raises FaceRefError where it is damaged."""
    entry = {"hashes": [str], "images": COUNT, "version": str}
    again = "Copy it again from where the set comes from."
    return read_json(path, again, {"salt": str, "removals": [entry]})


def was_removed(path: Path) -> tuple[set[str], str]:
    """The salted hashes of all removals of a `removals.json`, and the salt."""
    record = read_removals(path)
    return {digest for entry in record["removals"] for digest in entry["hashes"]}, record["salt"]
