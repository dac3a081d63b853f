"""A Face_Ref opened for reading: what a notebook, a training and a check ask of a finished set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from faceref.console import Progress
from faceref.dataset.images import Encoded, decode_face, stacked, stream, stream_rows
from faceref.dataset.pool import Pool
from faceref.dataset.store import (
    AGAIN,
    DUPLICATE_SCHEMA,
    DUPLICATES,
    FORMAT,
    INDEX,
    LABEL_NOISE,
    MANIFEST,
    MANIFEST_SHAPE,
    NOISE_SCHEMA,
    ORACLE,
    ORACLE_SCHEMA,
    REFERENCE_LISTS,
    REJECT_SCHEMA,
    REJECTS,
    SCHEMA,
    SPLITS,
    WHOLE,
)
from faceref.errors import FaceRefError, closest, unknown_choice
from faceref.images import THUMBNAIL, thumbnail
from faceref.outputs.ours import need_apart
from faceref.outputs.working import half_replaced
from faceref.reading.image_format import IMAGE_ENDINGS
from faceref.reading.json_file import read_json
from faceref.reading.parquet import parquet_rows, read_parquet

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset
    from PIL.Image import Image

    from faceref.dataset.summary import Summary


LOOKED_AT = 1_000
"""Folders and files among which images are looked for where a folder is no set."""


class Reference(NamedTuple):
    """One entry of a reference list."""

    image_id: str
    score: float
    """Similarity to the probe: a cosine, at most 1."""

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Reference:
        """From an entry of a row; scores are stored with four digits."""
        return cls(stored["image_id"], round(stored["score"], 4))


class _Place(NamedTuple):
    split: str
    row: int


@dataclass(frozen=True, repr=False)
class FaceRef:
    """A Face_Ref folder, opened for reading. Columns and images are read when asked for.

    Example:
        >>> faces = FaceRef.open("face_ref")
        >>> sorted(faces.manifest["counts"])
        ['test', 'train', 'val']
    """

    root: Path

    @classmethod
    def open(cls, root: FaceRef | str | Path) -> FaceRef:
        """Open the folder `root`; one that is open, and was not changed, is returned as it is.

        Raises:
            FaceRefError: Where it is no Face_Ref of this format.
        """
        if isinstance(root, FaceRef):
            changed = _stamp(root.root / MANIFEST) != root._as_opened
            return cls.open(root.root) if changed else root
        found = cls(Path(root).expanduser())
        _ = found._as_opened
        if found.root.is_file():
            raise FaceRefError(
                f"{found.root} is a file, and a Face_Ref is a folder. Give the folder; an archive "
                "is unpacked first: tar -xf FILE."
            )
        if not (found.root / MANIFEST).is_file():
            raise FaceRefError(
                f"{found.root} is no Face_Ref: it has no {MANIFEST}."
                + (half_replaced(found.root) or _way_to_one(found.root))
            )
        version = found.manifest.get("format")
        if version != FORMAT:
            raise FaceRefError(
                f"{found.root} has format {version!r}; this version reads format {FORMAT}. "
                "Build it again, or install the version of face-ref that made it."
            )
        return found

    @cached_property
    def _as_opened(self) -> tuple[int, int] | None:
        """What changes with the manifest, as it was when the set was opened."""
        return _stamp(self.root / MANIFEST)

    def __repr__(self) -> str:
        """The folder and the counts in one line."""
        known = self.manifest["counts"]
        counts = ", ".join(f"{known[name]:,} {name}" for name in self.splits)
        return f"FaceRef({str(self.root)!r}: {counts})"

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The content of `face_ref.json`."""
        return read_json(self.root / MANIFEST, AGAIN, MANIFEST_SHAPE)

    @cached_property
    def pool(self) -> Pool:
        """The faces that references come from; its images are decoded when first used, once."""
        ids = self.column("train", "image_id")
        rows = {image_id: row for row, image_id in enumerate(ids)}
        return Pool(partial(self.images, "train"), rows)

    def split(self, name: str) -> Dataset:
        """The rows of a split as a Hugging Face data set; its `image` column gives PIL images.

        The encoded faces are held in memory and nothing is copied to a cache. For training use
        `faceref.load`, which maps the faces from disk.

        Args:
            name: `train`, `val` or `test`.

        Raises:
            FaceRefError: For an unknown split.

        Example:
            >>> faces.split("test")[0]["image"].size
            (128, 128)
        """
        from datasets import Dataset, NamedSplit
        from datasets.table import InMemoryTable

        tables = [read_parquet(path, AGAIN, SCHEMA, whole=WHOLE) for path in self.shards(name)]
        table = pa.concat_tables(tables)
        return Dataset(InMemoryTable(table), split=NamedSplit(name))

    def to_pandas(self, split: str | None = None) -> pd.DataFrame:
        """One row a face, without the images.

        Args:
            split: `train`, `val` or `test`; None takes all.

        Returns:
            The columns of the set, where each quality measure (`yaw`, `sharpness`, ...) is a
            column of its own, `refs_hr` and `refs_lr` are lists of image ids, best first, and
            `refs_hr_scores` and `refs_lr_scores` their scores.

        Raises:
            FaceRefError: For an unknown split.

        Example:
            >>> table = faces.to_pandas()
            >>> len(table) == sum(faces.manifest["counts"].values())
            True
            >>> bool((table["refs_lr"].str.len() <= 8).all())
            True
        """
        import pandas as pd

        names = self.splits if split is None else [split]
        return pd.DataFrame([_flat(row) for name in names for row in self.rows(name)])

    def references(self, image_id: str, reference_list: str = "refs_lr") -> list[Reference]:
        """The references of a face, best first.

        Args:
            image_id: Of any face of the set.
            reference_list: `refs_lr`, found by the LR face, or `refs_hr`, by the HR face.

        Raises:
            FaceRefError: For an unknown id or list.

        Example:
            >>> face = faces.column("test", "image_id")[0]
            >>> best = faces.references(face)[0]
            >>> best.image_id in faces.column("train", "image_id"), best.score <= 1
            (True, True)
        """
        need_reference_list(reference_list)
        split, row = self._place(image_id)
        if (split, reference_list) not in self._lists:
            table = self.table(split, [reference_list])
            self._lists[split, reference_list] = table[reference_list]
        return [Reference.of(item) for item in self._lists[split, reference_list][row].as_py()]

    def image(self, image_id: str) -> np.ndarray:
        """The aligned face, uint8 RGB, (128, 128, 3).

        Raises:
            FaceRefError: For an unknown id.

        Example:
            >>> faces.image(faces.column("test", "image_id")[0]).shape
            (128, 128, 3)
        """
        split, row = self._place(image_id)
        return self.images(split, [row])[0]

    def sheet(
        self,
        split: str = "test",
        reference_list: str = "refs_lr",
        probes: int = 10,
        out: str | Path | None = None,
    ) -> Image:
        """A contact sheet: each probe beside its references, best first, with their scores.

        Args:
            split: That the probes are from.
            reference_list: `refs_lr` or `refs_hr`.
            probes: Faces of the split, evenly spaced; fewer where it has fewer.
            out: Image to write, too: `.png`, `.jpg` or `.webp`, elsewhere than in the set.

        Returns:
            A PIL image, which a notebook shows.

        Raises:
            FaceRefError: For an unknown split or list, a split without faces, or an `out` that
                cannot be written.

        Example:
            >>> image = faces.sheet(probes=3, out="sheet.png")
        """
        from faceref.dataset.contact_sheet import contact_sheet
        from faceref.images import need_image, save

        if out is not None:
            need_image(file := Path(out).expanduser())
            need_apart(file, self.root)
        need_reference_list(reference_list)
        if probes < 1:
            raise FaceRefError(f"probes={probes}: 1 or more.")
        rows = self.table(split, ["image_id", reference_list]).to_pylist()
        if not rows:
            raise FaceRefError(f"{self.root} has no face in split {split!r}.")
        places = np.unique(np.linspace(0, len(rows) - 1, min(probes, len(rows))).round())
        chosen = {
            row["image_id"]: [Reference.of(item) for item in row[reference_list]]
            for row in (rows[int(place)] for place in places)
        }
        wanted = {*chosen, *(item.image_id for found in chosen.values() for item in found)}
        heads = (f"face ({split})", f"references, best first ({reference_list}, score)")
        image = contact_sheet(chosen, self._images_by_id(wanted), heads)
        if out is not None:
            save(image, Path(out).expanduser())
        return image

    def agreement(self, attributes: str | Path, split: str = "test") -> pd.DataFrame:
        """How often references share an attribute of their face, such as sex or age group.

        Args:
            attributes: CelebA's `list_attr_celeba.txt`, or CSV: `image_id` and a column an
                attribute, with a row for each face of `split` and of train. An empty cell is left
                out of the count.
            split: That the faces are from; their references are of train.

        Returns:
            One row per attribute that has 2 to 12 different values in train. `refs_hr` and
            `refs_lr` hold the share of references that agree with their face, 0 to 1, averaged over
            faces. `random` holds the same for all faces of other people in train. `attrs` holds the
            numbers of `faces` and `people` that were averaged over, and the columns that were
            `left_out`. Faces of one person are alike, so a share over few people says little.

        Raises:
            FaceRefError: For an unknown split, and a table that cannot be read or lacks a face.

        Example:
            >>> from pathlib import Path
            >>> ids = faces.column("train", "image_id") + faces.column("test", "image_id")
            >>> rows = [f"{name},{place % 2}" for place, name in enumerate(ids)]
            >>> _ = Path("glasses.csv").write_text("\\n".join(["image_id,glasses", *rows]))
            >>> faces.agreement("glasses.csv").columns.tolist()
            ['random', 'refs_hr', 'refs_lr']
        """
        from faceref.dataset.agreement import agreement

        return agreement(self, Path(attributes).expanduser(), split)

    @property
    def people_are_guessed(self) -> bool:
        """Whether labels do not tell who is who, so that one person may be in two splits."""
        from faceref.curation.identities import are_guessed

        return are_guessed(self.manifest)

    def summary(self) -> Summary:
        """Counts, rejects and similarities, as `faceref inspect` prints them.

        Example:
            >>> [table[0] for table in faces.summary().tables][1]
            'Rejected images'
        """
        from faceref.dataset.summary import summarise

        rejects = self.rejects() if (self.root / REJECTS).is_file() else []
        return summarise(self.manifest, str(self.root), rejects)

    @property
    def splits(self) -> list[str]:
        """Names of the splits that are here; an archive may lack some."""
        return [name for name in SPLITS if name in self.manifest["counts"]]

    def need_whole(self) -> None:
        """Raise FaceRefError for an unpacked archive: not all of its set is in it."""
        if "packed" in self.manifest:
            raise FaceRefError(
                f"{self.root} is an unpacked archive, with {' and '.join(self.splits)} of a set in "
                "smaller files. Check the set that it was made of."
            )

    @cached_property
    def _places(self) -> dict[str, _Place]:
        """Split and row of every image id."""
        return {
            image_id: _Place(split, row)
            for split in self.splits
            for row, image_id in enumerate(self.column(split, "image_id"))
        }

    @cached_property
    def _lists(self) -> dict[tuple[str, str], pa.ChunkedArray]:
        """The reference lists by split and name that were asked for."""
        return {}

    def _place(self, image_id: str) -> _Place:
        if image_id not in self._places:
            raise FaceRefError(
                f"{image_id!r} is no face of {self.root}.{closest(image_id, self._places)} Ids are "
                "those of the column image_id: `faces.column(SPLIT, 'image_id')`, SPLIT one of "
                f"{', '.join(self.splits)}."
            )
        return self._places[image_id]

    def _images_by_id(self, wanted: set[str]) -> dict[str, np.ndarray]:
        """The aligned faces of the given ids, from whatever split they are in."""
        found = {
            row[0]: self._decode(row)
            for split in self.splits
            for row in self.stream(split)
            if row[0] in wanted
        }
        if missing := sorted(wanted - found.keys()):
            raise FaceRefError(
                f"{self.root} has no face {missing[0]!r}, which it refers to. {AGAIN}"
            )
        return found

    def count(self, split: str) -> int:
        """Number of rows of `split`."""
        return sum(count for _, count in self._counts(split))

    def _counts(self, split: str) -> list[tuple[Path, int]]:
        """The shards of a split with their numbers of rows."""
        shards = self.shards(split)
        if split not in self._known_counts:
            self._known_counts[split] = [parquet_rows(path, AGAIN) for path in shards]
        return list(zip(shards, self._known_counts[split], strict=True))

    @cached_property
    def _known_counts(self) -> dict[str, list[int]]:
        """Numbers of rows of the shards of the splits that were asked for."""
        return {}

    def column(self, split: str, name: str) -> list[Any]:
        """One column of `split` in row order, as Python values."""
        return self.table(split, [name])[name].to_pylist()

    def table(self, split: str, columns: Sequence[str]) -> pa.Table:
        """The named columns of `split`, in row order."""
        for name in columns:
            if name not in SCHEMA.names:
                raise unknown_choice("column", name, SCHEMA.names)
        tables = [
            read_parquet(path, AGAIN, SCHEMA, columns=columns, whole=WHOLE)
            for path in self.shards(split)
        ]
        return pa.concat_tables(tables)

    def rows(self, split: str) -> list[dict[str, Any]]:
        """All columns of `split` but the images."""
        return self.table(split, [name for name in SCHEMA.names if name != "image"]).to_pylist()

    def images(self, split: str, rows: Sequence[int] | None = None) -> np.ndarray:
        """The aligned faces of a split.

        Args:
            split: `train`, `val` or `test`.
            rows: Rows of the split, ascending and each once; None takes all.

        Returns:
            uint8 RGB, (N, S, S, 3), S = 128, in row order.

        Raises:
            FaceRefError: For an unknown split, and for an image that is damaged.
            ValueError: For rows in another order.

        Example:
            >>> faces.images("test", rows=[0, 3]).shape
            (2, 128, 128, 3)
        """
        size = self.manifest["image_size"]
        total = self.count(split) if rows is None else len(rows)
        return stacked(self.encoded(split, rows), self._decode, total, size)

    def thumbnails(self, split: str, progress: Progress | None = None) -> np.ndarray:
        """The faces of a split as `refs_lr` are found by: uint8 RGB (N, 16, 16, 3), in row order.

        Only few of the faces themselves are in memory at a time.

        Args:
            split: `train`, `val` or `test`.
            progress: Called with faces done and faces in all.

        Raises:
            FaceRefError: For an unknown split, and for an image that is damaged.

        Example:
            >>> faces.thumbnails("test").shape[1:]
            (16, 16, 3)
        """
        return stacked(
            self.stream(split),
            lambda row: thumbnail(self._decode(row)),
            self.count(split),
            THUMBNAIL,
            progress,
        )

    def _decode(self, row: Encoded) -> np.ndarray:
        """The face of one row; raises FaceRefError where it is no image of the set's size."""
        return decode_face(self.root, self.manifest["image_size"], row)

    def stream(self, split: str) -> Iterator[Encoded]:
        """Image id and encoded image of each row of `split`, a few rows in memory at a time."""
        return stream(self.shards(split))

    def encoded(self, split: str, rows: Sequence[int] | None = None) -> Iterator[Encoded]:
        """As `stream`, of `rows` alone, ascending, each once; others are hardly read."""
        if rows is None:
            return self.stream(split)
        return stream_rows(self._counts(split), rows)

    def stream_faces(
        self, split: str, rows: Sequence[int] | None = None
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Image id and face, uint8 RGB (S, S, 3), of each row of `split`, or of `rows` of it."""
        for row in self.encoded(split, rows):
            yield row[0], self._decode(row)

    def rejects(self) -> list[dict[str, str]]:
        """The table of rejected images."""
        return self._rows_of(REJECTS, REJECT_SCHEMA, "image_id", "reason")

    def near_duplicates(self) -> list[dict[str, str]]:
        """The table of near-duplicates."""
        return self._rows_of(DUPLICATES, DUPLICATE_SCHEMA, *DUPLICATE_SCHEMA.names)

    def label_noise(self) -> list[dict[str, Any]]:
        """The table of doubtful labels."""
        return self._rows_of(LABEL_NOISE, NOISE_SCHEMA, "kind", "image_id")

    def _rows_of(self, name: str, schema: pa.Schema, *whole: str) -> list[dict[str, Any]]:
        """All rows of one of the tables beside the shards."""
        return read_parquet(self.root / name, AGAIN, schema, whole=set(whole)).to_pylist()

    def oracle(self) -> dict[str, list[str]]:
        """Same-person references by image id; raises FaceRefError where the set has none."""
        path = self.root / ORACLE
        if not path.exists():
            raise FaceRefError(
                f"{self.root} holds no same-person references: build it with --refs-same."
            )
        rows = self._rows_of(ORACLE, ORACLE_SCHEMA, *ORACLE_SCHEMA.names)
        return {row["image_id"]: [ref["image_id"] for ref in row["refs_same"]] for row in rows}

    def shards(self, split: str) -> list[Path]:
        """Paths of the shards of `split`, in order."""
        if split not in SPLITS:
            raise unknown_choice("split", split, SPLITS)
        if _stamp(self.root / MANIFEST) != self._as_opened:
            raise FaceRefError(
                f"{self.root} was changed since it was opened, so that rows would be mixed up. "
                "Open it again."
            )
        found = sorted((self.root / "data").glob(f"{split}-*.parquet"))
        if not found and (self.root / INDEX).is_dir():
            raise FaceRefError(
                f"{self.root} is an index: a set without its images. Make the set from it and your "
                f"copy of the images: faceref hydrate {self.root} --source FACES --out SET"
            )
        if not found:
            raise FaceRefError(f"{self.root} has no shard of split {split!r}. Build it again.")
        return found


def _stamp(manifest: Path) -> tuple[int, int] | None:
    try:
        found = manifest.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _way_to_one(root: Path) -> str:
    """How to make a set, from the images in `root` where it holds some."""
    folders = islice(os.walk(root), LOOKED_AT)
    files = ((place, name) for place, _, names in folders for name in names)
    for place, name in islice(files, LOOKED_AT):
        if name.lower().endswith(IMAGE_ENDINGS):
            of_nobody = Path(place) == root
            how = f"--source hf {root} --identity-column none" if of_nobody else f"{root}"
            return f" It holds images. Make a set from them: faceref build {how} --out SET"
    return f" Make one: faceref build FACES --out {root}"


def need_reference_list(name: str) -> None:
    """Raise FaceRefError unless `name` is a reference list."""
    if name not in REFERENCE_LISTS:
        raise unknown_choice("reference list", name, REFERENCE_LISTS)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the set as a row of the table."""
    flat = {name: value for name, value in row.items() if name != "quality"}
    flat |= row["quality"] or {}
    for name in REFERENCE_LISTS:
        found = [Reference.of(item) for item in row[name]]
        flat[name] = [item.image_id for item in found]
        flat[f"{name}_scores"] = [item.score for item in found]
    return flat
