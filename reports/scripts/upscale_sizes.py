"""What `facebench upscale` does to faces of 12 to 128 pixels, against bicubic upsampling.

    python reports/scripts/upscale_sizes.py FACE_REF SOURCE --pack PACK

SOURCE is the folder of LFW that FACE_REF was built from. Faces of a split, drawn with a seed, are
shrunk with what is around them until the frame has a given size, turned by up to ten degrees,
shifted by parts of a pixel, and laid side by side to photographs of 25 faces. Each photograph is
enlarged; each face is brought to its frame again by its known landmarks, and compared with the face
of the set. No network gets references. On val every network is tried at every size: the limits in
`benchmark/upscaling/networks.py` are from there. On test the tool chooses by these limits, with
known landmarks, with those of insightface, and with those of dlib, the default detector. With
`--damage` the photographs are stored as JPEG or have noise added, and the tool is compared with
bicubic alone.

Every size is added to `upscale_sizes.json` in `--out` as it is measured, and what is there of the
same weights is not measured again. `upscale_sizes_page.py` writes page and figure from it.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from benchmark.metrics.batch import score_batch
from benchmark.metrics.identity import cosines, embed_all
from benchmark.metrics.perceptual import distances, lpips_distance, open_lpips
from benchmark.protocol.degradation import degrade
from benchmark.results.paired import paired
from benchmark.training.export import load_model, pretrained
from benchmark.upscaling.faces import FaceUpscaler, NoFaceError, UpscaledFace, upscale_photo
from benchmark.upscaling.networks import Network, open_networks
from benchmark.upscaling.paste import upsample_image
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.embed.align import ARCFACE, SIZE, align, similarity
from faceref.embed.base import Detection, Embedder
from faceref.embed.registry import open_embedder
from faceref.files import write_json
from faceref.mining.gallery import Gallery
from faceref.reading.image import decode

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that it runs by its path

SIZES = (12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128)
"""Sides of the frame in pixels of the photograph."""
ASIDE = 1.9
"""Side of a tile in frames."""
COLUMNS, EACH = 5, 25
"""Faces in a row and in a photograph."""
TURN = 10.0
"""Degrees."""
DAMAGES = ("jpeg90", "jpeg75", "jpeg50", "noise2", "noise5", "noise10")
"""JPEG by its quality, noise by its standard deviation."""
DAMAGED_SIZES = (12, 16, 24, 32, 48, 64, 96, 128)
SEED = 0
NAME = "upscale_sizes"


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph of several faces."""

    image: np.ndarray
    points: list[np.ndarray]
    """Landmarks of each face, (5, 2), in pixels of the photograph."""
    steps: np.ndarray | None = None
    """Of the quantisation of a JPEG, see `faceref.reading.image.Decoded`."""


class Known:
    """An embedder that has the landmarks, in place of a detector."""

    scheme = ARCFACE
    det_size = None

    def __init__(self, points: Sequence[np.ndarray]) -> None:
        self.points = points

    def finest(self, _: int) -> float:
        """The whole is looked at alone."""
        return 1.0

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of the photograph, in its order."""
        boxes = [(*one.min(0).tolist(), *one.max(0).tolist()) for one in self.points]
        return [Detection(box, 1.0, one) for box, one in zip(boxes, self.points, strict=True)]


def tile(source: np.ndarray, points: np.ndarray, size: int, rng: Any) -> Photo:
    """A face with what is around it, its frame `size` pixels wide, turned and shifted."""
    side = math.ceil(ASIDE * size)
    zoom = max(2, math.ceil(160 / size))
    turn = math.radians(rng.uniform(-TURN, TURN))
    centre = side / 2 + rng.uniform(-0.5, 0.5, 2) + [0.0, 0.1 * size]
    scale = size / SIZE
    turned = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    placed = (ARCFACE.template + 0.5 - SIZE / 2) @ turned.T + centre  # from the corner
    fitted = similarity(points, placed * zoom - 0.5)
    large = cv2.warpAffine(
        source, fitted, (side * zoom,) * 2, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    there = cv2.transform(points[None].astype(np.float64), fitted)[0]
    return Photo(degrade(large, zoom), [((there + 0.5) / zoom - 0.5).astype(np.float32)])


def photo(tiles: Sequence[Photo]) -> Photo:
    """Tiles side by side."""
    side = tiles[0].image.shape[0]
    rows = math.ceil(len(tiles) / COLUMNS)
    image = np.full((rows * side, COLUMNS * side, 3), 128, np.uint8)
    points = []
    for place, one in enumerate(tiles):
        top, left = side * (place // COLUMNS), side * (place % COLUMNS)
        image[top : top + side, left : left + side] = one.image
        points.append(one.points[0] + np.array([left, top], np.float32))
    return Photo(image, points)


def damaged(one: Photo, damage: str, rng: Any) -> Photo:
    """A photograph as it is read from a JPEG, or with noise, by one of `DAMAGES`."""
    strength = int(damage.removeprefix("jpeg").removeprefix("noise"))
    if damage.startswith("jpeg"):
        file = io.BytesIO()
        Image.fromarray(one.image).save(file, "JPEG", quality=strength)
        read = decode(file.getvalue())
        return Photo(read.pixels, one.points, read.steps)
    noise = rng.normal(0, strength, one.image.shape)
    return Photo(np.rint((one.image + noise).clip(0, 255)).astype(np.uint8), one.points)


def frames(image: np.ndarray, points: Sequence[np.ndarray], scale: int) -> np.ndarray:
    """Each face of an enlarged photograph, uint8 RGB (N, 128, 128, 3)."""
    return np.stack(
        [align(image, (one + 0.5) * scale - 0.5, ARCFACE.template)[0] for one in points]
    )


@dataclass(frozen=True, eq=False)
class Study:
    """What is compared: ways to enlarge a photograph, and how faces are scored."""

    face_ref: FaceRef
    source: Path
    upscaler: FaceUpscaler
    embedder: Embedder
    dlib: Embedder
    lpips: Any
    """A distance of `benchmark.metrics.perceptual`."""

    def photos(self, split: str, rows: Sequence[int], size: int) -> list[Photo]:
        """Photographs of the faces `rows`, drawn for the size."""
        ids = self.face_ref.column(split, "image_id")
        points = np.array(self.face_ref.column(split, "landmarks"), np.float32).reshape(-1, 5, 2)
        rng = np.random.default_rng([SEED, size])
        tiles = []
        for row in rows:
            with Image.open(self.source / f"{ids[row]}.jpg") as image:
                tiles.append(tile(np.asarray(image.convert("RGB")), points[row], size, rng))
        return [photo(tiles[start : start + EACH]) for start in range(0, len(tiles), EACH)]

    def measure_damaged(
        self, split: str, rows: Sequence[int], size: int, damage: str
    ) -> dict[str, Any]:
        """The tool and bicubic at one size, on photographs damaged by `damage`."""
        scale = 8 if size <= 16 else 4
        rng = np.random.default_rng([SEED, size])
        made: dict[str, list[np.ndarray]] = {"bicubic": [], "tool": []}
        for clean in self.photos(split, rows, size):
            one = damaged(clean, damage, rng)
            plain = upsample_image(one.image, scale)
            ours, _ = _upscaled(one, self.placed, Known(one.points), scale)
            made["bicubic"].append(frames(plain, one.points, scale))
            made["tool"].append(frames(ours, one.points, scale))
        truth = self.face_ref.images(split)[list(rows)]
        scores: dict[str, dict[str, np.ndarray]] = {}
        for way, part in made.items():
            outputs = np.concatenate(part)
            scores[way] = quality(outputs, truth)
            if split == "test":
                scores[way]["lpips"] = distances(self.lpips, outputs, truth, torch.device("cpu"))
        head = {"split": split, "damage": damage, "size": size, "scale": scale, "faces": len(rows)}
        return head | {way: _means(found, scores["bicubic"]) for way, found in scores.items()}

    def measure(self, split: str, rows: Sequence[int], size: int) -> dict[str, Any]:
        """All ways at one size: means, and differences from bicubic with their intervals."""
        scale = 8 if size <= 16 else 4
        photos = self.photos(split, rows, size)
        made: dict[str, list[np.ndarray]] = {}
        found: list[UpscaledFace] = []
        seen = 0
        for one in photos:
            plain = upsample_image(one.image, scale)
            made.setdefault("bicubic", []).append(frames(plain, one.points, scale))
            for way, (upscaler, embedder) in self.ways(split, one).items():
                result, faces = _upscaled(one, upscaler, embedder, scale)
                made.setdefault(way, []).append(frames(result, one.points, scale))
                if way == "tool":
                    found += faces
                if way == "detected":
                    seen += _seen(faces, one, size)
        truth = self.face_ref.images(split)[list(rows)]
        score = self.score if split == "test" else quality
        scores = {way: score(np.concatenate(part), truth) for way, part in made.items()}
        row = {
            "split": split,
            "size": size,
            "scale": scale,
            "faces": len(rows),
            **{way: _means(found, scores["bicubic"]) for way, found in scores.items()},
        }
        if split == "test":
            row |= {"network": found[0].scale, "detected_share": round(seen / len(rows), 3)}
        return row

    def measure_dlib(self, split: str, rows: Sequence[int], size: int) -> dict[str, Any]:
        """The tool with dlib's landmarks at one size: faces found, and the gain over bicubic."""
        scale = 8 if size <= 16 else 4
        made: dict[str, list[np.ndarray]] = {"bicubic": [], "dlib": []}
        seen = 0
        for one in self.photos(split, rows, size):
            plain = upsample_image(one.image, scale)
            ours, faces = _upscaled(one, self.upscaler, self.dlib, scale)
            made["bicubic"].append(frames(plain, one.points, scale))
            made["dlib"].append(frames(ours, one.points, scale))
            seen += _seen(faces, one, size)
        truth = self.face_ref.images(split)[list(rows)]
        scores = {way: quality(np.concatenate(part), truth) for way, part in made.items()}
        gain = _means(scores["dlib"], scores["bicubic"])
        return {"dlib": gain, "dlib_share": round(seen / len(rows), 3)}

    def ways(self, split: str, one: Photo) -> dict[str, tuple[FaceUpscaler, Any]]:
        """What enlarges a photograph on `split`, and what finds its faces, by name."""
        ours, known = self.upscaler, Known(one.points)
        ways = {"agreed": (self._always(_bicubic()), known)}
        if split == "test":
            return ways | {"tool": (self.placed, known), "detected": (ours, self.embedder)}
        networks = self.placed.networks.values()
        return ways | {f"x{one.scale}": (self._always(one), known) for one in networks}

    @property
    def placed(self) -> FaceUpscaler:
        """For known landmarks, whose frames need no correction."""
        networks = self.upscaler.networks.items()
        plain = {scale: replace(one, correction=None) for scale, one in networks}
        return FaceUpscaler(plain, self.upscaler.gallery, torch.device("cpu"))

    def _always(self, network: Network) -> FaceUpscaler:
        """One network, whatever the size."""
        unlimited = replace(network, limit=math.inf)
        return FaceUpscaler({network.scale: unlimited}, self.upscaler.gallery, torch.device("cpu"))

    def score(self, outputs: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
        """Of each face PSNR-Y in dB, LPIPS, and the cosine of its identity with the truth."""
        ours, theirs = embed_all(self.embedder, outputs), embed_all(self.embedder, truth)
        return {
            **quality(outputs, truth),
            "lpips": distances(self.lpips, outputs, truth, torch.device("cpu")),
            "identity": cosines(ours, theirs),
        }


def quality(outputs: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Of each face PSNR-Y in dB, by which limits are chosen."""
    return {"psnr_y": score_batch(outputs, truth)["psnr_y"]}


def _bicubic() -> Network:
    """What is no network: bicubic upsampling, made to agree with the photograph."""
    return next(iter(open_networks([load_model("bicubic")], 0, torch.device("cpu")).values()))


def _upscaled(
    one: Photo, upscaler: FaceUpscaler, embedder: Any, scale: int
) -> tuple[np.ndarray, list[UpscaledFace]]:
    """As `upscale_photo`; a photograph in which no face is found is upsampled."""
    try:
        return upscale_photo(one.image, upscaler, embedder, scale, one.steps)
    except NoFaceError:
        return upsample_image(one.image, scale), []


def _seen(faces: Sequence[UpscaledFace], one: Photo, size: int) -> int:
    """How many faces of a photograph have a found one within a quarter of the frame."""
    found = [np.reshape(face.box, (2, 2)).mean(0) for face in faces]
    there = [points.mean(0) for points in one.points]
    return sum(any(np.hypot(*(a - b)) < size / 4 for a in found) for b in there)


def _means(scores: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> dict[str, Any]:
    """The mean of each metric, and of its difference from bicubic with a 95 % interval."""
    said: dict[str, Any] = {}
    for metric, values in scores.items():
        gain = paired(values, base[metric])
        numbers = (gain.mean, gain.low, gain.high)
        said[metric] = {
            "mean": round(float(values.mean()), 4),
            "over_bicubic": [round(float(one), 4) for one in numbers],
        }
    said["below_bicubic"] = int((scores["psnr_y"] < base["psnr_y"] - 1e-6).sum())
    return said


def main() -> None:
    """Measure what is missing, and write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("source", type=Path, help="Folder of LFW.")
    parser.add_argument(
        "--weights",
        type=Path,
        action="append",
        help="One of x8, one of x4; default: the package's.",
    )
    parser.add_argument("--pack", required=True, help="insightface pack: detector and identity.")
    parser.add_argument("--split", choices=("val", "test"), action="append")
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", help="Of SIZES, or DAMAGED_SIZES.")
    parser.add_argument("--damage", choices=DAMAGES, nargs="+", help="Instead of clean ones.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("reports"), help="Folder.")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    face_ref = FaceRef.open(given.face_ref)
    models = [load_model(path) for path in given.weights] if given.weights else pretrained()
    device = torch.device("cpu")
    networks = open_networks(models, 0, device)
    study = Study(
        face_ref,
        given.source,
        FaceUpscaler(networks, Gallery(face_ref), device),
        open_embedder("insightface", pack=given.pack),
        open_embedder("dlib"),
        lpips_distance(open_lpips("alex")[0]),
    )
    file = given.out / f"{NAME}.json"
    said = _begun(
        file,
        {
            "data_revision": data_revision(face_ref),
            "networks": [network.provenance() for network in networks.values()],
            "seed": SEED,
        },
        study.upscaler,
    )
    sizes = given.sizes or (DAMAGED_SIZES if given.damage else SIZES)
    for split in given.split or ("val", "test"):
        count = face_ref.count(split)
        rows = np.random.default_rng(SEED).permutation(count)[: given.faces].tolist()
        for size, damage in itertools.product(sizes, given.damage or [""]):
            there = {_key(row): row for row in said["rows"]}
            measured = there.get((split, damage, size), {})
            if not measured:
                measured = (
                    study.measure_damaged(split, rows, size, damage)
                    if damage
                    else study.measure(split, rows, size)
                )
            elif damage or split == "val" or "dlib" in measured:
                continue
            if not damage and split == "test":
                measured |= study.measure_dlib(split, rows, size)
            there[_key(measured)] = measured
            said["rows"] = sorted(there.values(), key=_key)
            write_json(file, said)
            print(json.dumps(measured), flush=True)


def _begun(file: Path, head: dict[str, Any], upscaler: FaceUpscaler) -> dict[str, Any]:
    """What `file` holds already of the same data and weights, as the tool chooses now."""
    rows = []
    if file.is_file():
        known = json.loads(file.read_text(encoding="utf-8"))
        if {key: known[key] for key in head} == head:
            rows = known["rows"]
    return {**head, "rows": [row for row in rows if _current(row, upscaler)]}


def _key(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["split"], row.get("damage", ""), row["size"]


def _current(row: dict[str, Any], upscaler: FaceUpscaler) -> bool:
    chosen = upscaler.choose(row["size"])
    scale = chosen.scale if isinstance(chosen, Network) else None
    return row.get("network", scale) == scale


if __name__ == "__main__":
    main()
