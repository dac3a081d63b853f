"""What a reader must know of each metric: its name in tables, its unit, which way is better.

A table that needs neither torch nor weights, so that boards can be drawn from result files alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from faceref.errors import unknown_choice

METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
"""Protocols of `benchmark.metrics`; the first ranks the board and chooses checkpoints."""


@dataclass(frozen=True)
class MetricFact:
    """One metric, as boards and figures show it."""

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


FACTS = {
    fact.name: fact
    for fact in (
        MetricFact("psnr_y", "PSNR-Y", "dB", digits=2),
        MetricFact("ssim_y", "SSIM-Y"),
        MetricFact("psnr_rgb", "PSNR-RGB", "dB", digits=2),
        MetricFact("ssim_rgb", "SSIM-RGB"),
        MetricFact("lpips_alex", "LPIPS (alex)", higher_is_better=False),
        MetricFact("lpips_vgg", "LPIPS (vgg)", higher_is_better=False),
        MetricFact("lpips_squeeze", "LPIPS (squeeze)", higher_is_better=False),
        MetricFact("dists", "DISTS", higher_is_better=False),
        MetricFact("niqe", "NIQE", higher_is_better=False, digits=2),
        MetricFact("fid", "FID", higher_is_better=False, digits=2),
        MetricFact("kid", "KID", higher_is_better=False),
        MetricFact("identity", "identity"),
        MetricFact("landmarks", "landmark distance", "eye distances", higher_is_better=False),
        MetricFact("usage", "reference usage", higher_is_better=False),
    )
}


def fact(name: str) -> MetricFact:
    """What is known of the metric `name`; raises FaceRefError for an unknown one."""
    if name not in FACTS:
        raise unknown_choice("metric", name, FACTS)
    return FACTS[name]
