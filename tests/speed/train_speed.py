"""Images a second of our training loop against a plain one, the same EDSR.

    python tests/speed/train_speed.py [--steps 12] [--rounds 3] [--threads 2]

The plain loop is what one writes first: float32, a DataLoader whose workers open PNG files with
PIL, flip, shrink by bicubic and make tensors, in batches of the same size. Ours: faces in memory as
uint8, bf16 autocast, channels-last, batches prepared ahead. Rounds alternate. `stall` is the share
of our time that steps have waited for their batch; `ours_float32` is our loop without bf16. One
JSON line is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import to_tensor

from benchmark.data.batches import Loader
from benchmark.data.faces import Faces
from benchmark.methods.registry import load_method
from benchmark.protocol.budgets import Budget, budget
from benchmark.protocol.degradation import degrade_all, upsample_bicubic
from benchmark.training.run import Run
from benchmark.training.trainer import Trainer
from faceref.dataset.pool import Pool

FACES = 512
CPU = torch.device("cpu")


class Folder(Dataset):
    """PNG files of a folder, read by PIL: LR and HR."""

    def __init__(self, root: Path) -> None:
        self.paths = sorted(root.glob("*.png"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.paths[row]).convert("RGB")
        if np.random.default_rng().random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        small = image.resize((16, 16), Image.Resampling.BICUBIC)
        return to_tensor(small), to_tensor(image)


class Plain:
    """The loop that one writes first."""

    def __init__(self, root: Path, chosen: Budget, workers: int) -> None:
        self.model, self.loss = load_method("edsr").build(), nn.L1Loss()
        self.optimiser = torch.optim.Adam(self.model.parameters(), chosen.learning_rate)
        self.loader = DataLoader(
            Folder(root),
            chosen.batch_size,
            shuffle=True,
            num_workers=workers,
            persistent_workers=True,
            drop_last=True,
        )
        self.batches = iter(self.loader)

    def step(self) -> None:
        """One optimiser step."""
        try:
            lr, hr = next(self.batches)
        except StopIteration:
            self.batches = iter(self.loader)
            lr, hr = next(self.batches)
        loss = self.loss(self.model(lr, torch.zeros(len(lr), 0, 3, 128, 128)), hr)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()


class Ours:
    """The loop of `facebench train`."""

    def __init__(self, images: np.ndarray, chosen: Budget, root: Path) -> None:
        ids = [str(row) for row in range(len(images))]
        pool = Pool(images, {name: row for row, name in enumerate(ids)})
        faces = Faces(ids, images, degrade_all(images, ids, "bicubic"), [[] for _ in ids], pool)
        self.trainer = Trainer(load_method("edsr"), chosen, 0, CPU, Run(root), {})
        self.loader = Loader(faces, chosen, 0, CPU, counts=range(1))

    def step(self) -> None:
        """One optimiser step."""
        self.trainer.step(self.loader)
        self.trainer.state.step += 1


def random_images(count: int) -> np.ndarray:
    """Smooth images with noise, uint8 RGB (N, 128, 128, 3)."""
    rng = np.random.default_rng(0)
    smooth = [
        upsample_bicubic(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(count)
    ]
    noisy = np.stack(smooth) + rng.normal(0, 6, (count, 128, 128, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of training against a plain loop.")
    parser.add_argument("--steps", type=int, default=12, help="Timed in a round, after two.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1, help="Of the plain loop's DataLoader.")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    chosen, images = budget("small"), random_images(FACES)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for row, image in enumerate(images):
            Image.fromarray(image).save(root / f"{row:05d}.png")
        exact = replace(chosen, precision="fp32")
        loops = {
            "plain": Plain(root, chosen, given.workers),
            "ours": Ours(images, chosen, root),
            "ours_float32": Ours(images, exact, root),
        }
        print(json.dumps(vars(given) | measure(loops, given.rounds, given.steps, chosen)))


def measure(loops: dict, rounds: int, steps: int, chosen: Budget) -> dict:
    """Images a second of each loop, the ratios, and how long ours has waited."""
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            for _ in range(2):
                loop.step()
            start = time.perf_counter()
            for _ in range(steps):
                loop.step()
            times[name].append(time.perf_counter() - start)
    speed = {
        name: chosen.batch_size * steps / statistics.median(each) for name, each in times.items()
    }
    ours = loops["ours"]
    whole = sum(times["ours"]) * (steps + 2) / steps
    return {
        "images_per_second": {name: round(each, 1) for name, each in speed.items()},
        "ratio": round(speed["ours"] / speed["plain"], 2),
        "ratio_float32": round(speed["ours_float32"] / speed["plain"], 2),
        "stall": round(ours.loader.stall / whole, 4),
    }


if __name__ == "__main__":
    main()
