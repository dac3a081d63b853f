"""`facebench leaderboard` on many results of many images, made up.

    python tests/speed/leaderboard_speed.py [--results 200] [--images 10000]

Results are of 40 methods with five seeds each, in rows of five settings; the command runs in a
process of its own, imports included. `json` is the time to read the same scores from indented JSON,
as result files of format 1 hold them. One JSON line is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmark.metrics.registry import METRICS
from benchmark.results.files import read_all, write
from benchmark.results.result import Result, image_digest


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of the leaderboard.")
    parser.add_argument("--results", type=int, default=200)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=5, help="Of each row.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, old = Path(name) / "results", Path(name) / "old"
        old.mkdir()
        for number in range(given.results):
            result = made(number, given.images, given.seeds)
            write(result, folder)
            (old / f"{number}.json").write_text(json.dumps(result.scores, indent=2))
        print(json.dumps(vars(given) | times(folder, old)))


def made(number: int, images: int, seeds: int) -> Result:
    """A result whose scores are drawn at random; every `seeds` of them are of one method."""
    rng = np.random.default_rng(number)
    faces = np.random.default_rng(0).normal(0, 2, images)
    psnr = np.round(25 + number // seeds / 100 + faces + rng.normal(0, 0.3, images), 4)
    ssim = np.round(np.clip(0.7 + rng.normal(0, 0.05, images), 0, 1), 4)
    scores = {metric: (psnr if metric[0] == "p" else ssim) for metric in METRICS}
    ids = [f"face/{place:06d}" for place in range(images)]
    return Result(
        task="lfw-x8@1",
        method=f"method{number // seeds:03d}",
        title=f"Method {number // seeds}",
        budget="small",
        split="test",
        references=0,
        reference_list=None,
        data_revision="a" * 64,
        images=images,
        images_sha256=image_digest(ids),
        scores={metric: row.tolist() for metric, row in scores.items()},
        means={metric: round(float(row.mean()), 4) for metric, row in scores.items()},
        parameters=1_500_000,
        macs=2_000_000_000,
        milliseconds=10.0,
        training={"seconds": 600.0, "weights_sha256": f"{number:064d}", "val_curve": [[10, 25.0]]},
        seed=number % seeds,
        code="0.1.0",
        hardware={},
        versions={},
        image_ids=ids,
    )


def times(folder: Path, old: Path) -> dict[str, float]:
    """Seconds of the command, of reading alone, and of reading the scores from JSON."""
    code = "from benchmark.cli.app import app; app()"
    command = [sys.executable, "-c", code, "leaderboard", str(folder), "--out"]
    start = time.perf_counter()
    subprocess.run([*command, str(old / "board.md")], check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter()
    read_all(folder)
    reading = time.perf_counter()
    for path in old.glob("*.json"):
        json.loads(path.read_text())
    end = time.perf_counter()
    return {
        "leaderboard_seconds": round(whole - start, 2),
        "reading_seconds": round(reading - whole, 2),
        "json_seconds": round(end - reading, 2),
    }


if __name__ == "__main__":
    main()
