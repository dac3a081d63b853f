"""Face_Ref on disk, format 1: Parquet shards with a manifest and a card.

```
face_ref.json                       manifest: version, provenance, seed, counts, thresholds
README.md                           data-set card, read by `datasets.load_dataset`
data/<split>-00000-of-00001.parquet rows, see `SCHEMA`
rejects.parquet                     image_id, source, identity, reason, detail
near_duplicates.parquet             image_id, duplicate_of, kind
label_noise.parquet                 labels that the embeddings contradict, see `NOISE_SCHEMA`
refs_same.parquet                   only where asked for: an oracle of same-person references
lr_encoder.safetensors              only where `refs_lr` are alike by identity: see lr_encoder.py
```

Reading needs numpy, Pillow and pyarrow only, so that a lean GPU host can train.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from faceref.errors import FaceRefError, unknown_choice

FORMAT = 1
SPLITS = ("train", "val", "test")
REFERENCE_LISTS = ("refs_hr", "refs_lr")
MANIFEST = "face_ref.json"
REJECTS = "rejects.parquet"
DUPLICATES = "near_duplicates.parquet"
LABEL_NOISE = "label_noise.parquet"
ORACLE = "refs_same.parquet"
LR_ENCODER = "lr_encoder.safetensors"
ROWS_PER_SHARD = 8192
ROWS_PER_GROUP = 256

_REFERENCES = pa.list_(pa.struct([("image_id", pa.string()), ("score", pa.float32())]))
_QUALITY = pa.struct(
    [
        ("detector_score", pa.float32()),
        ("eye_distance", pa.float32()),
        ("inside", pa.float32()),
        ("faces", pa.int32()),
        ("sharpness", pa.float32()),
        ("yaw", pa.float32()),
        ("pitch", pa.float32()),
        ("roll", pa.float32()),
    ]
)


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
    "quality": {
        "detector_score": _value("float32"),
        "eye_distance": _value("float32"),
        "inside": _value("float32"),
        "faces": _value("int32"),
        "sharpness": _value("float32"),
        "yaw": _value("float32"),
        "pitch": _value("float32"),
        "roll": _value("float32"),
    },
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
        ("quality", _QUALITY),
        ("refs_hr", _REFERENCES),
        ("refs_lr", _REFERENCES),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}}, sort_keys=True)},
)
"""Columns of a shard. `sha256` is of the source file; `component` is what was dealt out to splits
as a whole; `landmarks` are x0, y0, ..., x4, y4 in source pixels; `refs_*` are ordered best first.
The metadata tells `datasets` that `image` is one."""

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
"""Doubts about labels; `kind` and the two cosines stand in `curation/label_noise.py`."""
ORACLE_SCHEMA = pa.schema([("image_id", pa.string()), ("refs_same", _REFERENCES)])


def shard_name(split: str, index: int, total: int) -> str:
    """Relative path of one shard, as the Hugging Face Hub names them."""
    return f"data/{split}-{index:05d}-of-{total:05d}.parquet"


def write_split(root: Path, split: str, rows: Iterable[dict[str, Any]], count: int) -> None:
    """Write `count` rows of `split` as shards of `ROWS_PER_SHARD` below `root`."""
    total = max(1, -(-count // ROWS_PER_SHARD))
    stream = iter(rows)
    (root / "data").mkdir(parents=True, exist_ok=True)
    for index in range(total):
        with pq.ParquetWriter(root / shard_name(split, index, total), SCHEMA) as writer:
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
    pq.write_table(pa.Table.from_pylist(list(rows), schema=REJECT_SCHEMA), root / REJECTS)


def write_findings(
    root: Path, duplicates: Sequence[dict[str, str]], noise: Sequence[dict[str, Any]]
) -> None:
    """Write the tables of near-duplicates and of doubtful labels."""
    tables = ((duplicates, DUPLICATE_SCHEMA, DUPLICATES), (noise, NOISE_SCHEMA, LABEL_NOISE))
    for rows, schema, name in tables:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), root / name)


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
    pq.write_table(pa.Table.from_pylist(rows, schema=ORACLE_SCHEMA), root / ORACLE)


def write_manifest(root: Path, manifest: dict[str, Any]) -> None:
    """Write `face_ref.json` with sorted keys, so that equal builds have equal bytes."""
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    (root / MANIFEST).write_text(text + "\n", encoding="utf-8")


class Pool:
    """The faces that references come from: the train split, decoded when its images are used."""

    def __init__(self, images: np.ndarray | Callable[[], np.ndarray], row: dict[str, int]) -> None:
        """`images`, uint8 RGB (N, 128, 128, 3), or what reads them; `row` of each image id."""
        self._images, self.row = images, row

    @cached_property
    def images(self) -> np.ndarray:
        """uint8 RGB, (N, 128, 128, 3)."""
        return self._images() if callable(self._images) else self._images


@dataclass(frozen=True)
class FaceRef:
    """A Face_Ref folder, opened for reading. Columns are read when asked for."""

    root: Path

    @classmethod
    def open(cls, root: str | Path) -> FaceRef:
        """Open `root`; raises FaceRefError where it is no Face_Ref of this format."""
        found = cls(Path(root))
        if not (found.root / MANIFEST).is_file():
            raise FaceRefError(
                f"{found.root} is no Face_Ref: it has no {MANIFEST}. "
                f"Make one with `faceref build --source folder FACES --out {found.root}`."
            )
        version = found.manifest.get("format")
        if version != FORMAT:
            raise FaceRefError(
                f"{found.root} has format {version!r}; this version reads format {FORMAT}. "
                "Build it again, or install the version of face-ref that made it."
            )
        return found

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The content of `face_ref.json`."""
        try:
            return json.loads((self.root / MANIFEST).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise FaceRefError(
                f"{self.root / MANIFEST} is damaged ({error}). Build the set again."
            ) from error

    @cached_property
    def pool(self) -> Pool:
        """The faces that references come from; its images are decoded when first used, once."""
        ids = self.column("train", "image_id")
        rows = {image_id: row for row, image_id in enumerate(ids)}
        return Pool(lambda: self.images("train"), rows)

    def count(self, split: str) -> int:
        """Number of rows of `split`."""
        return sum(pq.read_metadata(path).num_rows for path in self.shards(split))

    def column(self, split: str, name: str) -> list[Any]:
        """One column of `split` in row order, as Python values."""
        return self.table(split, [name])[name].to_pylist()

    def table(self, split: str, columns: Sequence[str]) -> pa.Table:
        """The named columns of `split`, in row order."""
        tables = [pq.read_table(path, columns=list(columns)) for path in self.shards(split)]
        return pa.concat_tables(tables)

    def rows(self, split: str) -> list[dict[str, Any]]:
        """All columns of `split` but the images; sets of earlier versions have no `component`."""
        there = pq.read_schema(self.shards(split)[0]).names
        names = [name for name in SCHEMA.names if name != "image" and name in there]
        return self.table(split, names).to_pylist()

    def images(self, split: str) -> np.ndarray:
        """All aligned faces of `split`: uint8 RGB, (N, S, S, 3)."""
        encoded = self.table(split, ["image"])["image"].combine_chunks()
        if len(encoded) == 0:
            size = self.manifest["image_size"]
            return np.zeros((0, size, size, 3), np.uint8)
        return np.stack([decode(item["bytes"].as_py()) for item in encoded])

    def stream(self, split: str) -> Iterator[tuple[str, bytes]]:
        """Image id and encoded image of each row of `split`, a few rows in memory at a time."""
        for path in self.shards(split):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(ROWS_PER_GROUP, columns=["image_id", "image"]):
                    for row in batch.to_pylist():
                        yield row["image_id"], row["image"]["bytes"]

    def rejects(self) -> list[dict[str, str]]:
        """The table of rejected images."""
        return pq.read_table(self.root / REJECTS).to_pylist()

    def near_duplicates(self) -> list[dict[str, str]]:
        """The table of near-duplicates."""
        return pq.read_table(self.root / DUPLICATES).to_pylist()

    def label_noise(self) -> list[dict[str, Any]]:
        """The table of doubtful labels."""
        return pq.read_table(self.root / LABEL_NOISE).to_pylist()

    def oracle(self) -> dict[str, list[str]]:
        """Same-person references by image id; raises FaceRefError where the set has none."""
        path = self.root / ORACLE
        if not path.exists():
            raise FaceRefError(
                f"{self.root} holds no same-person references: build it with --refs-same."
            )
        rows = pq.read_table(path).to_pylist()
        return {row["image_id"]: [ref["image_id"] for ref in row["refs_same"]] for row in rows}

    def shards(self, split: str) -> list[Path]:
        """Paths of the shards of `split`, in order."""
        if split not in SPLITS:
            raise unknown_choice("split", split, SPLITS)
        found = sorted((self.root / "data").glob(f"{split}-*.parquet"))
        if not found:
            raise FaceRefError(f"{self.root} has no shard of split {split!r}. Build it again.")
        return found


def fingerprint(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over ids, source hashes, splits, identities and references of all rows.

    Order does not count. Two sets with one fingerprint have the same content, whatever version
    wrote them.
    """
    keys = ("image_id", "sha256", "split", "identity")
    lines = []
    for row in rows:
        lists = [
            [(item["image_id"], f"{item['score']:.4f}") for item in row[name]]
            for name in REFERENCE_LISTS
        ]
        lines.append(json.dumps([*(row[key] for key in keys), *lists]))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def decode(encoded: bytes) -> np.ndarray:
    """An encoded image as uint8 RGB, (H, W, 3)."""
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(image.convert("RGB"))
