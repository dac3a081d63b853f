"""Results made up for tests of leaderboards and figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.protocol.budgets import BUDGETS
from benchmark.results.result import Result, image_digest

FACES = 40
IDS = [f"face/{number:03d}" for number in range(FACES)]


def made(
    method: str,
    quality: float,
    budget: str | None = "small",
    spread: float = 0.1,
    **changes: object,
) -> Result:
    """A result whose mean PSNR is `quality`; scores differ from face to face by `spread` dB."""
    seed = sum(map(ord, f"{method}{changes.get('references')}"))
    noise = np.random.default_rng(seed).normal(0, 1, FACES)
    faces = np.linspace(-2, 2, FACES)
    scores = np.round(quality + faces + spread * (noise - noise.mean()), 4)
    training = {
        "seconds": 90.0,
        "uses_references": method == "msrnet",
        "weights_sha256": method,
        "data_revision": "a" * 64,
        "val_curve": [[10, quality - 1], [20, quality]],
        "learning_rate": BUDGETS[budget].learning_rate if budget in BUDGETS else None,
    }
    flat: list[float | None] = [0.5] * FACES
    found: list[float | None] = scores.tolist()
    result = Result(
        task="lfw-x8@1",
        method=method,
        title=method.upper(),
        budget=budget,
        split="test",
        references=0,
        reference_list=None,
        data_revision="a" * 64,
        images=FACES,
        images_sha256=image_digest(IDS),
        image_ids=IDS,
        scores={
            "psnr_y": found,
            "ssim_y": flat,
            "psnr_rgb": found,
            "ssim_rgb": flat,
        },
        means={"psnr_y": quality, "ssim_y": 0.5, "psnr_rgb": quality, "ssim_rgb": 0.5},
        parameters=1_500_000 if budget else 0,
        macs=2_000_000_000 if budget else 0,
        milliseconds=12.5,
        training=training if budget else None,
        seed=0 if budget else None,
        code="0.1.0",
        hardware={},
        versions={},
    )
    return replace(result, **changes)  # pyright: ignore[reportArgumentType]


def leaderboard_results() -> list[Result]:
    """Five rows, best first: two that cannot be told apart, and LPIPS that ranks the other way."""
    rows = [
        made("msrnet", 27, references=5, reference_list="refs_lr"),
        made("edsr", 26.99, spread=0.3),
        made("msrnet", 26.5),
        made("srcnn", 25.5),
        made("bicubic", 25, None),
    ]
    for place, row in enumerate(rows[:-1]):
        wave = np.random.default_rng(place).normal(0, 0.001, FACES)
        level = 0.2 if row.method == "srcnn" else 0.3
        row.scores["lpips_alex"] = np.round(level + wave, 4).tolist()
        row.means["lpips_alex"] = level
    return rows
