"""Opens an embedder by name."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faceref.errors import FaceRefError, unknown_choice

if TYPE_CHECKING:
    from faceref.embed.base import Embedder

EMBEDDERS = ("insightface", "dlib")
PRECISIONS = ("fp32", "bf16")
DEFAULT_PACK = "buffalo_l"
DEFAULT_DET_SIZE = 320


def open_embedder(
    name: str,
    *,
    pack: str | None = None,
    det_size: int = DEFAULT_DET_SIZE,
    device: str = "cpu",
    precision: str = "fp32",
) -> Embedder:
    """The embedder `name`, ready for use.

    `pack` is an insightface model pack: a folder of ONNX files, or a name such as `buffalo_l` that
    insightface fetches on first use. `det_size` is the side of the square in pixels that images are
    fitted into for detection. `device` is `cpu` or `cuda`; where `cuda` is not to be had the call
    fails. `precision` is `fp32` or `bf16`, see `faceref.embed.bf16`. Raises FaceRefError.
    """
    if precision not in PRECISIONS:
        raise unknown_choice("precision", precision, PRECISIONS)
    if precision == "bf16":
        from faceref.embed.bf16 import need_bf16

        need_bf16(name, device)
    if name == "insightface":
        from faceref.embed.insightface import PackEmbedder, find_pack

        return PackEmbedder(find_pack(pack or DEFAULT_PACK), det_size, device, precision)
    if name == "dlib":
        if pack is not None:
            raise FaceRefError(
                f"--pack {pack} is for the embedder 'insightface'; dlib brings its own models. "
                "Leave out --pack or use --embedder insightface."
            )
        from faceref.embed.dlib import DlibEmbedder

        return DlibEmbedder(device)
    raise unknown_choice("embedder", name, EMBEDDERS)


@dataclass(frozen=True)
class EmbedderSpec:
    """The arguments of `open_embedder`: they can be pickled, and opened where the work is done."""

    name: str
    pack: str | None = None
    det_size: int = DEFAULT_DET_SIZE
    device: str = "cpu"
    precision: str = "fp32"

    def open(self) -> Embedder:
        """Open it here; raises FaceRefError."""
        return open_embedder(
            self.name,
            pack=self.pack,
            det_size=self.det_size,
            device=self.device,
            precision=self.precision,
        )

    def open_for_threads(self) -> Embedder:
        """Open it here for many threads; dlib, which computes for one at a time, in processes.

        Where this program is no Python that could be started again, dlib stays here.
        """
        found = self.open()
        python = bool(sys.executable) and not getattr(sys, "frozen", False)
        if self.name != "dlib" or self.device != "cpu" or not python:
            return found
        from faceref.embed.processes import InProcesses

        return InProcesses(found, self.open)

    def located(self) -> EmbedderSpec:
        """The same with its pack, fetched if need be, as an absolute folder.

        So that many processes do not fetch it at once, wherever they run.
        """
        if self.name != "insightface":
            return self
        from faceref.embed.insightface import find_pack

        return replace(self, pack=str(find_pack(self.pack or DEFAULT_PACK).absolute()))
