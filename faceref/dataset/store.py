"""Face_Ref on disk, format 1: Parquet shards with a manifest and a card.

```
face_ref.json                       manifest: version, provenance, seed, counts, thresholds
README.md                           data-set card, read by `datasets.load_dataset`
data/<split>-00000-of-00001.parquet rows, see `SCHEMA`
rejects.parquet                     image_id, source, identity, reason, detail
near_duplicates.parquet             image_id, duplicate_of, kind
label_noise.parquet                 labels that the embeddings contradict, see `NOISE_SCHEMA`
refs_same.parquet                   only where asked for: an oracle of same-person references
lr_encoder.safetensors              only where `refs_lr` are by identity: see `faceref.lr_encoder`
```

This module holds the format and writes it; `face_ref.py` reads it. Both need numpy, Pillow and
pyarrow only, so that a lean GPU host can train.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from faceref.files import write_table, write_text, writing
from faceref.reading.image import decode as decode_image
from faceref.reading.shape import COUNT, NUMBER, Each, Maybe, Number
from faceref.record import Quality

FORMAT = 1
SPLITS = ("train", "val", "test")
REFERENCE_LISTS = ("refs_hr", "refs_lr")
MANIFEST = "face_ref.json"
REJECTS = "rejects.parquet"
DUPLICATES = "near_duplicates.parquet"
LABEL_NOISE = "label_noise.parquet"
ORACLE = "refs_same.parquet"
LR_ENCODER = "lr_encoder.safetensors"
INDEX = "index"
"""Folder of a release that stands for images which are not published."""
ROWS_PER_SHARD = 8192
AGAIN = "Build the set again, or copy it again."
"""What to do where a file of a set is damaged."""
ROWS_PER_GROUP = 256

_REFERENCES = pa.list_(pa.struct([("image_id", pa.string()), ("score", pa.float32())]))
_QUALITY_TYPES = {
    field.name: "int32" if field.name == "faces" else "float32" for field in fields(Quality)
}
QUALITY = pa.struct([(name, getattr(pa, kind)()) for name, kind in _QUALITY_TYPES.items()])
"""The fields of `record.Quality`."""


def _value(dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "_type": "Value"}


_REFERENCE_FEATURE = {
    "feature": {"image_id": _value("string"), "score": _value("float32")},
    "_type": "List",
}
_FEATURES = {
    "image_id": _value("string"),
    "image": {"_type": "Image"},
    "sha256": _value("string"),
    "source": _value("string"),
    "split": _value("string"),
    "identity": _value("string"),
    "component": _value("string"),
    "landmarks": {"feature": _value("float32"), "length": 10, "_type": "List"},
    "quality": {name: _value(kind) for name, kind in _QUALITY_TYPES.items()},
    "refs_hr": _REFERENCE_FEATURE,
    "refs_lr": _REFERENCE_FEATURE,
}

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("sha256", pa.string()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("identity", pa.string()),
        ("component", pa.string()),
        ("landmarks", pa.list_(pa.float32(), 10)),
        ("quality", QUALITY),
        ("refs_hr", _REFERENCES),
        ("refs_lr", _REFERENCES),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}}, sort_keys=True)},
)
"""Columns of a shard. `sha256` is of the source file; `component` is what was dealt out to splits
as a whole; `landmarks` are x0, y0, ..., x4, y4 in source pixels; `refs_*` are ordered best first.
By the metadata `datasets` knows that `image` is one."""

WHOLE = frozenset({"image_id", "image", "sha256", "split", "identity", *REFERENCE_LISTS})
"""Columns of a shard, or an index, in which nothing may be missing."""
_QUANTILES = Each(Maybe(Each(NUMBER)))
MANIFEST_SHAPE = {
    "counts": dict.fromkeys(SPLITS, COUNT),
    "embedder": {
        "name": str,
        "pack": Maybe(str),
        "det_size": Number(1, 2**14, whole=True),
        "precision": Maybe(str),
    },
    "fingerprint": str,
    "image_size": Number(1, 2**12, whole=True),
    "leak_certificate": {"identities": Each(COUNT), "references_checked": COUNT},
    "licence": str,
    "lr_encoder": Maybe({"sha256": str}),
    "chosen_by_likeness": COUNT,
    "mining": {
        "diversity": NUMBER,
        "likeness": Each(str),
        "random_similarity": {"mean": NUMBER},
    },
    "origin": {
        "labelled": bool,
        "credited": COUNT,
        "inventory": Maybe({"passed_over": Each(COUNT)}),
    },
    "packed": {"data_revision": str, "of_data": str},
    "people": {"giant_components": list, "notes": [str], "unlabelled_images": COUNT},
    "quality": Maybe(_QUANTILES),
    "references": Number(0, 2**16, whole=True),
    "rejects": Each(COUNT),
    "release": {
        "files": Each(str),
        "kind": str,
        "version": str,
        "withheld": [str],
        "withheld_files": [str],
        "written_with": Each(str),
    },
    "seed": Number(0, 2**64, whole=True),
    "similarity": _QUANTILES,
    "source": str,
    "thresholds": {
        "max_similarity": {"method": str, "pairs": COUNT, "value": Maybe(NUMBER)},
        "same_person": {"pairs": COUNT, "value": Maybe(NUMBER)},
    },
    "version": COUNT,
}
"""What is read of `face_ref.json`, where it is there; sets of earlier versions have less."""

REJECT_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("image_id", "source", "identity", "reason", "detail")]
)

DUPLICATE_SCHEMA = pa.schema([(name, pa.string()) for name in ("image_id", "duplicate_of", "kind")])
"""Pairs of near-duplicates; `kind` is explained in `faceref.curation.duplicates`."""
NOISE_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "image_id", "identity")),
        *((name, pa.string()) for name in ("other_id", "other_identity")),
        *((name, pa.float32()) for name in ("similarity", "own_similarity")),
    ]
)
"""Doubts about labels; `faceref.curation.label_noise` explains `kind` and the two cosines."""
ORACLE_SCHEMA = pa.schema([("image_id", pa.string()), ("refs_same", _REFERENCES)])


def shard_name(split: str, index: int, total: int) -> str:
    """Relative path of one shard, as the Hugging Face Hub names them."""
    return f"data/{split}-{index:05d}-of-{total:05d}.parquet"


def write_split(root: Path, split: str, rows: Iterable[dict[str, Any]], count: int) -> None:
    """Write `count` rows of `split` as shards of `ROWS_PER_SHARD` below `root`."""
    total = max(1, -(-count // ROWS_PER_SHARD))
    stream = iter(rows)
    for index in range(total):
        path = root / shard_name(split, index, total)
        with writing(path) as file, pq.ParquetWriter(file, SCHEMA) as writer:
            for group in _groups(stream, min(ROWS_PER_SHARD, count - index * ROWS_PER_SHARD)):
                writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))


def _groups(stream: Iterator[dict[str, Any]], count: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, count, ROWS_PER_GROUP):
        yield [next(stream) for _ in range(min(ROWS_PER_GROUP, count - start))]


def with_image(row: Mapping[str, Any], image: bytes) -> dict[str, Any]:
    """A row of `write_split` from its other columns and the encoded face."""
    name = row["image_id"].replace("/", "__") + ".png"
    return {**row, "image": {"bytes": image, "path": name}}


def write_rejects(root: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write the table of images that are not in the set, with the reason of each."""
    write_table(root / REJECTS, pa.Table.from_pylist(list(rows), schema=REJECT_SCHEMA))


def write_findings(
    root: Path, duplicates: Sequence[dict[str, str]], noise: Sequence[dict[str, Any]]
) -> None:
    """Write the tables of near-duplicates and of doubtful labels."""
    tables = ((duplicates, DUPLICATE_SCHEMA, DUPLICATES), (noise, NOISE_SCHEMA, LABEL_NOISE))
    for rows, schema, name in tables:
        write_table(root / name, pa.Table.from_pylist(list(rows), schema=schema))


def write_oracle(
    root: Path, image_ids: Sequence[str], references: Sequence[Sequence[tuple[str, float]]]
) -> None:
    """Write the same-person references of every face, apart from the rows: they are no Face_Ref."""
    rows = [
        {
            "image_id": image_id,
            "refs_same": [{"image_id": item, "score": score} for item, score in found],
        }
        for image_id, found in zip(image_ids, references, strict=True)
    ]
    write_table(root / ORACLE, pa.Table.from_pylist(rows, schema=ORACLE_SCHEMA))


def write_manifest(root: Path, manifest: dict[str, Any]) -> None:
    """Write `face_ref.json` with sorted keys, so that equal builds have equal bytes."""
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    write_text(root / MANIFEST, text + "\n")


def fingerprint(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over ids, source hashes, splits, identities and references of all rows.

    Order does not count. Two sets with one fingerprint have the same content, whatever version
    wrote them.
    """
    digest = hashlib.sha256()
    # The order of the lines, which begin with the id, without all of them in memory.
    for place, row in enumerate(sorted(rows, key=lambda row: json.dumps(row["image_id"]))):
        digest.update(("\n" * (place > 0) + _line(row)).encode())
    return digest.hexdigest()


def _line(row: Mapping[str, Any]) -> str:
    lists = [
        [(item["image_id"], f"{item['score']:.4f}") for item in row[name]]
        for name in REFERENCE_LISTS
    ]
    return json.dumps([*(row[key] for key in ("image_id", "sha256", "split", "identity")), *lists])


def decode(encoded: bytes) -> np.ndarray:
    """An encoded image as uint8 RGB, (H, W, 3); raises UnreadableImage where it is damaged."""
    return decode_image(encoded).pixels
