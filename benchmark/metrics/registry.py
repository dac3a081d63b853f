"""What a reader must know of each metric: its name in tables, its unit, which way is better.

A table that needs neither torch nor weights, so that leaderboards can be drawn from result files
alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from faceref.errors import unknown_choice

METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
"""Protocols of `benchmark.metrics`; the first ranks the leaderboard and chooses checkpoints."""


@dataclass(frozen=True)
class MetricInfo:
    """One metric, as leaderboards and figures show it."""

    name: str
    """Key in result files."""
    title: str
    unit: str = ""
    """Empty for a plain number."""
    higher_is_better: bool = True
    digits: int = 4
    """Decimals shown."""

    @property
    def heading(self) -> str:
        """Title with the unit, such as `PSNR-Y, dB`."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↑" if self.higher_is_better else "↓"


METRIC_INFO = {
    metric_info.name: metric_info
    for metric_info in (
        MetricInfo("psnr_y", "PSNR-Y", "dB", digits=2),
        MetricInfo("ssim_y", "SSIM-Y"),
        MetricInfo("psnr_rgb", "PSNR-RGB", "dB", digits=2),
        MetricInfo("ssim_rgb", "SSIM-RGB"),
        MetricInfo("lpips_alex", "LPIPS (alex)", higher_is_better=False),
        MetricInfo("lpips_vgg", "LPIPS (vgg)", higher_is_better=False),
        MetricInfo("lpips_squeeze", "LPIPS (squeeze)", higher_is_better=False),
        MetricInfo("dists", "DISTS", higher_is_better=False),
        MetricInfo("fid", "FID", higher_is_better=False, digits=2),
        MetricInfo("kid", "KID", higher_is_better=False),
        MetricInfo("identity", "identity"),
        MetricInfo("landmarks", "landmark distance", "eye distances", higher_is_better=False),
        MetricInfo("usage", "reference usage", higher_is_better=False),
    )
}


def metric_info(name: str) -> MetricInfo:
    """What is known of the metric `name`; raises FaceRefError for an unknown one."""
    if name not in METRIC_INFO:
        raise unknown_choice("metric", name, METRIC_INFO)
    return METRIC_INFO[name]
