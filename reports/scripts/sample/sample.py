"""Pack a generated folder into the one Parquet file that the package ships.

python reports/scripts/sample/sample.py FACES_DIR OUT.parquet
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from faceref.errors import FaceRefError
from faceref.synthetic.generate import read_description, read_landmarks

if TYPE_CHECKING:
    import pyarrow as pa


def write_sample(images_dir: Path, out: Path) -> int:
    """Write every image of `images_dir` to `out`; returns the number of bytes written.

    Columns: `image_id` such as `p000/p000_0`, `identity`, `image` (JPEG bytes) and `landmarks` (ten
    float32, x0, y0, ..., x4, y4 in pixels). The recipe is the schema's metadata `synthetic`.
    """
    import pyarrow.parquet as pq

    table = _read(images_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, out, compression="zstd", use_dictionary=False, write_statistics=False)
    return out.stat().st_size


def _read(images_dir: Path) -> pa.Table:
    import pyarrow as pa

    landmarks = read_landmarks(images_dir)
    missing = [name for name in landmarks if not (images_dir / f"{name}.jpg").exists()]
    if missing:
        raise FaceRefError(f"{images_dir} lacks {len(missing)} images: run `faceref synth` again")
    fields = [(name, pa.string()) for name in ("image_id", "identity")]
    fields += [("image", pa.binary()), ("landmarks", pa.list_(pa.float32()))]
    metadata = {"synthetic": json.dumps(read_description(images_dir))}
    columns = {
        "image_id": list(landmarks),
        "identity": [name.split("/")[0] for name in landmarks],
        "image": [(images_dir / f"{name}.jpg").read_bytes() for name in landmarks],
        "landmarks": list(landmarks.values()),
    }
    return pa.table(columns, schema=pa.schema(fields, metadata=metadata))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Pack synthetic faces into one Parquet file.")
    parser.add_argument("faces", type=Path, metavar="FACES_DIR")
    parser.add_argument("out", type=Path, metavar="OUT.parquet")
    given = parser.parse_args()
    print(f"{given.out}: {write_sample(given.faces, given.out):,} bytes")


if __name__ == "__main__":
    main()
