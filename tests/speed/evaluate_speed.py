"""Share of an evaluation that is the network's: what it would take if all else were free.

    python tests/speed/evaluate_speed.py FACE_REF [--method edsr] [--faces 4000]

In one run, with the same threads: `evaluate`, from reading the set to the finished result, and the
network alone, untrained, on LR faces that lie ready in batches of the same size. Train faces are
scored, since they are the most; what is scored makes no difference to the time.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from benchmark.evaluation.evaluate import BATCH, score_model
from benchmark.evaluation.record import MethodRecord
from benchmark.evaluation.setting import Setting
from benchmark.methods.registry import load_method
from faceref.dataset.face_ref import FaceRef


def time_evaluation(model: torch.nn.Module, face_ref: FaceRef, faces: int) -> float:
    """Seconds of scoring so many faces, without references."""
    setting = Setting("folder-x8@1", split="train", references=0, faces=faces)
    start = time.perf_counter()
    result = score_model(model, MethodRecord("mine", "Mine"), face_ref, setting, 0)
    seconds = time.perf_counter() - start
    assert result.images == faces, "the set has too few train faces"
    return seconds


@torch.no_grad()
def time_network(model: torch.nn.Module, faces: int) -> float:
    """Seconds of the network on as many LR faces, in batches of the same size."""
    batches = torch.rand(faces, 3, 16, 16).split(BATCH)
    start = time.perf_counter()
    for lr in batches:
        model(lr, lr.new_zeros(len(lr), 0, 3, 128, 128))
    return time.perf_counter() - start


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Share of an evaluation that is the network's.")
    parser.add_argument("face_ref")
    parser.add_argument("--method", default="edsr")
    parser.add_argument("--faces", type=int, default=4000)
    given = parser.parse_args()
    model = load_method(given.method).build().eval()
    time_network(model, BATCH)
    alone = time_network(model, given.faces)
    whole = time_evaluation(model, FaceRef.open(given.face_ref), given.faces)
    report = {
        "method": given.method,
        "faces": given.faces,
        "threads": torch.get_num_threads(),
        "faces_per_second": {
            "evaluate": round(given.faces / whole, 1),
            "network alone": round(given.faces / alone, 1),
        },
        "of_network_alone": round(alone / whole, 3),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
