"""Networks as they are used: evaluation, upscaling, metrics, adaptation."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import benchmark
from benchmark.data.faces import Faces, read_split
from benchmark.evaluation.evaluate import score_model, super_resolve
from benchmark.evaluation.extra_metrics import open_extras
from benchmark.evaluation.record import MethodRecord
from benchmark.evaluation.setting import Setting
from benchmark.evaluation.setting_faces import read_faces
from benchmark.methods.registry import load_method
from benchmark.metrics.batch import score_batch
from benchmark.metrics.perceptual import distances
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.hardware import open_device
from faceref.images import resized
from tests.speed.devices.task import Found, Task, faults_of, rate

DECIBEL = 0.01
"""How far the PSNR of a network may lie from that on the CPU."""
TUNED = 0.1
"""The same for one that is tuned, in bf16 on a card and on many CPUs in float32."""
BEYOND = 1e-3
"""Share of values that may be more than a level apart."""
METRICS = ("lpips_alex", "lpips_vgg", "lpips_squeeze", "dists", "fid", "kid")
SHARE = 2e-3
"""How far a metric may lie from that on the CPU, as a share of it."""


def evaluate(task: Task) -> Found:
    """Networks that come with the package, and one that is not trained."""
    faces = FaceRef.open(task.face_ref)
    names = task.of(("bicubic", "srcnn"), ("bicubic", "msrnet", "sparnet_s"))
    numbers, faults = {}, []
    for name in names:
        numbers[name], found = _evaluated(name, faces, task)
        faults += [f"{name}: {fault}" for fault in found]
    return Found(numbers, faults)


def network_of(name: str) -> nn.Module:
    """With the weights of the package where there are any, else as it begins, a little moved."""
    try:
        return benchmark.load_model(name)
    except FaceRefError:
        torch.manual_seed(0)
        model = load_method(name).build().eval()
        # Many networks begin as bicubic; moved, all their layers count.
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.01 * torch.randn_like(weight)
        return model


def _evaluated(name: str, faces: FaceRef, task: Task) -> tuple[dict[str, Any], list[str]]:
    setting = Setting("folder-x8@1", "val", faces=task.of(4, 32))
    method, model = load_method(name), network_of(name)
    count, chosen = method.given(setting.references), read_faces(faces, setting)
    numbers: dict[str, Any] = {"faces": len(chosen), "references": count}
    outputs, macs = [], []
    for side, device in task.sides.items():
        where = open_device(device)
        model.to(where)

        def run(where: torch.device = where) -> np.ndarray:
            return np.stack(list(super_resolve(model, chosen, count, where)))

        outputs.append(run())
        numbers[f"{side}_images_per_second"] = rate(run, len(chosen), task.seconds / 2)
        result = score_model(model, MethodRecord(name, name), faces, setting, count, device=device)
        numbers[f"{side}_milliseconds_at_batch_1"] = result.milliseconds
        macs.append(result.macs)
    found = apart(outputs[0], outputs[1], chosen.hr)
    more = faults_of((macs[0] == macs[1], f"multiply-adds are {macs[0]} and {macs[1]}"))
    return numbers | found, faults_of_outputs(found) + more


def apart(wanted: np.ndarray, found: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """How far outputs, uint8 RGB (N, H, W, 3), lie from each other; PSNR is to `targets`."""
    levels = np.abs(wanted.astype(int) - found)
    psnr = [float(score_batch(images, targets)["psnr_y"].mean()) for images in (wanted, found)]
    return {
        "psnr_y": [round(value, 4) for value in psnr],
        "most_levels_apart": int(levels.max()),
        "beyond_one_level": round(float((levels > 1).mean()), 6),
    }


def faults_of_outputs(numbers: dict[str, Any]) -> list[str]:
    """What is wrong with outputs that are so far `apart`.

    Nearly all values are a level apart at most. All would be too much to ask: where two cells of a
    reference are equally alike the last digit decides which is taken.
    """
    beyond = numbers["beyond_one_level"]
    rule = (beyond <= BEYOND, f"{beyond:.2%} of values are more than a level apart")
    return far(numbers, DECIBEL) + faults_of(rule)


def far(numbers: dict[str, Any], limit: float) -> list[str]:
    """A fault where PSNR is more than `limit` dB `apart`."""
    one, other = numbers["psnr_y"]
    return faults_of((abs(one - other) <= limit, f"PSNR is {abs(one - other):.3f} dB apart"))


def upscale(task: Task) -> Found:
    """Aligned crops by the networks of the package, with references of their own."""
    faces = FaceRef.open(task.face_ref)
    crops = np.repeat(faces.images("val")[: task.of(1, 16)], 2, axis=0)
    # Of 16 and of 32 pixels: for the networks of x8 and of x4.
    small = [resized(crop, 16 << place % 2) for place, crop in enumerate(crops)]
    numbers: dict[str, Any] = {"faces": len(crops)}
    outputs = []
    for name, device in task.sides.items():
        count = task.of(1, 5)
        upscaler = benchmark.Upscaler.from_pretrained(
            faces, aligned=True, count=count, device=device
        )

        def run(by: benchmark.Upscaler = upscaler) -> np.ndarray:
            return np.stack([by(image).image for image in small])

        outputs.append(run())
        numbers[f"{name}_images_per_second"] = rate(run, len(crops), task.seconds / 2)
    found = apart(outputs[0], outputs[1], crops)
    return Found(numbers | found, faults_of_outputs(found))


def metrics(task: Task) -> Found:
    """Metrics by networks: a made one, and those whose weights are here."""
    faces = read_split(FaceRef.open(task.face_ref), "val", "refs_lr")
    faces = faces.take(list(range(min(len(faces), task.of(4, 64)))))
    outputs = np.roll(faces.hr, 1, 2)
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 32, 5, 2), nn.ReLU(), nn.Conv2d(32, 32, 5, 2))
    own, numbers, faults = {}, {}, []
    for name, device in task.sides.items():
        where = open_device(device)
        network = layers.to(where)

        def distance(one: Tensor, other: Tensor, network: nn.Module = network) -> Tensor:
            return (network(one) - network(other)).square().mean((1, 2, 3))

        own[name] = distances(distance, outputs, faces.hr, where)
    found = {"of_two_layers": list(own.values())}
    for metric in METRICS:
        try:
            found[metric] = [_extra(metric, outputs, faces, side) for side in task.sides.values()]
        except FaceRefError as error:
            numbers[metric] = ". ".join(str(error).split(". ")[:2])
    for metric, (wanted, there) in found.items():
        share = float(np.abs(wanted - there).max() / np.abs(wanted).max().clip(1e-6))
        numbers[metric] = {"mean": [float(wanted.mean()), float(there.mean())], "apart": share}
        faults += faults_of((share <= SHARE, f"{metric} is {share:.1e} of itself apart"))
    return Found(numbers, faults)


def _extra(metric: str, outputs: np.ndarray, faces: Faces, device: str) -> np.ndarray:
    scores = open_extras([metric], open_device(device)).score(outputs, faces, 0)
    return np.array(scores.scores.get(metric) or [scores.set_scores[metric]], np.float64)


def adaptation(task: Task) -> Found:
    """`benchmark.adapt` by memory and by tuning."""
    faces = FaceRef.open(task.face_ref)
    model = network_of(task.of("srcnn", "msrnet"))
    val = read_faces(faces, Setting("folder-x8@1", "val", faces=task.of(4, 32)))
    options: dict[str, dict[str, Any]] = {
        "memory": {"faces": task.of(16, 128)},
        "tuning": {"steps": task.of(2, 8)},
    }
    numbers, faults = {}, []
    for way, more in options.items():
        outputs, seconds = [], []
        for device in task.sides.values():
            start = time.perf_counter()
            adapted = benchmark.adapt(
                model, faces, by=way, device=device, progress=False, references=5, **more
            )
            seconds.append(round(time.perf_counter() - start, 2))
            made = super_resolve(adapted.to(open_device(device)), val, 5, open_device(device))
            outputs.append(np.stack(list(made)))
        found = apart(outputs[0], outputs[1], val.hr)
        wrong = faults_of_outputs(found) if way == "memory" else far(found, TUNED)
        numbers[way] = {"seconds": seconds, **found}
        faults += [f"{way}: {fault}" for fault in wrong]
    return Found(numbers, faults)
