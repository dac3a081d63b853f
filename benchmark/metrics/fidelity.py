"""FID and KID by torch-fidelity: how far a set of faces lies from the set of true ones.

Needs the extra `metrics` and the weights `inception`; without them FaceRefError, no number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from benchmark.metrics import weights
from benchmark.metrics.perceptual import tensors_only
from benchmark.metrics.weights import need_package
from faceref.errors import FaceRefError

BATCH = 32
SUBSETS, SUBSET = 100, 1000
"""Subsets that KID is the mean of, and images in each, or all where there are fewer."""
KEYS = {"fid": "frechet_inception_distance", "kid": "kernel_inception_distance_mean"}


def fid_and_kid(
    outputs: np.ndarray, targets: np.ndarray, device: torch.device, **extractor: Any
) -> dict[str, float]:
    """`fid@1` and `kid@1` of two sets of uint8 RGB faces (N, H, W, 3), at least two in each.

    Features are the 2,048 of Inception's last pool (TensorFlow, 2015-12-05), its input upsampled as
    TensorFlow 1 did. FID: Heusel et al., NeurIPS 2017; its bias falls with N, so only sets of one
    size compare. KID: Binkowski et al., ICLR 2018, polynomial kernel of degree 3, which has no
    bias; mean over 100 subsets of 1,000. Lower is better.

    `extractor` replaces the network: keyword arguments of `torch_fidelity.calculate_metrics`.
    """
    smallest = min(len(outputs), len(targets))
    if smallest < 2:
        raise FaceRefError(f"FID and KID need two faces or more, got {smallest}.")
    need_package("torch_fidelity")
    from torch_fidelity import calculate_metrics

    with tensors_only():
        found = calculate_metrics(
            input1=_ImageDataset(outputs),
            input2=_ImageDataset(targets),
            cuda=device.type == "cuda",
            batch_size=BATCH,
            fid=True,
            kid=True,
            kid_subsets=SUBSETS,
            kid_subset_size=min(SUBSET, smallest),
            save_cpu_ram=True,
            cache=False,
            verbose=False,
            **(extractor or inception()),
        )
    return {name: float(found[key]) for name, key in KEYS.items()}


def inception() -> dict[str, Any]:
    """The network of the published FID, its file checked; raises FaceRefError without it."""
    path = str(weights.find("inception"))
    return {"feature_extractor": "inception-v3-compat", "feature_extractor_weights_path": path}


class _ImageDataset(Dataset):
    def __init__(self, faces: np.ndarray) -> None:
        self._faces = torch.from_numpy(faces).permute(0, 3, 1, 2).contiguous()

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self._faces[row]
