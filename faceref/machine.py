"""What this machine grants a build: cores, disk and shared memory."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
SHARED_MEMORY = Path("/dev/shm")


def usable_cores() -> int:
    """Cores that this process may use: by its affinity, and by the quota of its container."""
    cores = affinity_cores()
    quota = cgroup_cores()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def affinity_cores() -> int:
    """Cores that the scheduler may put this process on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cgroup_cores(root: Path = CGROUP, membership: Path = MEMBERSHIP) -> float | None:
    """Cores' worth of time that the cgroup grants, None for no limit.

    The least `cpu.max` of this process's group and those above it; in version 1 the quota of the
    `cpu` controller (kernel documentation, admin-guide/cgroup-v2 and scheduler/sched-bwc).
    """
    old = root / "cpu"
    pairs = [_words(folder / "cpu.max") for folder in (root, *_own_groups(root, membership))]
    pairs.append(_words(old / "cpu.cfs_quota_us") + _words(old / "cpu.cfs_period_us"))
    limits = [int(pair[0]) / int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0].isdigit()]
    return min(limits, default=None)


def _own_groups(root: Path, membership: Path) -> list[Path]:
    lines = membership.read_text().splitlines() if membership.exists() else []
    names = [line[3:].strip("/") for line in lines if line.startswith("0::")]
    groups = [root / name for name in names if name]
    return [
        folder for group in groups for folder in (group, *group.parents) if root in folder.parents
    ]


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is or would be made."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def shared_memory_bytes() -> int | None:
    """Size of the shared memory, which Ray keeps objects in; None where there is none."""
    return shutil.disk_usage(SHARED_MEMORY).total if SHARED_MEMORY.is_dir() else None
