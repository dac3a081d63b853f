"""Several processes that share each training batch, started by `torchrun`."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from faceref.errors import FaceRefError


@dataclass(frozen=True)
class World:
    """Which process this is, and of how many; torchrun sets environment variables."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def of_environment(cls) -> World:
        """The world that torchrun has made; one process without it."""
        names = (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
        return cls(*(int(os.environ.get(name, default)) for name, default in names))

    @property
    def leads(self) -> bool:
        """Whether this process scores val, writes and prints."""
        return self.rank == 0

    def device(self, device: torch.device) -> torch.device:
        """Each process's own GPU; the CPU is shared."""
        return torch.device("cuda", self.local_rank) if device.type == "cuda" else device

    @contextmanager
    def joined(self, device: torch.device) -> Iterator[None]:
        """A process group while it lasts: NCCL on GPUs, Gloo on CPUs; nothing for one process.

        Whoever wraps a model lets go of it within. Then the threads of the group end here: one that
        still lets go of a tensor when Python ends would abort the process. After an error they end
        with what the error holds.
        """
        if self.size == 1:
            yield
            return
        # Imported later, by the wrapping, its default arguments would hold the group for good.
        importlib.import_module("torch.distributed.nn.functional")
        if device.type == "cuda":
            torch.cuda.set_device(device)
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        try:
            yield
            # Whoever ends first would take the connection from those that still write.
            torch.distributed.barrier()
        finally:
            torch.distributed.destroy_process_group()
            gc.collect()

    def wrap(self, model: nn.Module) -> nn.Module:
        """`model`, whose gradients become the mean over all processes."""
        if self.size == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        # A batch without references leaves the parts that read them without a gradient.
        return DistributedDataParallel(model, find_unused_parameters=True)

    def need_shares(self, batch_size: int) -> None:
        """Raise FaceRefError where a batch cannot be shared in equal parts."""
        if batch_size % self.size:
            raise FaceRefError(
                f"A batch of {batch_size} cannot be shared by {self.size} processes. Start as many "
                f"as divide it: torchrun --nproc_per_node {_divisor(batch_size, self.size)} ..."
            )

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        if self.size > 1:
            torch.distributed.all_reduce(value)
            value /= self.size
        return value

    def any(self, said: bool, device: torch.device) -> bool:
        """Whether any process says so."""
        if self.size == 1:
            return said
        votes = torch.tensor(float(said), device=device)
        torch.distributed.all_reduce(votes)
        return votes.item() > 0


def _divisor(batch_size: int, most: int) -> int:
    return next(size for size in range(most, 0, -1) if batch_size % size == 0)
