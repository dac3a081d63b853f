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
    about: str
    """What it measures, as a sentence for newcomers."""
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


_NEAR = "How near each pixel comes to the HR face, in"
_ALIKE = "How alike small patches are to those of the HR face, in"
_LOOK = "How different the result and the HR face look to the network"
_SETS = "How far all results together lie from all HR faces together"

METRIC_INFO = {
    metric_info.name: metric_info
    for metric_info in (
        MetricInfo("psnr_y", "PSNR-Y", f"{_NEAR} brightness.", "dB", digits=2),
        MetricInfo("ssim_y", "SSIM-Y", f"{_ALIKE} brightness."),
        MetricInfo("psnr_rgb", "PSNR-RGB", f"{_NEAR} red, green and blue.", "dB", digits=2),
        MetricInfo("ssim_rgb", "SSIM-RGB", f"{_ALIKE} red, green and blue."),
        MetricInfo("lpips_alex", "LPIPS (alex)", f"{_LOOK} AlexNet.", higher_is_better=False),
        MetricInfo("lpips_vgg", "LPIPS (vgg)", f"{_LOOK} VGG.", higher_is_better=False),
        MetricInfo(
            "lpips_squeeze", "LPIPS (squeeze)", f"{_LOOK} SqueezeNet.", higher_is_better=False
        ),
        MetricInfo(
            "dists",
            "DISTS",
            "How different structure and texture look to a network.",
            higher_is_better=False,
        ),
        MetricInfo("fid", "FID", f"{_SETS}.", higher_is_better=False, digits=2),
        MetricInfo("kid", "KID", f"{_SETS}; fair to few faces.", higher_is_better=False),
        MetricInfo(
            "identity",
            "identity",
            "How alike a face recognition network finds the result and the HR face.",
        ),
        MetricInfo(
            "landmarks",
            "landmark distance",
            "How far eyes, nose and mouth lie from where they are in the HR face.",
            "eye distances",
            higher_is_better=False,
        ),
        MetricInfo(
            "usage",
            "reference usage",
            "How much more the result is like its references than the HR face is.",
            higher_is_better=False,
        ),
    )
}


def metric_info(name: str) -> MetricInfo:
    """What is known of the metric `name`; raises FaceRefError for an unknown one."""
    if name not in METRIC_INFO:
        raise unknown_choice("metric", name, METRIC_INFO)
    return METRIC_INFO[name]
